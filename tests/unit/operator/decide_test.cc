#include "operator/decide.h"

#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/api/reasons.h"
#include "operator/attempts.h"
#include "tests/unit/operator/decide_fixture.h"

namespace committest::op {
namespace {

using api::TestResult;
using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::IsEmpty;

// Cancelling.

TEST(Decide, CancelsBeforeAnythingWasLaunched) {
  api::CommitTest commit_test = ACommitTest();
  commit_test.spec.cancel_requested = true;
  const Decision decision = Decide(AnObserved(commit_test, 0));
  EXPECT_EQ(decision.next_status.result, TestResult::kCancelled);
  EXPECT_EQ(StatusOf(decision, "Completed"), "True/Cancelled");
  EXPECT_EQ(StatusOf(decision, "Succeeded"), "False/Cancelled");
  EXPECT_THAT(decision.actions, IsEmpty());
}

TEST(Decide, CancelsARunAndDeletesItsJob) {
  Observed observed = WithRunningTests(5);
  observed.commit_test.spec.cancel_requested = true;
  const Decision decision = Decide(observed);
  EXPECT_EQ(decision.next_status.attempts.back().outcome, TestResult::kCancelled);
  EXPECT_THAT(decision.actions,
              ElementsAre(Action(DeleteJob{observed.job->meta.Key(), "job-uid-1"})));
}

TEST(Decide, CancelsAJobThatIsNotRecordedYetAndDeletesIt) {
  Observed observed = WithNewJob(1);
  observed.commit_test.spec.cancel_requested = true;
  observed.job->spec_hash = SpecHash(observed.commit_test.spec);
  const Decision decision = Decide(observed);
  ASSERT_EQ(decision.next_status.attempts.size(), 1U);
  EXPECT_EQ(decision.next_status.attempts[0].job_uid, "job-uid-1");
  EXPECT_EQ(decision.actions.size(), 1U);
}

// What is not run.

api::CommitTest NotRunCommitTest(api::NotRunReason reason, const std::string& message) {
  api::CommitTest commit_test = ACommitTest();
  commit_test.spec.not_run = api::NotRun{reason, message};
  return commit_test;
}

TEST(Decide, SkipsAtOnceWhatTheSpecSaysIsNotRun) {
  for (const auto& [reason, name] :
       {std::pair{api::NotRunReason::kPathsUnaffected, "PathsUnaffected"},
        std::pair{api::NotRunReason::kSkipRequested, "SkipRequested"}}) {
    const Decision decision = Decide(AnObserved(NotRunCommitTest(reason, "so it says"), 0));
    EXPECT_EQ(decision.next_status.result, TestResult::kSkipped);
    EXPECT_EQ(StatusOf(decision, "Completed"), std::string("True/") + name);
    EXPECT_EQ(StatusOf(decision, "Succeeded"), std::string("False/") + name);
    EXPECT_EQ(ConditionOf(decision, "Succeeded").message, "so it says");
    EXPECT_EQ(decision.next_status.display.reason, name);
    EXPECT_EQ(decision.next_status.display.commit, "1a2b3c4d");
    EXPECT_EQ(decision.next_status.reproduce_command, "");
    EXPECT_EQ(decision.next_status.completion_time, Epoch());
    EXPECT_THAT(decision.next_status.attempts, IsEmpty());
    EXPECT_THAT(decision.actions, IsEmpty());
    ASSERT_EQ(decision.events.size(), 1U);
    EXPECT_FALSE(decision.events[0].warning);
  }
}

TEST(Decide, EndsWithTheErrorOfAConfigurationThatTheSpecTellsOf) {
  const Decision decision = Decide(AnObserved(
      NotRunCommitTest(api::NotRunReason::kConfigurationError, "line 3, column 5: no"), 0));
  EXPECT_EQ(decision.next_status.result, TestResult::kError);
  EXPECT_EQ(StatusOf(decision, "Completed"), "True/Finished");
  EXPECT_EQ(StatusOf(decision, "Succeeded"), "False/ConfigurationError");
  EXPECT_EQ(ConditionOf(decision, "Succeeded").message, "line 3, column 5: no");
  EXPECT_EQ(decision.next_status.reproduce_command, "");
  EXPECT_THAT(decision.actions, IsEmpty());
}

TEST(Decide, SkipsWhateverItsPlaceInTheQueue) {
  for (const Turn turn : {Turn::kQueued, Turn::kHeldBack, Turn::kSuperseded}) {
    Observed observed =
        AnObserved(NotRunCommitTest(api::NotRunReason::kSkipRequested, "so it says"), 0);
    observed.place.turn = turn;
    EXPECT_EQ(Decide(observed).next_status.result, TestResult::kSkipped);
  }
}

// Waiting.

TEST(Decide, SaysNothingAboutTheOrdinaryStepsOfAQuickStart) {
  for (const PodView& pod :
       {APod(AJob(ACommitTest())), Scheduled(APod(AJob(ACommitTest()))),
        WaitingFor(Scheduled(APod(AJob(ACommitTest()))), "ContainerCreating")}) {
    Observed observed = WithNewJob(4);
    observed.pods = {pod};
    const Decision decision = Decide(observed);
    EXPECT_FALSE(Writes(observed, decision));
    EXPECT_GT(decision.requeue_after, milliseconds(0));
    EXPECT_LE(decision.requeue_after, milliseconds(60'000));
  }
}

TEST(Decide, SaysThatThereIsNoPodAfterAQuietWhile) {
  Observed observed = WithNewJob(60);
  observed.pods.clear();
  const Decision decision = Decide(observed);
  EXPECT_EQ(StatusOf(decision, "Started"), "False/WaitingForPod");
  EXPECT_EQ(decision.next_status.attempts.back().job_uid, "job-uid-1");
}

TEST(Decide, SaysThatTheContainerIsBeingMadeAfterAQuietWhile) {
  Observed observed = WithNewJob(61);
  observed.pods = {WaitingFor(Scheduled(APod(*observed.job)), "ContainerCreating")};
  EXPECT_EQ(StatusOf(Decide(observed), "Started"), "False/ContainerCreating");
}

TEST(Decide, TakesBackACauseThatIsOverWithinSeconds) {
  Observed queued = AnObserved(ACommitTest(), 2);
  queued.place = {Turn::kQueued, 1, Bound::kRepository, 5, {}};
  Observed observed = AfterWriting(queued, Decide(queued));
  observed.place = {};
  observed.job = AJob(observed.commit_test);
  observed.now = At(5);
  const Decision decision = Decide(observed);
  EXPECT_EQ(StatusOf(decision, "Admitted"), "True/Admitted");
  EXPECT_EQ(StatusOf(decision, "Started"), "False/WaitingForPod");
}

TEST(Decide, SaysAtOnceThatNoNodeFits) {
  Observed observed = WithNewJob(1);
  observed.pods = {Unschedulable(APod(*observed.job), "0/1 nodes are available: cpu")};
  const Decision decision = Decide(observed);
  EXPECT_EQ(StatusOf(decision, "Started"), "False/Unschedulable");
  EXPECT_EQ(ConditionOf(decision, "Started").message, "0/1 nodes are available: cpu");
  EXPECT_EQ(decision.next_status.display.reason, "Unschedulable");
}

TEST(Decide, SaysAtOnceWhyAnImageCannotBePulled) {
  for (const char* reason :
       {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"}) {
    Observed observed = WithNewJob(2);
    observed.pods = {WaitingFor(Scheduled(APod(*observed.job)), reason, "no such image")};
    const Decision decision = Decide(observed);
    EXPECT_EQ(StatusOf(decision, "Started"), "False/ImagePull");
    EXPECT_EQ(ConditionOf(decision, "Started").message, std::string(reason) + ": no such image");
  }
}

TEST(Decide, SaysAtOnceWhyAContainerCannotBeMade) {
  for (const char* reason : {"CreateContainerConfigError", "CreateContainerError"}) {
    Observed observed = WithNewJob(2);
    observed.pods = {WaitingFor(Scheduled(APod(*observed.job)), reason, "secret not found")};
    EXPECT_EQ(StatusOf(Decide(observed), "Started"), "False/ContainerConfig");
  }
}

TEST(Decide, WritesACauseOnceWhileTheKubeletAlternatesBetweenErrorAndBackoff) {
  Observed observed = WithNewJob(2);
  observed.pods = {WaitingFor(Scheduled(APod(*observed.job)), "ErrImagePull", "not found")};
  observed = AfterWriting(observed, Decide(observed));
  observed.pods = {WaitingFor(Scheduled(APod(*observed.job)), "ImagePullBackOff", "Back-off")};
  EXPECT_FALSE(Writes(observed, Decide(observed)));
  observed.pods = {WaitingFor(Scheduled(APod(*observed.job)), "ErrImagePull", "not found")};
  EXPECT_FALSE(Writes(observed, Decide(observed)));
}

TEST(Decide, TakesACauseBackWhenTheTestsRun) {
  Observed observed = WithNewJob(2);
  observed.pods = {WaitingFor(Scheduled(APod(*observed.job)), "ErrImagePull", "not found")};
  observed = AfterWriting(observed, Decide(observed));
  observed.pods = {Running(Scheduled(APod(*observed.job)), 20)};
  const Decision decision = Decide(observed);
  EXPECT_EQ(StatusOf(decision, "Started"), "True/TestsRunning");
  EXPECT_EQ(decision.next_status.display.reason, "TestsRunning");
}

// Running.

TEST(Decide, RecordsAttemptStartAndAdmissionInOneWriteWhenTheTestsRun) {
  Observed observed = WithNewJob(3);
  observed.pods = {Running(Scheduled(APod(*observed.job)))};
  const Decision decision = Decide(observed);
  const api::CommitTestStatus& status = decision.next_status;
  ASSERT_EQ(status.attempts.size(), 1U);
  EXPECT_EQ(status.attempts[0].job_uid, "job-uid-1");
  EXPECT_EQ(status.attempts[0].pod_name, observed.pods[0].meta.name);
  EXPECT_EQ(status.attempts[0].node_name, "node-1");
  EXPECT_EQ(status.start_time, At(2));
  EXPECT_EQ(status.queued_time, Epoch());
  EXPECT_EQ(status.observed_generation, 1);
  EXPECT_EQ(StatusOf(decision, "Admitted"), "True/Admitted");
  EXPECT_EQ(StatusOf(decision, "Started"), "True/TestsRunning");
  EXPECT_EQ(StatusOf(decision, "Completed"), "False/Pending");
  EXPECT_EQ(StatusOf(decision, "Succeeded"), "Unknown/Pending");
  EXPECT_EQ(status.display.commit, "1a2b3c4d");
  EXPECT_EQ(status.display.branch, "main");
  ASSERT_EQ(decision.events.size(), 1U);
  EXPECT_EQ(decision.events[0].reason, "Started");
}

TEST(Decide, WritesNothingWhileTheTestsRun) {
  Observed observed = WithRunningTests(3);
  observed.now = At(200);
  const Decision decision = Decide(observed);
  EXPECT_FALSE(Writes(observed, decision));
  EXPECT_THAT(decision.events, IsEmpty());
  EXPECT_LE(decision.requeue_after, milliseconds(60'000));
}

TEST(Decide, ListsTheConditionsInTheOrderInWhichACommitTestGoesThroughThem) {
  std::vector<std::string> types;
  for (const auto& condition : WithRunningTests(3).commit_test.status.conditions) {
    types.push_back(condition.type);
  }
  EXPECT_THAT(types, ElementsAre("Admitted", "Started", "Completed", "Succeeded"));
}

TEST(Decide, LeavesConditionsOfOthersInPlace) {
  Observed observed = WithNewJob(3);
  observed.commit_test.status.conditions.push_back(
      {"Reported", "True", "Reported", "the Git host knows", 1, Epoch()});
  observed.pods = {Running(Scheduled(APod(*observed.job)))};
  EXPECT_EQ(StatusOf(Decide(observed), "Reported"), "True/Reported");
}

}  // namespace
}  // namespace committest::op
