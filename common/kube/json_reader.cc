#include "common/kube/json_reader.h"

#include <nlohmann/json.hpp>

#include "common/base/time_format.h"

namespace committest::kube {

using nlohmann::json;

const json* Find(const json& value, std::string_view key) {
  if (!value.is_object()) return nullptr;
  const auto it = value.find(key);
  return it == value.end() ? nullptr : &*it;
}

const json& ObjectAt(const json& value, std::string_view key) {
  static const json kEmpty = json::object();
  const json* member = Find(value, key);
  return member != nullptr && member->is_object() ? *member : kEmpty;
}

const json& ArrayAt(const json& value, std::string_view key) {
  static const json kEmpty = json::array();
  const json* member = Find(value, key);
  return member != nullptr && member->is_array() ? *member : kEmpty;
}

std::string StringAt(const json& value, std::string_view key) {
  const json* member = Find(value, key);
  return member != nullptr && member->is_string() ? member->get<std::string>() : std::string();
}

std::int64_t IntAt(const json& value, std::string_view key, std::int64_t fallback) {
  const json* member = Find(value, key);
  return member != nullptr && member->is_number_integer() ? member->get<std::int64_t>() : fallback;
}

bool BoolAt(const json& value, std::string_view key, bool fallback) {
  const json* member = Find(value, key);
  return member != nullptr && member->is_boolean() ? member->get<bool>() : fallback;
}

std::optional<WallTime> TimeAt(const json& value, std::string_view key) {
  return ParseTime(StringAt(value, key));
}

std::vector<std::string> StringsAt(const json& value, std::string_view key) {
  std::vector<std::string> strings;
  for (const json& item : ArrayAt(value, key)) {
    if (item.is_string()) strings.push_back(item.get<std::string>());
  }
  return strings;
}

std::string Dump(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

json MergePatch(const json& from, const json& to) {
  json patch = json::object();
  for (const auto& [key, value] : to.items()) {
    const json* old = Find(from, key);
    if (old != nullptr && *old == value) continue;
    patch[key] =
        old != nullptr && old->is_object() && value.is_object() ? MergePatch(*old, value) : value;
  }
  for (const auto& [key, value] : from.items()) {
    if (!to.contains(key)) patch[key] = nullptr;
  }
  return patch;
}

}  // namespace committest::kube
