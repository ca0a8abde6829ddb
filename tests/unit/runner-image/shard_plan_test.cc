#include "runner-image/shard_plan.h"

#include <algorithm>
#include <numeric>
#include <random>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace committest::runner {
namespace {

using api::ShardingSpec;
using api::ShardStrategy;
using api::UnitTimings;
using ::testing::ElementsAre;

constexpr ShardStrategy kStrategies[] = {ShardStrategy::kTiming, ShardStrategy::kName};

// "u000", "u001", …: sorted by name.
std::vector<Unit> Units(std::size_t count) {
  std::vector<Unit> units;
  for (std::size_t i = 0; i < count; ++i) {
    const std::string digits = std::to_string(i);
    const std::string name = "u" + std::string(3 - digits.size(), '0') + digits;
    units.push_back({name, {name}});
  }
  return units;
}

// The durations of the first units; a negative one is not known.
UnitTimings Known(const std::vector<Unit>& units, const std::vector<std::int64_t>& durations) {
  UnitTimings timings;
  for (std::size_t i = 0; i < durations.size(); ++i) {
    if (durations[i] >= 0) timings[api::UnitKey(units[i].name)] = durations[i];
  }
  return timings;
}

std::vector<std::size_t> Shards(std::size_t units, std::int64_t count,
                                const std::vector<std::int64_t>& durations,
                                ShardStrategy strategy = ShardStrategy::kTiming) {
  const std::vector<Unit> all = Units(units);
  return PlanShards(all, {count, strategy}, Known(all, durations)).shards;
}

TEST(ShardPlan, DealsOutByNameInTurn) {
  EXPECT_THAT(Shards(5, 2, {9, 9, 9}, ShardStrategy::kName), ElementsAre(0, 1, 0, 1, 0));
}

TEST(ShardPlan, IsByNameWhereNoDurationIsKnown) {
  for (std::size_t units = 0; units < 40; ++units) {
    for (std::int64_t count = 1; count <= 16; ++count) {
      EXPECT_EQ(Shards(units, count, {}), Shards(units, count, {}, ShardStrategy::kName));
    }
  }
}

TEST(ShardPlan, GivesTheLongestFirstToWhoHasLeast) {
  // 7 | 6 | 5 → 4 to the third (9), 3 to the second (9), 2 to the first (9).
  EXPECT_THAT(Shards(6, 3, {2, 3, 4, 5, 6, 7}), ElementsAre(0, 1, 2, 2, 1, 0));
}

TEST(ShardPlan, BreaksTiesByNameAndByNumber) {
  EXPECT_THAT(Shards(6, 3, {5, 5, 5, 5, 5, 5}), ElementsAre(0, 1, 2, 0, 1, 2));
}

TEST(ShardPlan, TakesTheMedianForWhatIsNotKnown) {
  // The known are 1, 10 and 100, so the last counts as 10, beside the other 10.
  EXPECT_THAT(Shards(4, 2, {1, 10, 100, -1}), ElementsAre(1, 1, 0, 1));
  // Of an even number the lower: 1, 1 and 50.
  EXPECT_THAT(Shards(3, 2, {1, 50, -1}), ElementsAre(1, 0, 1));
}

TEST(ShardPlan, SpreadsWhatTakesNoTime) {
  EXPECT_THAT(Shards(4, 2, {0, 0, 0, 0}), ElementsAre(0, 1, 0, 1));
}

TEST(ShardPlan, CountsTheKnownUnitsOnly) {
  const std::vector<Unit> units = Units(3);
  const UnitTimings timings = {{api::UnitKey("u001"), 5}, {api::UnitKey("gone"), 7}};
  EXPECT_EQ(PlanShards(units, {2, ShardStrategy::kTiming}, timings).known, 1U);
}

TEST(ShardPlan, LeavesShardsEmptyWhereThereAreFewerUnits) {
  EXPECT_THAT(Shards(2, 16, {}), ElementsAre(0, 1));
  EXPECT_THAT(Shards(2, 16, {5, 9}), ElementsAre(1, 0));
  EXPECT_TRUE(Shards(0, 16, {}).empty());
}

// All combinations of up to 5 units, whose durations are none, 0, 1, 2 or 7, and up to 6 shards.
TEST(ShardPlan, GivesEveryUnitExactlyOneShardInAllSmallCases) {
  const std::vector<std::int64_t> kinds = {-1, 0, 1, 2, 7};
  for (std::size_t units = 0; units <= 5; ++units) {
    std::size_t cases = 1;
    for (std::size_t i = 0; i < units; ++i) cases *= kinds.size();
    for (std::size_t number = 0; number < cases; ++number) {
      std::vector<std::int64_t> durations;
      for (std::size_t i = 0, rest = number; i < units; ++i, rest /= kinds.size()) {
        durations.push_back(kinds[rest % kinds.size()]);
      }
      for (std::int64_t count = 1; count <= 6; ++count) {
        for (const ShardStrategy strategy : kStrategies) {
          const auto shards = Shards(units, count, durations, strategy);
          ASSERT_EQ(shards.size(), units);
          for (const std::size_t shard : shards) ASSERT_LT(shard, static_cast<std::size_t>(count));
        }
      }
    }
  }
}

// 1 to `most`, the same numbers each time.
class Numbers {
 public:
  std::int64_t UpTo(std::int64_t most) {
    return static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(most)) + 1;
  }
  std::vector<std::int64_t> Durations(std::size_t count, std::int64_t most) {
    std::vector<std::int64_t> durations(count);
    for (std::int64_t& duration : durations) duration = UpTo(most);
    return durations;
  }

 private:
  std::mt19937 random_;
};

struct Loads {
  std::int64_t longest = 0;
  std::int64_t sum = 0;
};

Loads LoadsOf(const std::vector<std::size_t>& shards, const std::vector<std::int64_t>& durations,
              std::int64_t count) {
  std::vector<std::int64_t> loads(static_cast<std::size_t>(count), 0);
  for (std::size_t i = 0; i < shards.size(); ++i) loads[shards[i]] += durations[i];
  return {std::ranges::max(loads), std::accumulate(loads.begin(), loads.end(), std::int64_t{0})};
}

// The bound that holds for every list schedule, and that by Graham for the longest-first one.
TEST(ShardPlan, IsAsBalancedAsTheLongestFirstRulePromises) {
  Numbers numbers;
  for (int round = 0; round < 2000; ++round) {
    const auto units = static_cast<std::size_t>(numbers.UpTo(60));
    const std::int64_t count = numbers.UpTo(16);
    const std::vector<std::int64_t> durations = numbers.Durations(units, 1000);
    const Loads loads = LoadsOf(Shards(units, count, durations), durations, count);
    const std::int64_t longest_unit = std::ranges::max(durations);
    const std::int64_t best_possible = std::max(longest_unit, (loads.sum + count - 1) / count);
    EXPECT_LE(loads.longest, loads.sum / count + longest_unit);
    if (units >= 3 * static_cast<std::size_t>(count)) {
      EXPECT_LE(3 * loads.longest, 5 * best_possible) << "round " << round;
    }
  }
}

// Exactly 4/3 - 1/(3m) of the best, which all splits of up to 7 units into 2 or 3 are tried for.
TEST(ShardPlan, IsNeverWorseThanFourThirdsOfTheBest) {
  Numbers numbers;
  for (int round = 0; round < 200; ++round) {
    const auto units = static_cast<std::size_t>(numbers.UpTo(7));
    const std::int64_t count = numbers.UpTo(2) + 1;
    const std::vector<std::int64_t> durations = numbers.Durations(units, 20);
    std::int64_t best = INT64_MAX;
    std::size_t splits = 1;
    for (std::size_t i = 0; i < units; ++i) splits *= static_cast<std::size_t>(count);
    for (std::size_t split = 0; split < splits; ++split) {
      std::vector<std::size_t> shards;
      for (std::size_t i = 0, rest = split; i < units; ++i) {
        shards.push_back(rest % static_cast<std::size_t>(count));
        rest /= static_cast<std::size_t>(count);
      }
      best = std::min(best, LoadsOf(shards, durations, count).longest);
    }
    const Loads loads = LoadsOf(Shards(units, count, durations), durations, count);
    EXPECT_LE(3 * count * loads.longest, (4 * count - 1) * best) << "round " << round;
  }
}

TEST(ShardPlan, IsTheSameEachTime) {
  const std::vector<Unit> units = Units(47);
  const UnitTimings timings = Known(units, {9, 8, 9, 1, -1, 3});
  for (const ShardStrategy strategy : kStrategies) {
    EXPECT_EQ(PlanDigest(units, PlanShards(units, {4, strategy}, timings)),
              PlanDigest(units, PlanShards(units, {4, strategy}, timings)));
  }
}

TEST(ShardPlan, DigestTellsEveryDifference) {
  const std::vector<Unit> units = {{"a", {"a"}}, {"b", {"b"}}};
  std::set<std::string> digests;
  digests.insert(PlanDigest(units, {{0, 1}, 0}));
  digests.insert(PlanDigest(units, {{1, 0}, 0}));
  digests.insert(PlanDigest({{"a", {"a"}}, {"c", {"c"}}}, {{0, 1}, 0}));
  digests.insert(PlanDigest({{"a", {"a", "c"}}, {"b", {"b"}}}, {{0, 1}, 0}));
  digests.insert(PlanDigest({{"a", {"a"}}}, {{0}, 0}));
  digests.insert(PlanDigest({}, {}));
  EXPECT_EQ(digests.size(), 6U);
  for (const std::string& digest : digests) EXPECT_EQ(digest.size(), 16U);
}

TEST(ShardPlan, DigestOfACommandTellsItsWordsApart) {
  EXPECT_NE(CommandDigest({"make", "check all"}), CommandDigest({"make", "check", "all"}));
  EXPECT_EQ(CommandDigest({"make", "check"}), CommandDigest({"make", "check"}));
}

}  // namespace
}  // namespace committest::runner
