#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace committest {

/// One decoded character: its code point and how many bytes it took. An invalid byte gives
/// `valid == false`, length 1.
struct Utf8Char {
  std::uint32_t code_point = 0;
  std::size_t length = 1;
  bool valid = false;
};

/// Decodes the first character of `text` as RFC 3629 defines it: no overlong forms, no surrogates,
/// nothing above U+10FFFF. REQUIRES: !text.empty().
Utf8Char DecodeUtf8(std::string_view text);

}  // namespace committest
