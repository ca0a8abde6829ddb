#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <source_location>
#include <string>
#include <string_view>

#include "common/base/strings.h"

namespace committest::fuzz {

/// Ends the program unless the property `holds`; libFuzzer then keeps the input.
inline void Expect(bool holds, const char* property,
                   std::source_location where = std::source_location::current()) {
  if (holds) return;
  std::fprintf(stderr, "%s:%u: does not hold: %s\n", where.file_name(), where.line(), property);
  std::abort();
}

/// The input as text.
inline std::string_view Text(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

/// The first line of `text`, which keeps what follows: how an input holds several values.
inline std::string_view TakeLine(std::string_view& text) {
  const std::size_t end = text.find('\n');
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line;
}

/// Whether `text` may be shown to people as it is: one line of clean UTF-8, at most `max_bytes`.
inline bool IsCleanLine(const std::string& text, std::size_t max_bytes) {
  return text.size() <= max_bytes && OneLine(text) == Trim(text);
}

}  // namespace committest::fuzz
