#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "common/api/strict_reader.h"
#include "common/base/result.h"

namespace committest::api {

/// How units of tests (modules, packages, …) are spread over shards.
enum class ShardStrategy {
  kTiming,  ///< By how long they took before, where that is known.
  kName,    ///< By their names alone.
};

std::string_view ShardStrategyName(ShardStrategy strategy);
/// kInvalidArgument names the value and what was expected.
Result<ShardStrategy> ParseShardStrategy(std::string_view text);

/// Of `ShardingSpec::count`.
inline constexpr std::int64_t kMaxShards = 16;

/// `spec.sharding` of a CommitTest.
struct ShardingSpec {
  std::int64_t count = 1;  ///< Into how many shards, 1 to `kMaxShards`; 1: it is not split.
  ShardStrategy strategy = ShardStrategy::kTiming;

  bool operator==(const ShardingSpec&) const = default;
};

nlohmann::json ToJson(const ShardingSpec& sharding);
/// kInvalidArgument names the member.
Result<ShardingSpec> ParseShardingSpec(const nlohmann::json& value, std::string_view path,
                                       UnknownMembers unknown);
/// The members of a ShardingSpec, of an object that has others as well; `least` is the smallest count.
ShardingSpec ReadShardingSpec(StrictReader& reader, std::int64_t least);

/// How long units took, in milliseconds, by `UnitKey`.
using UnitTimings = std::map<std::string, std::int64_t>;

/// The most that a request and a CommitTest's status hold.
inline constexpr std::size_t kMaxUnitTimings = 256;
/// The most that one shard's summary holds.
inline constexpr std::size_t kMaxReportedTimings = 40;
inline constexpr std::int64_t kMaxUnitMilliseconds = 86'400'000;

/// What stands for a unit in `UnitTimings`: the first 8 hexadecimal digits of the SHA-256 of its name.
std::string UnitKey(std::string_view unit);

/// Whether `text` could be a `UnitKey`.
bool IsUnitKey(std::string_view text);

/// The member `key` of `reader` as timings; empty when absent. Refuses more than `max_items`, keys
/// that no unit has, and values outside 0 to `kMaxUnitMilliseconds`.
UnitTimings ReadUnitTimings(StrictReader& reader, std::string_view key, std::size_t max_items);

/// Which part of the tests a runner ran.
struct ShardReport {
  std::int64_t index = 0;  ///< From 0.
  std::int64_t count = 0;
  /// The first 16 hexadecimal digits of the SHA-256 of all units with their shards: equal for all
  /// shards that found the same units and split them alike. Empty when it did not come to that.
  std::string plan;
  std::int64_t units = 0;         ///< In this shard. 0 for both where a command splits itself.
  std::int64_t units_of_all = 0;  ///< In all shards.

  bool operator==(const ShardReport&) const = default;
};

nlohmann::json ToJson(const ShardReport& shard);
/// kInvalidArgument names the member: an index below 0 or not below the count, a plan that is no
/// 16 hexadecimal digits, more units than all.
Result<ShardReport> ParseShardReport(const nlohmann::json& value, std::string_view path);

}  // namespace committest::api
