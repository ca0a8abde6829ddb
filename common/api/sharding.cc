#include "common/api/sharding.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "common/base/strings.h"

namespace committest::api {
namespace {

using nlohmann::json;

constexpr std::size_t kUnitKeyBytes = 8;
constexpr std::size_t kPlanBytes = 16;
constexpr std::int64_t kMaxUnits = 100'000'000;

bool IsHex(std::string_view text, std::size_t size) {
  return text.size() == size && std::ranges::all_of(text, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

}  // namespace

std::string_view ShardStrategyName(ShardStrategy strategy) {
  return strategy == ShardStrategy::kName ? "Name" : "Timing";
}

Result<ShardStrategy> ParseShardStrategy(std::string_view text) {
  if (text == "Timing") return ShardStrategy::kTiming;
  if (text == "Name") return ShardStrategy::kName;
  return Fail(ErrorCode::kInvalidArgument,
              "strategy is '" + OneLine(Truncate(text, 80)) + "', expected Timing or Name");
}

json ToJson(const ShardingSpec& sharding) {
  return {{"count", sharding.count}, {"strategy", ShardStrategyName(sharding.strategy)}};
}

ShardingSpec ReadShardingSpec(StrictReader& reader, std::int64_t least) {
  ShardingSpec sharding;
  sharding.count = reader.Int("count", 1, least, kMaxShards);
  if (const auto strategy = ParseShardStrategy(reader.String("strategy", "Timing"))) {
    sharding.strategy = *strategy;
  } else {
    reader.Refuse("strategy", strategy.error().message.substr(sizeof("strategy")));
  }
  return sharding;
}

Result<ShardingSpec> ParseShardingSpec(const json& value, std::string_view path,
                                       UnknownMembers unknown) {
  StrictReader reader(value, path);
  const ShardingSpec sharding = ReadShardingSpec(reader, 1);
  if (auto status = reader.Finish(unknown); !status) return Fail(std::move(status.error()));
  return sharding;
}

std::string UnitKey(std::string_view unit) { return Sha256Hex(unit).substr(0, kUnitKeyBytes); }

bool IsUnitKey(std::string_view text) { return IsHex(text, kUnitKeyBytes); }

UnitTimings ReadUnitTimings(StrictReader& reader, std::string_view key, std::size_t max_items) {
  UnitTimings timings;
  const json* object = reader.Object(key);
  if (object == nullptr) return timings;
  if (object->size() > max_items) {
    reader.Refuse(key, "has " + std::to_string(object->size()) + " members, expected at most " +
                           std::to_string(max_items));
    return timings;
  }
  StrictReader members(*object, reader.PathOf(key));
  for (const auto& [unit, milliseconds] : object->items()) {
    if (!IsUnitKey(unit)) {
      reader.Refuse(key, "has a member '" + OneLine(Truncate(unit, 80)) +
                             "', expected 8 lower-case hexadecimal digits");
      return {};
    }
    timings[unit] = members.Int(unit, 0, 0, kMaxUnitMilliseconds);
  }
  reader.Take(members.Finish(UnknownMembers::kIgnore));
  return timings;
}

json ToJson(const ShardReport& shard) {
  return {{"index", shard.index},
          {"count", shard.count},
          {"plan", shard.plan},
          {"units", shard.units},
          {"unitsOfAll", shard.units_of_all}};
}

Result<ShardReport> ParseShardReport(const json& value, std::string_view path) {
  StrictReader reader(value, path);
  ShardReport shard;
  // An absent index or count is out of its bounds, so that neither is ever made up.
  shard.index = reader.Int("index", -1, 0, kMaxShards - 1);
  shard.count = reader.Int("count", 0, 2, kMaxShards);
  shard.plan = reader.String("plan");
  shard.units = reader.Int("units", 0, 0, kMaxUnits);
  shard.units_of_all = reader.Int("unitsOfAll", 0, 0, kMaxUnits);
  if (shard.count == 0) reader.Refuse("count", "is missing, expected 2 to 16");
  if (shard.index < 0 || shard.index >= shard.count) {
    reader.Refuse("index", "is " + std::to_string(shard.index) + ", expected 0 to " +
                               std::to_string(shard.count - 1));
  }
  if (!shard.plan.empty() && !IsHex(shard.plan, kPlanBytes)) {
    reader.Refuse("plan", "is '" + OneLine(Truncate(shard.plan, 80)) +
                              "', expected 16 lower-case hexadecimal digits");
  }
  if (shard.units > shard.units_of_all) reader.Refuse("units", "is more than unitsOfAll");
  if (auto status = reader.Finish(UnknownMembers::kIgnore); !status) {
    return Fail(std::move(status.error()));
  }
  return shard;
}

}  // namespace committest::api
