#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "common/base/clock.h"
#include "common/base/result.h"

namespace committest::api {

/// What a reader does about members that it does not know. Objects from the API server may come
/// from a newer version and are read with kIgnore; what a person or another program of ours wrote
/// for exactly this version is read with kRefuse.
enum class UnknownMembers { kIgnore, kRefuse };

/// Reads one JSON object strictly, member by member, and keeps the first error, whose message
/// names the member by its path, its value and what was expected. An absent or null member reads
/// as the fallback. After an error every reader returns its fallback; `Finish` tells.
class StrictReader {
 public:
  /// `value` must outlive the reader. `path` is what the object is called: "spec.tests".
  StrictReader(const nlohmann::json& value, std::string_view path);

  std::string String(std::string_view key, std::string fallback = {}, std::size_t max_bytes = 4096);
  std::int64_t Int(std::string_view key, std::int64_t fallback, std::int64_t minimum,
                   std::int64_t maximum);
  bool Bool(std::string_view key, bool fallback);
  std::optional<WallTime> Time(std::string_view key);
  std::vector<std::string> Strings(std::string_view key, std::vector<std::string> fallback,
                                   std::size_t max_items = 64, std::size_t max_bytes = 4096);
  std::map<std::string, std::string> StringMap(std::string_view key);
  /// The member as an object or array for another reader; nullptr when absent.
  const nlohmann::json* Object(std::string_view key);
  const nlohmann::json* Array(std::string_view key, std::size_t max_items);

  /// Records an error about `key` from outside, unless there is one already.
  void Refuse(std::string_view key, std::string_view problem);
  /// Takes over the error of a nested reader, or gives its value back.
  template <typename T>
  T Take(Result<T> result, T fallback = {}) {
    if (result) return std::move(*result);
    if (status_) status_ = Fail(result.error());
    return fallback;
  }
  void Take(Status status) {
    if (status_) status_ = std::move(status);
  }

  std::string PathOf(std::string_view key) const;
  /// Success, or the first error; with kRefuse also an error for a member that was never asked for.
  Status Finish(UnknownMembers unknown);

 private:
  const nlohmann::json* Member(std::string_view key);
  void Expected(std::string_view key, const nlohmann::json& value, std::string_view expected);

  const nlohmann::json& value_;
  const std::string path_;
  std::set<std::string, std::less<>> known_;
  Status status_;
};

}  // namespace committest::api
