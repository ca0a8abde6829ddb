#include "common/api/strict_reader.h"

#include <nlohmann/json.hpp>

#include "common/base/strings.h"
#include "common/base/time_format.h"

namespace committest::api {
namespace {

using nlohmann::json;

std::string Shown(const json& value) {
  return Truncate(Redact(OneLine(value.dump(-1, ' ', false, json::error_handler_t::replace))), 80);
}

}  // namespace

StrictReader::StrictReader(const json& value, std::string_view path) : value_(value), path_(path) {
  if (!value.is_object()) {
    status_ =
        Fail(ErrorCode::kInvalidArgument, path_ + " is " + Shown(value) + ", expected an object");
  }
}

std::string StrictReader::PathOf(std::string_view key) const {
  return path_.empty() ? std::string(key) : path_ + "." + std::string(key);
}

const json* StrictReader::Member(std::string_view key) {
  known_.emplace(key);
  if (!status_ || !value_.is_object()) return nullptr;
  const auto it = value_.find(key);
  return it == value_.end() || it->is_null() ? nullptr : &*it;
}

void StrictReader::Expected(std::string_view key, const json& value, std::string_view expected) {
  Refuse(key, "is " + Shown(value) + ", expected " + std::string(expected));
}

void StrictReader::Refuse(std::string_view key, std::string_view problem) {
  if (!status_) return;
  status_ = Fail(ErrorCode::kInvalidArgument, PathOf(key) + " " + std::string(problem));
}

std::string StrictReader::String(std::string_view key, std::string fallback,
                                 std::size_t max_bytes) {
  const json* member = Member(key);
  if (member == nullptr) return fallback;
  if (!member->is_string()) {
    Expected(key, *member, "a string");
    return fallback;
  }
  const auto& text = member->get_ref<const std::string&>();
  if (text.size() > max_bytes) {
    Expected(key, *member, "at most " + std::to_string(max_bytes) + " bytes");
    return fallback;
  }
  return text;
}

std::int64_t StrictReader::Int(std::string_view key, std::int64_t fallback, std::int64_t minimum,
                               std::int64_t maximum) {
  const json* member = Member(key);
  if (member == nullptr) return fallback;
  const bool fits = member->is_number_unsigned()
                        ? member->get<std::uint64_t>() <= std::uint64_t{INT64_MAX}
                        : member->is_number_integer();
  const std::int64_t number = fits ? member->get<std::int64_t>() : 0;
  if (!fits || number < minimum || number > maximum) {
    Expected(key, *member,
             "an integer in " + std::to_string(minimum) + ".." + std::to_string(maximum));
    return fallback;
  }
  return number;
}

bool StrictReader::Bool(std::string_view key, bool fallback) {
  const json* member = Member(key);
  if (member == nullptr) return fallback;
  if (!member->is_boolean()) {
    Expected(key, *member, "true or false");
    return fallback;
  }
  return member->get<bool>();
}

std::optional<WallTime> StrictReader::Time(std::string_view key) {
  const json* member = Member(key);
  if (member == nullptr) return std::nullopt;
  const auto time =
      member->is_string() ? ParseTime(member->get_ref<const std::string&>()) : std::nullopt;
  if (!time) Expected(key, *member, "a time such as \"2026-11-21T08:45:00Z\"");
  return time;
}

std::vector<std::string> StrictReader::Strings(std::string_view key,
                                               std::vector<std::string> fallback,
                                               std::size_t max_items, std::size_t max_bytes) {
  const json* array = Array(key, max_items);
  if (array == nullptr) return fallback;
  std::vector<std::string> strings;
  for (const json& item : *array) {
    if (!item.is_string() || item.get_ref<const std::string&>().size() > max_bytes) {
      Expected(std::string(key) + "[" + std::to_string(strings.size()) + "]", item,
               "a string of at most " + std::to_string(max_bytes) + " bytes");
      return fallback;
    }
    strings.push_back(item.get<std::string>());
  }
  return strings;
}

std::map<std::string, std::string> StrictReader::StringMap(std::string_view key) {
  std::map<std::string, std::string> map;
  const json* object = Object(key);
  if (object == nullptr) return map;
  for (const auto& [name, item] : object->items()) {
    if (!item.is_string()) {
      Expected(std::string(key) + "." + OneLine(Truncate(name, 80)), item, "a string");
      return {};
    }
    map.emplace(name, item.get<std::string>());
  }
  return map;
}

const json* StrictReader::Object(std::string_view key) {
  const json* member = Member(key);
  if (member == nullptr || member->is_object()) return member;
  Expected(key, *member, "an object");
  return nullptr;
}

const json* StrictReader::Array(std::string_view key, std::size_t max_items) {
  const json* member = Member(key);
  if (member == nullptr) return nullptr;
  if (!member->is_array() || member->size() > max_items) {
    Expected(key, *member, "a list of at most " + std::to_string(max_items) + " items");
    return nullptr;
  }
  return member;
}

Status StrictReader::Finish(UnknownMembers unknown) {
  if (!status_ || unknown == UnknownMembers::kIgnore) return status_;
  for (const auto& [key, item] : value_.items()) {
    if (known_.contains(key)) continue;
    return Fail(ErrorCode::kInvalidArgument, PathOf(OneLine(Truncate(key, 80))) +
                                                 " is not known here; expected one of: " +
                                                 Join({known_.begin(), known_.end()}, ", "));
  }
  return {};
}

}  // namespace committest::api
