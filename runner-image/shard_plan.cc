#include "runner-image/shard_plan.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "common/base/strings.h"

namespace committest::runner {
namespace {

constexpr std::size_t kDigestBytes = 16;

// The known durations of `units`; -1 where there is none.
std::vector<std::int64_t> KnownOf(const std::vector<Unit>& units, const api::UnitTimings& timings) {
  std::vector<std::int64_t> known;
  known.reserve(units.size());
  for (const Unit& unit : units) {
    const auto found = timings.find(api::UnitKey(unit.name));
    // Were nothing ever to take no time, all of it would go to one shard.
    known.push_back(found == timings.end() ? -1 : std::max<std::int64_t>(found->second, 1));
  }
  return known;
}

std::int64_t LowerMedian(std::vector<std::int64_t> values) {
  std::erase(values, -1);
  std::ranges::sort(values);
  return values[(values.size() - 1) / 2];
}

std::string DigestOf(const std::string& text) { return Sha256Hex(text).substr(0, kDigestBytes); }

}  // namespace

ShardPlan PlanShards(const std::vector<Unit>& units, const api::ShardingSpec& sharding,
                     const api::UnitTimings& timings) {
  const auto count = static_cast<std::size_t>(sharding.count);
  ShardPlan plan;
  plan.shards.resize(units.size());
  std::vector<std::int64_t> durations = KnownOf(units, timings);
  plan.known = units.size() - static_cast<std::size_t>(std::ranges::count(durations, -1));
  if (sharding.strategy == api::ShardStrategy::kName || plan.known == 0) {
    for (std::size_t i = 0; i < units.size(); ++i) plan.shards[i] = i % count;
    return plan;
  }
  std::ranges::replace(durations, -1, LowerMedian(durations));
  std::vector<std::size_t> longest_first(units.size());
  std::iota(longest_first.begin(), longest_first.end(), std::size_t{0});
  std::ranges::sort(longest_first, {},
                    [&](std::size_t unit) { return std::pair(-durations[unit], unit); });
  std::vector<std::int64_t> loads(count, 0);
  for (const std::size_t unit : longest_first) {
    const auto least = std::ranges::min_element(loads);
    *least += durations[unit];
    plan.shards[unit] = static_cast<std::size_t>(least - loads.begin());
  }
  return plan;
}

std::string PlanDigest(const std::vector<Unit>& units, const ShardPlan& plan) {
  std::string text;
  for (std::size_t i = 0; i < units.size(); ++i) {
    text += std::to_string(plan.shards[i]);
    // Of a unit's tests too: a zero byte stands in no name.
    for (const std::string& name : units[i].parts) text.append(1, '\0').append(name);
    text.append(1, '\0').append(units[i].name).append(1, '\n');
  }
  return DigestOf(text);
}

std::string CommandDigest(const std::vector<std::string>& argv) {
  std::string text;
  for (const std::string& word : argv) text.append(word).append(1, '\0');
  return DigestOf(text);
}

}  // namespace committest::runner
