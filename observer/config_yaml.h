#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "common/base/result.h"

namespace committest::observer {

/// A place in a text, counted from 1.
struct TextPlace {
  int line = 1;
  int column = 1;

  bool operator==(const TextPlace&) const = default;
};

/// "line 3, column 5".
std::string Describe(TextPlace place);

/// A YAML file as JSON, which remembers where each member and item stands.
struct YamlText {
  nlohmann::json value;  ///< Null for an empty file.
  /// By path: "tests.command[1]". Of a member it is the place of its key.
  std::map<std::string, TextPlace, std::less<>> places;
};

/// Reads the plain kind of YAML that a `.committest.yaml` may hold: UTF-8 without control
/// characters, one document of maps, lists and scalars, keys that are text. Anchors, aliases, tags,
/// merge keys, duplicate keys, further documents and more than `kMaxYamlDepth` levels are refused, so
/// that a file says what it seems to say and never grows.
///
/// A scalar without quotes is null, true, false or a number as YAML 1.2's core schema has it, if it
/// is written as JSON writes it; otherwise text. "yes", "on", 0x10 and 010 are text.
///
/// kInvalidArgument: "line 3, column 5: ..." says what is wrong. The text comes from a stranger:
/// what is quoted of it is one line, redacted, and short.
Result<YamlText> ReadYaml(std::string_view text);

inline constexpr std::size_t kMaxYamlDepth = 16;

}  // namespace committest::observer
