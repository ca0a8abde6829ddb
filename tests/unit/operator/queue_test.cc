#include "operator/queue.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "tests/support/operator_builders.h"

namespace committest::op {
namespace {

using kube::ObjectKey;
using testing::ElementsAre;
using testing::IsEmpty;

Contender Waits(const std::string& repository, const std::string& name, std::int64_t since,
                std::int64_t priority = 0) {
  Contender contender;
  contender.key = {"ci", name};
  contender.repository = repository;
  contender.ref = "refs/heads/main";
  contender.since = At(since);
  contender.priority = priority;
  contender.observed = true;
  return contender;
}

Contender Runs(const std::string& repository, const std::string& name, std::int64_t since = 0) {
  Contender contender = Waits(repository, name, since);
  contender.holds_slot = true;
  return contender;
}

QueueInput Input(std::vector<Contender> contenders, std::int64_t max = 0,
                 std::int64_t cluster_max = 0) {
  QueueInput input;
  for (const Contender& contender : contenders) {
    input.repositories[contender.Repository()] = {max, false, {}};
  }
  input.contenders = std::move(contenders);
  input.cluster_max = cluster_max;
  return input;
}

std::vector<std::string> With(const QueueInput& input, Turn turn) {
  std::vector<std::string> names;
  for (const auto& [key, place] : PlanQueue(input)) {
    if (place.turn == turn) names.push_back(key.name);
  }
  return names;
}

Place PlaceOf(const QueueInput& input, const std::string& name) {
  return PlanQueue(input).at({"ci", name});
}

TEST(Queue, AdmitsEverybodyWithoutALimit) {
  const auto input = Input({Waits("a", "a1", 1), Waits("a", "a2", 2), Waits("", "x", 3)});
  EXPECT_THAT(With(input, Turn::kAdmitted), ElementsAre("a1", "a2", "x"));
}

TEST(Queue, AdmitsUpToTheRepositorysLimitTheOldestFirst) {
  const auto input =
      Input({Waits("a", "a3", 3), Runs("a", "a0"), Waits("a", "a1", 1), Waits("a", "a2", 2)}, 2);
  EXPECT_THAT(With(input, Turn::kAdmitted), ElementsAre("a0", "a1"));
  EXPECT_EQ(PlaceOf(input, "a2"), (Place{Turn::kQueued, 1, Bound::kRepository, 2, {}}));
  EXPECT_EQ(PlaceOf(input, "a3"), (Place{Turn::kQueued, 2, Bound::kRepository, 2, {}}));
}

TEST(Queue, LetsAHigherPriorityGoFirst) {
  const auto input = Input({Waits("a", "old", 1), Waits("a", "urgent", 2, 5)}, 1);
  EXPECT_THAT(With(input, Turn::kAdmitted), ElementsAre("urgent"));
}

TEST(Queue, OrdersTheSameMomentByName) {
  const auto input = Input({Waits("a", "y", 1), Waits("a", "x", 1)}, 1);
  EXPECT_THAT(With(input, Turn::kAdmitted), ElementsAre("x"));
}

TEST(Queue, GivesFreeSlotsOfTheClusterToTheRepositoryThatHoldsTheFewest) {
  std::vector<Contender> contenders;
  for (int i = 1; i <= 9; ++i) contenders.push_back(Waits("big", "b" + std::to_string(i), i));
  contenders.push_back(Waits("small", "s1", 100));
  contenders.push_back(Waits("small", "s2", 101, 9));
  const auto input = Input(std::move(contenders), 0, 4);
  EXPECT_THAT(With(input, Turn::kAdmitted), ElementsAre("b1", "b2", "s1", "s2"));
  EXPECT_EQ(PlaceOf(input, "b3"), (Place{Turn::kQueued, 1, Bound::kCluster, 4, {}}));
}

TEST(Queue, TakesASlotFromNobodyWhenALimitIsLowered) {
  const auto input = Input({Runs("a", "a1"), Runs("a", "a2"), Waits("a", "a3", 3)}, 1, 1);
  EXPECT_THAT(With(input, Turn::kAdmitted), ElementsAre("a1", "a2"));
}

TEST(Queue, PassesOverTheSuspendedAndTheRefused) {
  Contender suspended = Waits("a", "suspended", 1);
  suspended.suspended = true;
  Contender refused = Waits("a", "refused", 2);
  refused.held_back = true;
  const auto input = Input({suspended, refused, Waits("a", "next", 3)}, 1);
  EXPECT_THAT(With(input, Turn::kAdmitted), ElementsAre("next"));
  EXPECT_THAT(With(input, Turn::kHeldBack), ElementsAre("refused"));
}

TEST(Queue, HoldsANamespaceWhoseQuotaRefuses) {
  auto input = Input({Runs("a", "runs"), Waits("a", "waits", 1)});
  input.refusing_namespaces["ci"] = "exceeded quota";
  EXPECT_THAT(With(input, Turn::kAdmitted), ElementsAre("runs"));
  EXPECT_EQ(PlaceOf(input, "waits"), (Place{Turn::kQueued, 1, Bound::kQuota, 0, "exceeded quota"}));
  input.refusing_namespaces = {{"another", "exceeded quota"}};
  EXPECT_THAT(With(input, Turn::kAdmitted), ElementsAre("runs", "waits"));
}

TEST(Queue, StartsNothingOfARepositoryThatCannotBeRead) {
  auto input = Input({Runs("a", "runs"), Waits("a", "waits", 1), Waits("b", "other", 1)});
  input.repositories[{"ci", "a"}].problem = "cannot be read";
  EXPECT_THAT(With(input, Turn::kAdmitted), ElementsAre("other", "runs"));
  EXPECT_EQ(PlaceOf(input, "waits").detail, "cannot be read");
}

TEST(Queue, SupersedesTheOlderOnesOfARefOnlyUnderCancelOlder) {
  Contender by_hand = Waits("a", "by-hand", 1);
  by_hand.observed = false;
  Contender other_ref = Waits("a", "other-ref", 1);
  other_ref.ref = "refs/heads/dev";
  auto input = Input(
      {Runs("a", "runs", 1), Waits("a", "waits", 2), Waits("a", "newest", 3), by_hand, other_ref});
  input.newest[{{"ci", "a"}, "refs/heads/main"}] = {At(3), "newest"};
  EXPECT_THAT(With(input, Turn::kSuperseded), IsEmpty());
  input.repositories[{"ci", "a"}].cancel_older = true;
  EXPECT_THAT(With(input, Turn::kSuperseded), ElementsAre("runs", "waits"));
  EXPECT_EQ(PlaceOf(input, "waits").detail, "newest");
}

TEST(Queue, KeepsTheSlotOfASupersededOneUntilItHasEnded) {
  auto input = Input({Runs("a", "runs", 1), Waits("a", "newest", 3)}, 1);
  input.newest[{{"ci", "a"}, "refs/heads/main"}] = {At(3), "newest"};
  input.repositories[{"ci", "a"}].cancel_older = true;
  EXPECT_THAT(With(input, Turn::kAdmitted), IsEmpty());
}

TEST(Queue, ShowsPositionsInStepsThatGrow) {
  for (const auto& [position, shown] : std::vector<std::pair<int, int>>{
           {0, 0}, {1, 1}, {10, 10}, {11, 20}, {20, 20}, {21, 30}, {100, 100}, {101, 200}}) {
    EXPECT_EQ(CoarsePosition(position), shown) << position;
  }
}

RC_GTEST_PROP(QueueProperty, NeverExceedsALimitAndWastesNoSlot, ()) {
  const auto max = *rc::gen::inRange<std::int64_t>(0, 5);
  const auto cluster_max = *rc::gen::inRange<std::int64_t>(0, 8);
  std::vector<Contender> contenders;
  const int count = *rc::gen::inRange(0, 30);
  for (int i = 0; i < count; ++i) {
    const std::string repository(1, *rc::gen::element('a', 'b', 'c'));
    Contender contender =
        Waits(repository, std::to_string(i), *rc::gen::inRange(0, 5), *rc::gen::inRange(0, 2));
    contender.holds_slot = *rc::gen::weightedElement<bool>({{1, true}, {5, false}});
    contenders.push_back(contender);
  }
  const auto input = Input(contenders, max, cluster_max);
  const auto places = PlanQueue(input);
  RC_ASSERT(places.size() == contenders.size());
  std::map<std::string, std::int64_t> held;
  std::map<std::string, std::int64_t> admitted;
  std::int64_t all_held = 0;
  std::int64_t all_admitted = 0;
  for (const Contender& contender : contenders) {
    const bool is_admitted = places.at(contender.key).turn == Turn::kAdmitted;
    RC_ASSERT(is_admitted || !contender.holds_slot);
    held[contender.repository] += contender.holds_slot ? 1 : 0;
    admitted[contender.repository] += is_admitted ? 1 : 0;
    all_held += contender.holds_slot ? 1 : 0;
    all_admitted += is_admitted ? 1 : 0;
  }
  if (cluster_max > 0) RC_ASSERT(all_admitted <= std::max(cluster_max, all_held));
  for (const Contender& contender : contenders) {
    const std::string& repository = contender.repository;
    if (max > 0) RC_ASSERT(admitted[repository] <= std::max(max, held[repository]));
    if (places.at(contender.key).turn == Turn::kAdmitted) continue;
    const bool repository_full = max > 0 && admitted[repository] >= max;
    const bool cluster_full = cluster_max > 0 && all_admitted >= cluster_max;
    RC_ASSERT(repository_full || cluster_full);
  }
}

}  // namespace
}  // namespace committest::op
