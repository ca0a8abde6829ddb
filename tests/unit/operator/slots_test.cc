#include "operator/slots.h"

#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/manual_clock.h"
#include "tests/support/operator_builders.h"

namespace committest::op {
namespace {

using kube::ObjectKey;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

class SlotsTest : public testing::Test {
 protected:
  SlotsTest() {
    slots_.OnTurn([this](const ObjectKey& key) { woken_.push_back(key.name); });
  }

  Caches& Cache() { return *caches_.Find(""); }

  api::CommitTest Named(const std::string& name, std::int64_t created) {
    api::CommitTest commit_test = ACommitTest();
    commit_test.meta.name = name;
    commit_test.meta.uid = "uid-" + name;
    commit_test.meta.creation_time = At(created);
    return commit_test;
  }
  void Put(const api::CommitTest& commit_test) {
    Cache().commit_tests.Put(std::make_shared<const api::CommitTest>(commit_test));
  }
  void Put(const JobView& job) { Cache().jobs.Put(std::make_shared<const JobView>(job)); }
  void PutRepository(std::int64_t max, api::ConcurrencyPolicy policy = {}) {
    api::ObservedRepository repository;
    repository.meta.namespace_ = "ci";
    repository.meta.name = "app";
    repository.spec.concurrency = {max, policy};
    Cache().repositories.Put(std::make_shared<const api::ObservedRepository>(repository));
  }
  Turn TurnOf(const std::string& name) { return slots_.PlaceOf({"ci", name}).turn; }
  std::vector<std::string> TakeWoken() { return std::exchange(woken_, {}); }

  ManualClock clock_;
  CacheSet caches_{{""}};
  Slots slots_{caches_, 0, clock_};
  std::vector<std::string> woken_;
};

TEST_F(SlotsTest, KeepsASlotThatItGaveThoughTheCachesDoNotShowTheLaunchYet) {
  PutRepository(1);
  Put(Named("first", 1));
  EXPECT_EQ(TurnOf("first"), Turn::kAdmitted);
  api::CommitTest urgent = Named("urgent", 2);
  urgent.spec.priority = 9;
  Put(urgent);
  EXPECT_EQ(TurnOf("urgent"), Turn::kQueued);
  EXPECT_EQ(TurnOf("first"), Turn::kAdmitted);
}

TEST_F(SlotsTest, KnowsAfterARestartWhoRunsFromAttemptsAndJobs) {
  PutRepository(2);
  api::CommitTest recorded = Named("recorded", 3);
  AddAttempt(recorded, 1);
  Put(recorded);
  const api::CommitTest launched = Named("launched", 4);
  Put(launched);
  Put(AJob(launched));
  Put(Named("waits", 1));
  EXPECT_EQ(TurnOf("recorded"), Turn::kAdmitted);
  EXPECT_EQ(TurnOf("launched"), Turn::kAdmitted);
  EXPECT_EQ(TurnOf("waits"), Turn::kQueued) << "older, but both slots are taken";
}

TEST_F(SlotsTest, WakesTheNextOneWhenASlotBecomesFree) {
  PutRepository(1);
  api::CommitTest runs = Named("runs", 1);
  AddAttempt(runs, 1);
  Put(runs);
  Put(Named("next", 2));
  EXPECT_EQ(TurnOf("next"), Turn::kQueued);
  TakeWoken();
  runs.status.result = api::TestResult::kPassed;
  Put(runs);
  slots_.Refresh();
  EXPECT_THAT(TakeWoken(), ElementsAre("next"));
  EXPECT_EQ(TurnOf("next"), Turn::kAdmitted);
}

TEST_F(SlotsTest, FreesTheSlotOfADeletedOneAndOfASuspendedOneBetweenAttempts) {
  PutRepository(1);
  api::CommitTest retries = Named("retries", 1);
  AddAttempt(retries, 1, api::TestResult::kError);
  Put(retries);
  Put(Named("next", 2));
  EXPECT_EQ(TurnOf("next"), Turn::kQueued) << "it keeps its slot between two attempts";
  retries.spec.suspend = true;
  Put(retries);
  EXPECT_EQ(TurnOf("next"), Turn::kAdmitted);
  Put(Named("last", 3));
  EXPECT_EQ(TurnOf("last"), Turn::kQueued);
  Cache().commit_tests.Remove({"ci", "next"});
  EXPECT_EQ(TurnOf("last"), Turn::kAdmitted);
}

TEST_F(SlotsTest, FollowsTheRepositorysLimit) {
  PutRepository(1);
  Put(Named("first", 1));
  Put(Named("second", 2));
  EXPECT_EQ(TurnOf("second"), Turn::kQueued);
  PutRepository(2);
  EXPECT_EQ(TurnOf("second"), Turn::kAdmitted);
}

TEST_F(SlotsTest, HoldsToTheDefaultLimitWhenTheRepositoryIsGone) {
  for (int i = 0; i < 7; ++i) Put(Named("test-" + std::to_string(i), i));
  EXPECT_EQ(TurnOf("test-4"), Turn::kAdmitted);
  EXPECT_EQ(TurnOf("test-5"), Turn::kQueued);
}

TEST_F(SlotsTest, TakesTheSlotBackFromARefusedLaunchAndHoldsItsNamespace) {
  PutRepository(1);
  Put(Named("refused", 1));
  Put(Named("next", 2));
  EXPECT_EQ(TurnOf("refused"), Turn::kAdmitted);
  slots_.Refused({"ci", "refused"}, {LaunchErrorKind::kQuota, "exceeded quota"});
  EXPECT_EQ(TurnOf("refused"), Turn::kHeldBack);
  EXPECT_EQ(TurnOf("next"), Turn::kQueued);
  clock_.Advance(seconds(15));
  EXPECT_EQ(TurnOf("refused"), Turn::kAdmitted);
}

TEST_F(SlotsTest, LetsOthersGoAheadOfALaunchThatAdmissionDenies) {
  PutRepository(1);
  Put(Named("denied", 1));
  Put(Named("next", 2));
  EXPECT_EQ(TurnOf("denied"), Turn::kAdmitted);
  slots_.Refused({"ci", "denied"}, {LaunchErrorKind::kDenied, "policy says no"});
  EXPECT_EQ(TurnOf("next"), Turn::kAdmitted);
}

TEST_F(SlotsTest, TriesAgainAtOnceWhenAJobOfTheNamespaceGoes) {
  PutRepository(1);
  const api::CommitTest refused = Named("refused", 1);
  Put(refused);
  const JobView other = AJob(Named("other", 0));
  Put(other);
  slots_.Refused({"ci", "refused"}, {LaunchErrorKind::kQuota, "exceeded quota"});
  EXPECT_EQ(TurnOf("refused"), Turn::kHeldBack);
  Cache().jobs.Remove(other.meta.Key());
  EXPECT_EQ(TurnOf("refused"), Turn::kAdmitted);
}

TEST_F(SlotsTest, ShowsAPlaceForAMinuteBeforeItChanges) {
  PutRepository(1);
  api::CommitTest runs = Named("runs", 0);
  AddAttempt(runs, 1);
  Put(runs);
  Put(Named("first", 1));
  Put(Named("second", 2));
  EXPECT_EQ(slots_.PlaceOf({"ci", "second"}).position, 2);
  Cache().commit_tests.Remove({"ci", "first"});
  clock_.Advance(seconds(59));
  EXPECT_EQ(slots_.PlaceOf({"ci", "second"}).position, 2);
  clock_.Advance(seconds(1));
  EXPECT_EQ(slots_.PlaceOf({"ci", "second"}).position, 1);
}

TEST_F(SlotsTest, SupersedesTheOlderOnesOfTheRef) {
  PutRepository(5, api::ConcurrencyPolicy::kCancelOlder);
  api::CommitTest older = Named("older", 1);
  older.spec.trigger = {api::TriggerType::kPoll, At(1)};
  api::CommitTest newer = Named("newer", 1);
  newer.spec.trigger = {api::TriggerType::kPoll, At(1) + std::chrono::microseconds(1)};
  Put(newer);
  EXPECT_EQ(TurnOf("newer"), Turn::kAdmitted);
  Put(older);
  EXPECT_EQ(slots_.PlaceOf({"ci", "older"}).detail, "newer");
  EXPECT_EQ(TurnOf("older"), Turn::kSuperseded);
}

TEST_F(SlotsTest, RemembersNothingOfAnotherObjectOfTheSameName) {
  PutRepository(1);
  Put(Named("same", 1));
  EXPECT_EQ(TurnOf("same"), Turn::kAdmitted);
  api::CommitTest again = Named("same", 9);
  again.meta.uid = "another";
  Put(Named("next", 2));
  Put(again);
  EXPECT_EQ(TurnOf("next"), Turn::kAdmitted);
  EXPECT_EQ(TurnOf("same"), Turn::kQueued);
}

TEST_F(SlotsTest, HoldsBackWhatNoCacheShowsAsUnfinished) {
  EXPECT_EQ(TurnOf("unknown"), Turn::kHeldBack);
}

TEST_F(SlotsTest, CountsARepositorysRunningAndWaiting) {
  PutRepository(1);
  for (int i = 0; i < 3; ++i) Put(Named("test-" + std::to_string(i), i));
  slots_.Refresh();
  EXPECT_EQ(slots_.CountsOf({"ci", "app"}).running, 1);
  EXPECT_EQ(slots_.CountsOf({"ci", "app"}).queued, 2);
  EXPECT_EQ(slots_.CountsOf({"ci", "another"}).running, 0);
}

TEST_F(SlotsTest, LetsWhatSomebodyHadRunAgainBeAndSupersedeNobody) {
  PutRepository(2, api::ConcurrencyPolicy::kCancelOlder);
  api::CommitTest polled = Named("polled", 1);
  polled.spec.trigger.type = api::TriggerType::kPoll;
  api::CommitTest again = Named("again", 2);
  again.spec.trigger.type = api::TriggerType::kRerun;
  Put(polled);
  Put(again);
  EXPECT_EQ(TurnOf("again"), Turn::kAdmitted);
  EXPECT_EQ(TurnOf("polled"), Turn::kAdmitted);
}

TEST_F(SlotsTest, GivesNoSlotToWhatIsNotRunAndLetsItSupersedeNobody) {
  PutRepository(1, api::ConcurrencyPolicy::kCancelOlder);
  api::CommitTest older = Named("older", 1);
  older.spec.trigger.type = api::TriggerType::kPoll;
  api::CommitTest skipped = Named("skipped", 2);
  skipped.spec.trigger.type = api::TriggerType::kPoll;
  skipped.spec.not_run = api::NotRun{api::NotRunReason::kSkipRequested, "so it says"};
  Put(skipped);
  Put(older);
  EXPECT_EQ(TurnOf("skipped"), Turn::kHeldBack);
  EXPECT_EQ(TurnOf("older"), Turn::kAdmitted);
  const Slots::Counts counts = slots_.CountsOf({"ci", "app"});
  EXPECT_EQ(counts.running, 1);
  EXPECT_EQ(counts.queued, 0);
}

}  // namespace
}  // namespace committest::op
