#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "common/base/clock.h"

namespace committest::kube {

// Tolerant readers for objects that others write: whatever is absent or of another type reads as
// the default, and nothing throws. A reader of our own kinds checks strictly instead (common/api).

/// The object under `key`, or an empty object.
const nlohmann::json& ObjectAt(const nlohmann::json& value, std::string_view key);
/// The array under `key`, or an empty array.
const nlohmann::json& ArrayAt(const nlohmann::json& value, std::string_view key);
/// The member under `key`, or nullptr when `value` is no object or has no such member.
const nlohmann::json* Find(const nlohmann::json& value, std::string_view key);
std::string StringAt(const nlohmann::json& value, std::string_view key);
std::int64_t IntAt(const nlohmann::json& value, std::string_view key, std::int64_t fallback = 0);
bool BoolAt(const nlohmann::json& value, std::string_view key, bool fallback = false);
std::optional<WallTime> TimeAt(const nlohmann::json& value, std::string_view key);
std::vector<std::string> StringsAt(const nlohmann::json& value, std::string_view key);

/// `dump()` that cannot throw: invalid UTF-8 is replaced by U+FFFD.
std::string Dump(const nlohmann::json& value);

/// The JSON merge patch (RFC 7396) that turns `from` into `to`: members that differ, and null for
/// members that are gone. An empty object when they are equal.
nlohmann::json MergePatch(const nlohmann::json& from, const nlohmann::json& to);

}  // namespace committest::kube
