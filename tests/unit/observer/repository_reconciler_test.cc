#include "observer/repository_reconciler.h"

#include <optional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/unit/observer/reconciler_fixture.h"

namespace committest::observer {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST_F(ReconcilerTest, TestsTheTipAtFirstSight) {
  remote_.Push(kMain, 1, 3);
  Reconcile();
  EXPECT_THAT(api_.tests, ElementsAre(Id(3)));
  EXPECT_EQ(Cursor(), Id(3));
  EXPECT_EQ(Ready(), "True/Observing");
  EXPECT_EQ(Now().status.last_commit, Id(3).substr(0, 8));
  EXPECT_EQ(Now().status.observed_generation, 1);
  EXPECT_TRUE(Now().status.last_poll_time);
}

TEST_F(ReconcilerTest, TestsEachNewCommitOldestFirst) {
  remote_.Push(kMain, 1, 1);
  Reconcile();
  remote_.Push(kMain, 2, 4);
  Reconcile();
  EXPECT_THAT(api_.tests, ElementsAre(Id(1), Id(2), Id(3), Id(4)));
  EXPECT_EQ(Cursor(), Id(4));
}

TEST_F(ReconcilerTest, WritesAndFetchesNothingWhenNothingHasChanged) {
  remote_.Push(kMain, 1, 1);
  Reconcile();
  const int writes = api_.status_writes;
  const int fetches = remote_.fetches;
  for (int i = 0; i < 100; ++i) {
    clock_.Advance(std::chrono::seconds(5));
    Reconcile();
  }
  EXPECT_EQ(remote_.listings, 101);
  EXPECT_EQ(api_.status_writes, writes);
  EXPECT_EQ(remote_.fetches, fetches);
  EXPECT_EQ(api_.tests.size(), 1U);
}

TEST_F(ReconcilerTest, ComesBackAfterThePollPeriodGiveOrTakeATenth) {
  SetSpec("pollPeriodSeconds", 20);
  remote_.Push(kMain, 1, 1);
  for (int i = 0; i < 50; ++i) {
    const auto outcome = Reconcile();
    ASSERT_TRUE(outcome.requeue_after);
    EXPECT_GE(*outcome.requeue_after, std::chrono::seconds(18));
    EXPECT_LE(*outcome.requeue_after, std::chrono::seconds(22));
  }
}

TEST_F(ReconcilerTest, LosesAndRepeatsNothingWhenKilledBeforeTheCursorMoves) {
  remote_.Push(kMain, 1, 1);
  Reconcile();
  remote_.Push(kMain, 2, 6);
  for (int killed_after = 0; killed_after <= 5; ++killed_after) {
    api_.creations_before_failure = killed_after;
    api_.status_error = Error{ErrorCode::kUnavailable, "killed", {}, std::nullopt};
    EXPECT_FALSE(reconciler_->Reconcile(kKey));
    EXPECT_EQ(Cursor(), Id(1));
    Restart();
  }
  api_.creations_before_failure.reset();
  api_.status_error.reset();
  Reconcile();
  EXPECT_THAT(api_.tests, ElementsAre(Id(1), Id(2), Id(3), Id(4), Id(5), Id(6)));
  EXPECT_EQ(Cursor(), Id(6));
}

TEST_F(ReconcilerTest, DoesNotMakeADeletedCommitTestAgain) {
  remote_.Push(kMain, 1, 1);
  Reconcile();
  api_.names.clear();
  api_.tests.clear();
  Restart();
  Reconcile();
  EXPECT_THAT(api_.tests, IsEmpty());
}

TEST_F(ReconcilerTest, TwoObserversTestEachCommitOnce) {
  remote_.Push(kMain, 1, 1);
  Reconcile();
  remote_.Push(kMain, 2, 3);
  // The other one has done everything by the time that our cache still shows the old cursor.
  api_.cache_is_behind = true;
  Reconcile();
  Restart();
  const auto outcome = reconciler_->Reconcile(kKey);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::kConflict);
  EXPECT_THAT(api_.tests, ElementsAre(Id(1), Id(2), Id(3)));
  EXPECT_EQ(Cursor(), Id(3));
}

TEST_F(ReconcilerTest, WaitsUntilTheCacheShowsItsOwnWrite) {
  remote_.Push(kMain, 1, 1);
  api_.cache_is_behind = true;
  Reconcile();
  const int listings = remote_.listings;
  const auto outcome = Reconcile();
  EXPECT_EQ(remote_.listings, listings);
  ASSERT_TRUE(outcome.requeue_after);
  EXPECT_LE(*outcome.requeue_after, std::chrono::seconds(1));
}

TEST_F(ReconcilerTest, ReadsTheObjectItselfWhenTheCacheStaysBehind) {
  remote_.Push(kMain, 1, 1);
  api_.cache_is_behind = true;
  Reconcile();
  Reconcile();
  clock_.Advance(std::chrono::seconds(30));
  remote_.Push(kMain, 2, 2);
  Reconcile();
  EXPECT_THAT(api_.tests, ElementsAre(Id(1), Id(2)));
  EXPECT_EQ(Cursor(), Id(2));
}

TEST_F(ReconcilerTest, DropsTheCursorOfADeletedBranch) {
  remote_.Push(kMain, 1, 1);
  remote_.Push("refs/heads/dev", 2, 2);
  Reconcile();
  remote_.branches.erase("refs/heads/dev");
  Reconcile();
  EXPECT_EQ(Now().status.refs.size(), 1U);
  remote_.branches.erase(kMain);
  Reconcile();
  EXPECT_THAT(Now().status.refs, IsEmpty());
  EXPECT_EQ(Ready(), "True/NoMatchingRefs");
}

TEST_F(ReconcilerTest, CountsWhatIsBeyondTheBackfill) {
  SetSpec("maxBackfill", 2);
  remote_.Push(kMain, 1, 1);
  Reconcile();
  remote_.Push(kMain, 2, 9);
  Reconcile();
  EXPECT_THAT(api_.tests, ElementsAre(Id(1), Id(8), Id(9)));
  EXPECT_EQ(Now().status.refs[0].skipped_commits, 6);
}

TEST_F(ReconcilerTest, DoesNotLookWhileSuspended) {
  remote_.Push(kMain, 1, 1);
  SetSpec("suspend", true);
  EXPECT_FALSE(Reconcile().requeue_after);
  EXPECT_EQ(Ready(), "False/Suspended");
  EXPECT_EQ(remote_.listings, 0);
  const int writes = api_.status_writes;
  Reconcile();
  EXPECT_EQ(api_.status_writes, writes);
  SetSpec("suspend", false);
  Reconcile();
  EXPECT_EQ(Ready(), "True/Observing");
}

TEST_F(ReconcilerTest, ForgetsADeletedRepository) {
  api_.cached = json();
  EXPECT_FALSE(Reconcile().requeue_after);
  EXPECT_THAT(remote_.forgotten, ElementsAre("ci/app"));
}

TEST_F(ReconcilerTest, DoesNotLookAtARepositoryThatIsBeingDeleted) {
  api_.repository["metadata"]["deletionTimestamp"] = "2026-11-21T08:45:00Z";
  api_.Touch();
  Reconcile();
  EXPECT_EQ(remote_.listings, 0);
}

TEST_F(ReconcilerTest, LooksOnceAtATimeAtAHostThatHasNotAnsweredYet) {
  std::optional<kube::Outcome> second;
  remote_.before_list = [&] {
    remote_.before_list = nullptr;
    second = Reconcile();  // While the first look is under way.
  };
  Reconcile();
  EXPECT_EQ(remote_.listings, 1);
  ASSERT_TRUE(second && second->requeue_after);
  EXPECT_LE(*second->requeue_after, std::chrono::seconds(1));
  Reconcile();
  EXPECT_EQ(remote_.listings, 2);
}

TEST_F(ReconcilerTest, CountsItsLooks) {
  remote_.Push(kMain, 1, 1);
  Reconcile();
  Reconcile();
  remote_.list_error = Error{ErrorCode::kUnavailable, "x", {}, std::nullopt};
  Reconcile();
  const std::string text = metrics_.Expose();
  EXPECT_THAT(text, HasSubstr("committest_observer_polls_total{outcome=\"changed\"} 1"));
  EXPECT_THAT(text, HasSubstr("committest_observer_polls_total{outcome=\"unchanged\"} 1"));
  EXPECT_THAT(text, HasSubstr("committest_observer_polls_total{outcome=\"failed\"} 1"));
  EXPECT_THAT(text, HasSubstr("committest_observer_committests_created_total 1"));
  EXPECT_THAT(text, HasSubstr("committest_observer_poll_seconds_count 3"));
}

TEST_F(ReconcilerTest, LooksAtOnceForSpecAnnotationAndExistenceOnly) {
  const auto before = Now();
  auto after = before;
  after.meta.resource_version = "99";
  after.status.last_commit = "x";
  after.meta.annotations["other"] = "1";
  EXPECT_FALSE(RepositoryReconciler::CallsForLook(&before, &after));
  after.meta.annotations[api::kPollNowAnnotation] = "1";
  EXPECT_TRUE(RepositoryReconciler::CallsForLook(&before, &after));
  after = before;
  after.meta.generation++;
  EXPECT_TRUE(RepositoryReconciler::CallsForLook(&before, &after));
  after = before;
  after.meta.uid = "another";
  EXPECT_TRUE(RepositoryReconciler::CallsForLook(&before, &after));
  EXPECT_TRUE(RepositoryReconciler::CallsForLook(nullptr, &after));
  EXPECT_TRUE(RepositoryReconciler::CallsForLook(&before, nullptr));
}

}  // namespace
}  // namespace committest::observer
