#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/api/reasons.h"
#include "operator/decide.h"
#include "tests/unit/operator/decide_fixture.h"

namespace committest::op {
namespace {

using api::TestResult;
using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// Before the launch: the queue, refusals, clean-up.

Observed Queued(std::int64_t position, Bound bound, std::int64_t limit, std::int64_t seconds) {
  Observed observed = AnObserved(ACommitTest(), seconds);
  observed.place = {Turn::kQueued, position, bound, limit, {}};
  return observed;
}

TEST(DecideQueue, SaysPositionAndLimit) {
  const Decision decision = Decide(Queued(3, Bound::kRepository, 5, 2));
  EXPECT_EQ(StatusOf(decision, "Admitted"), "False/Queued");
  EXPECT_EQ(ConditionOf(decision, "Admitted").message,
            "position 3 in the queue of repository app, of which at most 5 run at a time (its "
            "spec.concurrency.max)");
  EXPECT_EQ(decision.next_status.display.reason, "Queued");
  EXPECT_THAT(decision.actions, IsEmpty());
  EXPECT_THAT(decision.events, IsEmpty());
}

TEST(DecideQueue, NamesTheClustersLimitAndARangeOfPositions) {
  const Decision decision = Decide(Queued(40, Bound::kCluster, 100, 2));
  EXPECT_THAT(ConditionOf(decision, "Admitted").message,
              HasSubstr("position 31 to 40 in the queue of repository app; at most 100 run"));
}

TEST(DecideQueue, QuotesTheQuotaThatHoldsTheNamespace) {
  Observed observed = Queued(2, Bound::kQuota, 0, 2);
  observed.place.detail = "exceeded quota: jobs";
  EXPECT_THAT(ConditionOf(Decide(observed), "Admitted").message,
              HasSubstr("was refused: exceeded quota: jobs"));
}

TEST(DecideQueue, WritesNothingForAShortWait) {
  const Observed observed = Queued(1, Bound::kRepository, 5, 0);
  const Decision decision = Decide(observed);
  EXPECT_FALSE(Writes(observed, decision));
  EXPECT_EQ(decision.requeue_after, milliseconds(2'000));
}

TEST(DecideQueue, IsSilentAboutTheSamePlace) {
  const Observed observed = Queued(3, Bound::kRepository, 5, 2);
  const Observed later = AfterWriting(observed, Decide(observed));
  EXPECT_FALSE(Writes(later, Decide(later)));
}

TEST(DecideQueue, LaunchesWhenItsTurnHasCome) {
  const Observed observed = Queued(1, Bound::kRepository, 5, 2);
  Observed later = AfterWriting(observed, Decide(observed));
  later.place = {};
  EXPECT_THAT(Decide(later).actions, ElementsAre(Action(CreateJob{1})));
}

TEST(DecideQueue, LaunchesNothingWhileSuspended) {
  Observed observed = AnObserved(ACommitTest(), 0);
  observed.commit_test.spec.suspend = true;
  const Decision decision = Decide(observed);
  EXPECT_EQ(StatusOf(decision, "Admitted"), "False/Suspended");
  EXPECT_EQ(decision.next_status.display.reason, "Suspended");
  EXPECT_THAT(decision.actions, IsEmpty());
}

TEST(DecideQueue, LetsAnAttemptThatRunsGoOnWhenItIsSuspended) {
  Observed observed = WithRunningTests(5);
  observed.commit_test.spec.suspend = true;
  const Decision decision = Decide(observed);
  EXPECT_FALSE(Writes(observed, decision));
  EXPECT_THAT(decision.actions, IsEmpty());
}

TEST(DecideQueue, SaysThatItsRepositoryIsNotReady) {
  Observed observed = AnObserved(ACommitTest(), 0);
  observed.place = {Turn::kRepositoryNotReady, 0, Bound::kRepository, 0, "app cannot be read"};
  const Decision decision = Decide(observed);
  EXPECT_EQ(StatusOf(decision, "Admitted"), "False/RepositoryNotReady");
  EXPECT_EQ(ConditionOf(decision, "Admitted").message, "app cannot be read");
}

TEST(DecideQueue, EndsASupersededOneAndItsJob) {
  Observed observed = WithRunningTests(5);
  observed.place = {Turn::kSuperseded, 0, Bound::kRepository, 0, "app-2"};
  const Decision decision = Decide(observed);
  EXPECT_EQ(decision.next_status.result, TestResult::kCancelled);
  EXPECT_EQ(StatusOf(decision, "Completed"), "True/Superseded");
  EXPECT_EQ(StatusOf(decision, "Succeeded"), "False/Superseded");
  EXPECT_THAT(ConditionOf(decision, "Succeeded").message, HasSubstr("app-2"));
  EXPECT_THAT(decision.actions,
              ElementsAre(Action(DeleteJob{observed.job->meta.Key(), observed.job->meta.uid})));
}

TEST(DecideQueue, PrefersAVerdictThatIsThereToANewerCommit) {
  Observed observed = WithRunningTests(20);
  observed.pods = {Terminated(observed.pods[0], 0, Encoded(ASummary(3)))};
  observed.place.turn = Turn::kSuperseded;
  EXPECT_EQ(Decide(observed).next_status.result, TestResult::kPassed);
}

TEST(DecideQueue, NeverAdmittedIsSaidOfOneThatIsCancelledInTheQueue) {
  const Observed queued = Queued(3, Bound::kRepository, 5, 2);
  Observed observed = AfterWriting(queued, Decide(queued));
  observed.commit_test.spec.cancel_requested = true;
  const Decision decision = Decide(observed);
  EXPECT_EQ(decision.next_status.result, TestResult::kCancelled);
  EXPECT_EQ(StatusOf(decision, "Admitted"), "False/Queued");
}

// Refused launches.

Observed Refused(LaunchErrorKind kind, std::int64_t seconds) {
  Observed observed = AnObserved(ACommitTest(), seconds);
  observed.launch_error = LaunchError{kind, "exceeded quota: jobs=0"};
  return observed;
}

TEST(DecideRefusal, KeepsItsWordsWhileItIsHeldBack) {
  const Observed refused = Refused(LaunchErrorKind::kQuota, 0);
  for (const Turn turn : {Turn::kHeldBack, Turn::kQueued}) {
    Observed later = AfterWriting(refused, Decide(refused));
    later.launch_error.reset();
    later.now = At(5);
    later.place.turn = turn;
    const Decision decision = Decide(later);
    EXPECT_FALSE(Writes(later, decision));
    EXPECT_EQ(decision.requeue_after, milliseconds(15'000));
  }
}

TEST(DecideRefusal, EndsWhenItLastsLongerThanTheTimeToSchedule) {
  const Observed refused = Refused(LaunchErrorKind::kQuota, 0);
  Observed later = AfterWriting(refused, Decide(refused));
  later.launch_error.reset();
  later.place.turn = Turn::kHeldBack;
  later.now = At(599);
  EXPECT_EQ(Decide(later).requeue_after, milliseconds(1'000));
  later.now = At(600);
  const Decision decision = Decide(later);
  EXPECT_EQ(decision.next_status.result, TestResult::kError);
  EXPECT_EQ(StatusOf(decision, "Succeeded"), "False/QuotaExceeded");
  EXPECT_THAT(ConditionOf(decision, "Succeeded").message, HasSubstr("jobs=0"));
}

TEST(DecideRefusal, CountsFromTheEndOfTheAttemptBefore) {
  Observed observed = Refused(LaunchErrorKind::kDenied, 700);
  AddAttempt(observed.commit_test, 1, TestResult::kError).completion_time = At(650);
  api::SetCondition(observed.commit_test.status.conditions,
                    {"Admitted", "True", "Admitted", "", 1, At(0)});
  observed = AfterWriting(observed, Decide(observed));
  EXPECT_FALSE(observed.commit_test.status.result);
  observed.now = At(1'250);
  EXPECT_EQ(StatusOf(Decide(observed), "Succeeded"), "False/AdmissionDenied");
}

// The Job controller's words.

TEST(DecideTrouble, SaysWhyTheJobControllerCannotCreateThePod) {
  Observed observed = WithNewJob(1);
  observed.pods.clear();
  observed.trouble = JobTrouble{
      {}, "Error creating: pods \"app-1-x7k2p\" is forbidden: exceeded quota: pods=0", At(1)};
  const Decision decision = Decide(observed);
  EXPECT_EQ(StatusOf(decision, "Started"), "False/QuotaExceeded");
  EXPECT_EQ(ConditionOf(decision, "Started").message,
            "the Pod cannot be created: is forbidden: exceeded quota: pods=0");
  Observed later = AfterWriting(observed, decision);
  later.trouble->message =
      "Error creating: pods \"app-1-9q8r7\" is forbidden: exceeded quota: pods=0";
  EXPECT_FALSE(Writes(later, Decide(later))) << "another Pod's name is no news";
}

TEST(DecideTrouble, TellsAdmissionFromAQuotaAndFromTheRest) {
  Observed observed = WithNewJob(1);
  observed.pods.clear();
  observed.trouble = JobTrouble{{}, "admission webhook \"x\" denied the request: no", At(1)};
  EXPECT_EQ(StatusOf(Decide(observed), "Started"), "False/AdmissionDenied");
  observed.trouble->message = "Error creating: Internal error occurred";
  EXPECT_EQ(StatusOf(Decide(observed), "Started"), "False/WaitingForPod");
}

TEST(DecideTrouble, IsTheReasonOfTheDeadline) {
  Observed observed = WithNewJob(600);
  observed.pods.clear();
  observed.trouble = JobTrouble{{}, "exceeded quota: pods=0", At(1)};
  EXPECT_EQ(StatusOf(Decide(observed), "Succeeded"), "False/QuotaExceeded");
}

// Clean-up.

Observed Finished(std::int64_t seconds) {
  Observed observed = WithRunningTests(10);
  observed.pods = {Terminated(observed.pods[0], 0, Encoded(ASummary(3)))};
  observed = AfterWriting(observed, Decide(observed));
  observed.other_jobs = {*observed.job};
  observed.other_jobs[0].complete = JobCondition{};
  observed.job.reset();
  observed.pods.clear();
  observed.now = At(seconds);
  return observed;
}

TEST(DecideCleanUp, KeepsTheJobForAnHourAndThenDeletesIt) {
  const Decision before = Decide(Finished(3'609));
  EXPECT_THAT(before.actions, IsEmpty());
  EXPECT_EQ(before.requeue_after, milliseconds(1'000));
  const Observed observed = Finished(3'610);
  const JobView& job = observed.other_jobs[0];
  const Decision decision = Decide(observed);
  EXPECT_THAT(decision.actions, ElementsAre(Action(DeleteJob{job.meta.Key(), job.meta.uid})));
  EXPECT_FALSE(Writes(observed, decision));
}

TEST(DecideCleanUp, KeepsTheJobForTenMinutesOnceTheLogIsStored) {
  Observed observed = Finished(609);
  api::SetCondition(observed.commit_test.status.conditions,
                    {"ResultsRecorded", "True", "Stored", "", 1, At(20)});
  EXPECT_THAT(Decide(observed).actions, IsEmpty());
  observed.now = At(610);
  EXPECT_EQ(Decide(observed).actions.size(), 1U);
}

TEST(DecideCleanUp, LeavesJobsOfOthersAlone) {
  Observed observed = Finished(10'000);
  observed.other_jobs[0].meta.uid = "another";
  observed.other_jobs[0].meta.owners.clear();
  const Decision decision = Decide(observed);
  EXPECT_THAT(decision.actions, IsEmpty());
  EXPECT_FALSE(decision.requeue_after.has_value());
}

TEST(DecideCleanUp, SaysThatTheLogIsStoredNowhereElse) {
  const Observed observed = Finished(20);
  const api::Condition* recorded =
      api::FindCondition(observed.commit_test.status.conditions, "ResultsRecorded");
  ASSERT_NE(recorded, nullptr);
  EXPECT_EQ(recorded->status + "/" + recorded->reason, "False/NotConfigured");
}

}  // namespace
}  // namespace committest::op
