#include "operator/decide.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/api/reasons.h"
#include "operator/attempts.h"
#include "operator/deadlines.h"
#include "tests/support/operator_builders.h"

namespace committest::op {
namespace {

using api::TestResult;
using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const api::Condition& ConditionOf(const Decision& decision, const char* type) {
  static const api::Condition kNone{};
  const api::Condition* condition = api::FindCondition(decision.next_status.conditions, type);
  return condition == nullptr ? kNone : *condition;
}

std::string StatusOf(const Decision& decision, const char* type) {
  const api::Condition& condition = ConditionOf(decision, type);
  return condition.status + "/" + condition.reason;
}

bool Writes(const Observed& observed, const Decision& decision) {
  return !(decision.next_status == observed.commit_test.status);
}

/// An attempt that is recorded, with its Job and no Pod.
Observed WithRecordedJob(std::int64_t seconds) {
  api::CommitTest commit_test = ACommitTest();
  AddAttempt(commit_test, 1);
  Observed observed = AnObserved(commit_test, seconds);
  observed.job = AJob(commit_test);
  return observed;
}

/// A Job that was launched a moment ago, not recorded, with one Pod in its first state.
Observed WithNewJob(std::int64_t seconds) {
  Observed observed = AnObserved(ACommitTest(), seconds);
  observed.job = AJob(observed.commit_test);
  observed.pods = {APod(*observed.job)};
  return observed;
}

/// The tests run, and the status says so.
Observed WithRunningTests(std::int64_t seconds) {
  Observed observed = WithNewJob(seconds);
  observed.pods = {Running(Scheduled(APod(*observed.job)))};
  return AfterWriting(observed, Decide(observed));
}

// Launching.

TEST(Decide, CreatesTheJobOfTheFirstAttemptAndWritesNothingElse) {
  const Observed observed = AnObserved(ACommitTest(), 0);
  const Decision decision = Decide(observed);
  EXPECT_THAT(decision.actions, ElementsAre(Action(CreateJob{1})));
  EXPECT_FALSE(Writes(observed, decision));
  EXPECT_THAT(decision.events, IsEmpty());
  EXPECT_TRUE(decision.requeue_after.has_value());
}

TEST(Decide, WaitsForTheBackoffThatStandsInTheStatus) {
  api::CommitTest commit_test = ACommitTest();
  AddAttempt(commit_test, 3, TestResult::kError).completion_time = At(100);
  const Decision decision = Decide(AnObserved(commit_test, 101));
  EXPECT_THAT(decision.actions, IsEmpty());
  EXPECT_EQ(decision.requeue_after, milliseconds(3'000));
}

TEST(Decide, LaunchesTheNextAttemptAfterTheBackoff) {
  api::CommitTest commit_test = ACommitTest();
  AddAttempt(commit_test, 3, TestResult::kError).completion_time = At(100);
  const Decision decision = Decide(AnObserved(commit_test, 104));
  EXPECT_THAT(decision.actions, ElementsAre(Action(CreateJob{4})));
}

TEST(Decide, DoesNotWaitLongerThanTheBackoffWhenTheClockWasSetBack) {
  api::CommitTest commit_test = ACommitTest();
  AddAttempt(commit_test, 1, TestResult::kError).completion_time = At(3'600);
  EXPECT_EQ(Decide(AnObserved(commit_test, 0)).requeue_after, milliseconds(1'000));
}

TEST(Decide, RetryDelayDoublesUpToAMinute) {
  EXPECT_EQ(RetryDelay(1), milliseconds(1'000));
  EXPECT_EQ(RetryDelay(2), milliseconds(2'000));
  EXPECT_EQ(RetryDelay(6), milliseconds(32'000));
  EXPECT_EQ(RetryDelay(7), milliseconds(60'000));
  EXPECT_EQ(RetryDelay(1'000'000'000'000), milliseconds(60'000));
}

TEST(Decide, SaysInTheStatusThatAQuotaIsExceededAndTriesSlowly) {
  Observed observed = AnObserved(ACommitTest(), 0);
  observed.launch_error = LaunchError{LaunchErrorKind::kQuota, "exceeded quota: jobs=0"};
  const Decision decision = Decide(observed);
  EXPECT_EQ(StatusOf(decision, "Started"), "False/QuotaExceeded");
  EXPECT_EQ(ConditionOf(decision, "Started").message, "exceeded quota: jobs=0");
  EXPECT_EQ(decision.next_status.display.reason, "QuotaExceeded");
  EXPECT_EQ(decision.requeue_after, milliseconds(60'000));
  EXPECT_THAT(decision.actions, IsEmpty());
}

TEST(Decide, SaysInTheStatusThatAdmissionDeniesTheJob) {
  Observed observed = AnObserved(ACommitTest(), 0);
  observed.launch_error = LaunchError{LaunchErrorKind::kDenied, "policy says no"};
  EXPECT_EQ(StatusOf(Decide(observed), "Started"), "False/AdmissionDenied");
}

TEST(Decide, EndsWhenTheJobCanNeverBeAccepted) {
  Observed observed = AnObserved(ACommitTest(), 0);
  observed.launch_error = LaunchError{LaunchErrorKind::kInvalid, "memory: Invalid value"};
  const Decision decision = Decide(observed);
  EXPECT_EQ(decision.next_status.result, TestResult::kError);
  EXPECT_EQ(StatusOf(decision, "Succeeded"), "False/ConfigurationError");
  EXPECT_THAT(ConditionOf(decision, "Succeeded").message, HasSubstr("memory: Invalid value"));
}

TEST(Decide, IsSilentInANamespaceThatGoesAway) {
  Observed observed = AnObserved(ACommitTest(), 0);
  observed.launch_error = LaunchError{LaunchErrorKind::kTerminating, "terminated"};
  const Decision decision = Decide(observed);
  EXPECT_FALSE(Writes(observed, decision));
  EXPECT_EQ(decision.requeue_after, milliseconds(60'000));
}

TEST(Decide, EndsWithNameConflictWhenTheJobIsSomeoneElses) {
  Observed observed = WithNewJob(0);
  observed.job->meta.owners[0].uid = "another";
  const Decision decision = Decide(observed);
  EXPECT_EQ(StatusOf(decision, "Succeeded"), "False/NameConflict");
  EXPECT_EQ(decision.next_status.result, TestResult::kError);
  EXPECT_THAT(decision.actions, IsEmpty());
}

TEST(Decide, TakesNoJobForOursByItsNameAndOwnerAlone) {
  Observed other_spec = WithNewJob(0);
  other_spec.job->spec_hash = "another";
  EXPECT_EQ(StatusOf(Decide(other_spec), "Succeeded"), "False/NameConflict");
  Observed other_attempt = WithNewJob(0);
  other_attempt.job->attempt = 2;
  EXPECT_EQ(StatusOf(Decide(other_attempt), "Succeeded"), "False/NameConflict");
}

TEST(Decide, BelievesNoPodOfAJobThatIsNotOurs) {
  Observed observed = WithNewJob(0);
  observed.job->meta.owners.clear();
  observed.pods = {Terminated(Scheduled(APod(*observed.job)), 0, Encoded(ASummary(3)))};
  EXPECT_EQ(Decide(observed).next_status.result, TestResult::kError);
}

// What cannot run.

TEST(Decide, EndsWithConfigurationErrorWhenTheSpecCannotBeRead) {
  api::CommitTest commit_test = ACommitTest();
  commit_test.parse_error = "spec.tests.framework is 'Foo', expected Auto";
  const Decision decision = Decide(AnObserved(commit_test, 0));
  EXPECT_EQ(StatusOf(decision, "Succeeded"), "False/ConfigurationError");
  EXPECT_EQ(ConditionOf(decision, "Succeeded").message, commit_test.parse_error);
}

TEST(Decide, EndsWithConfigurationErrorWhenTheSpecCannotBeRun) {
  api::CommitTest commit_test = ACommitTest();
  commit_test.spec.execution.env = {{"COMMITTEST_RUN", "{}"}};
  const Decision decision = Decide(AnObserved(commit_test, 0));
  EXPECT_EQ(StatusOf(decision, "Succeeded"), "False/ConfigurationError");
  EXPECT_THAT(decision.actions, IsEmpty());
}

TEST(Decide, LeavesACommitTestThatIsBeingDeletedAlone) {
  api::CommitTest commit_test = ACommitTest();
  commit_test.meta.deletion_time = At(1);
  const Observed observed = AnObserved(commit_test, 2);
  const Decision decision = Decide(observed);
  EXPECT_FALSE(Writes(observed, decision));
  EXPECT_THAT(decision.actions, IsEmpty());
  EXPECT_FALSE(decision.requeue_after.has_value());
}

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
    EXPECT_LE(decision.requeue_after, milliseconds(5'000));
  }
}

TEST(Decide, SaysThatThereIsNoPodAfterAQuietWhile) {
  Observed observed = WithNewJob(5);
  observed.pods.clear();
  const Decision decision = Decide(observed);
  EXPECT_EQ(StatusOf(decision, "Started"), "False/WaitingForPod");
  EXPECT_EQ(decision.next_status.attempts.back().job_uid, "job-uid-1");
}

TEST(Decide, SaysThatTheContainerIsBeingMadeAfterAQuietWhile) {
  Observed observed = WithNewJob(6);
  observed.pods = {WaitingFor(Scheduled(APod(*observed.job)), "ContainerCreating")};
  EXPECT_EQ(StatusOf(Decide(observed), "Started"), "False/ContainerCreating");
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

// Verdicts.

TEST(Decide, PassesOnTheKubeletsEvidenceBeforeTheJobIsComplete) {
  Observed observed = WithRunningTests(3);
  observed.pods = {Terminated(Scheduled(APod(*observed.job)), 0, Encoded(ASummary(3)))};
  observed.now = At(10);
  const Decision decision = Decide(observed);
  const api::CommitTestStatus& status = decision.next_status;
  EXPECT_EQ(status.result, TestResult::kPassed);
  EXPECT_EQ(StatusOf(decision, "Completed"), "True/Finished");
  EXPECT_EQ(StatusOf(decision, "Succeeded"), "True/TestsPassed");
  EXPECT_EQ(status.summary->passed, 3);
  EXPECT_EQ(status.display.tests, "3/3");
  EXPECT_EQ(status.display.duration, "1s");
  EXPECT_EQ(status.completion_time, At(10));
  EXPECT_EQ(status.attempts[0].exit_code, 0);
  EXPECT_THAT(decision.actions, IsEmpty()) << "the Job is kept";
  EXPECT_FALSE(decision.requeue_after.has_value());
  ASSERT_EQ(decision.events.size(), 1U);
  EXPECT_FALSE(decision.events[0].warning);
}

TEST(Decide, WritesAPassInOneGoWhenItNeverSawTheTestsRun) {
  Observed observed = WithNewJob(4);
  observed.pods = {Terminated(Scheduled(APod(*observed.job)), 0, Encoded(ASummary(3)))};
  const Decision decision = Decide(observed);
  EXPECT_EQ(decision.next_status.result, TestResult::kPassed);
  EXPECT_EQ(decision.next_status.attempts[0].job_uid, "job-uid-1");
  EXPECT_EQ(decision.next_status.start_time, At(2));
  EXPECT_EQ(StatusOf(decision, "Started"), "True/TestsRunning");
}

TEST(Decide, FailsWithCountsFirstFailureAndALineToReproduceIt) {
  Observed observed = WithRunningTests(3);
  observed.pods = {Terminated(Scheduled(APod(*observed.job)), 10, Encoded(ASummary(41, 1)))};
  const Decision decision = Decide(observed);
  EXPECT_EQ(decision.next_status.result, TestResult::kFailed);
  EXPECT_EQ(decision.next_status.display.tests, "41/42");
  EXPECT_EQ(decision.next_status.display.first_failure, "test_sum");
  ASSERT_EQ(decision.next_status.failures.size(), 1U);
  EXPECT_THAT(decision.next_status.reproduce_command, HasSubstr(kCommit));
  EXPECT_TRUE(decision.events[0].warning);
}

TEST(Decide, NeverRetriesFailedTests) {
  Observed observed = WithRunningTests(3);
  observed.pods = {Terminated(Scheduled(APod(*observed.job)), 10, Encoded(ASummary(1, 1)))};
  observed = AfterWriting(observed, Decide(observed));
  EXPECT_THAT(Decide(observed).actions, IsEmpty());
  EXPECT_EQ(observed.commit_test.status.attempts[0].failure_class, api::FailureClass::kTest);
}

TEST(Decide, TakesTheEvidenceOfTheRecordedJobsPodsAlsoAfterTheJobIsGone) {
  Observed observed = WithRunningTests(3);
  observed.pods = {Terminated(Scheduled(APod(*observed.job)), 0, Encoded(ASummary(3)))};
  observed.job.reset();
  observed.job_confirmed_absent = true;
  EXPECT_EQ(Decide(observed).next_status.result, TestResult::kPassed);
}

TEST(Decide, KeepsAResultWhateverTheClusterSaysLater) {
  Observed observed = WithRunningTests(3);
  observed.pods = {Terminated(Scheduled(APod(*observed.job)), 10, Encoded(ASummary(1, 1)))};
  observed = AfterWriting(observed, Decide(observed));
  observed.pods = {Terminated(Scheduled(APod(*observed.job)), 0, Encoded(ASummary(2)))};
  observed.commit_test.spec.cancel_requested = true;
  observed.commit_test.parse_error = "unreadable";
  EXPECT_FALSE(Writes(observed, Decide(observed)));
}

// Infrastructure.

TEST(Decide, EndsTheAttemptWhenTheRecordedJobIsGone) {
  Observed observed = WithRunningTests(3);
  observed.job.reset();
  observed.pods.clear();
  observed.job_confirmed_absent = true;
  const Decision decision = Decide(observed);
  const api::Attempt& attempt = decision.next_status.attempts[0];
  EXPECT_EQ(attempt.outcome, TestResult::kError);
  EXPECT_EQ(attempt.reason, "JobDeleted");
  EXPECT_EQ(attempt.failure_class, api::FailureClass::kInfrastructure);
  EXPECT_EQ(StatusOf(decision, "Started"), "False/Retrying");
  EXPECT_FALSE(decision.next_status.result.has_value());
  EXPECT_EQ(decision.requeue_after, milliseconds(1'000));
}

TEST(Decide, DoesNothingWhenTheAbsenceOfTheJobIsNotConfirmed) {
  Observed observed = WithRunningTests(3);
  observed.job.reset();
  observed.pods.clear();
  const Decision decision = Decide(observed);
  EXPECT_FALSE(Writes(observed, decision));
  EXPECT_THAT(decision.actions, IsEmpty());
  EXPECT_TRUE(decision.requeue_after.has_value());
}

TEST(Decide, TakesAnotherJobUnderTheRecordedNameForAbsence) {
  Observed observed = WithRunningTests(3);
  observed.job->meta.uid = "another";
  observed.pods.clear();
  observed.job_confirmed_absent = true;
  EXPECT_EQ(Decide(observed).next_status.attempts[0].reason, "JobDeleted");
}

TEST(Decide, EndsTheAttemptOfAJobThatIsBeingDeleted) {
  Observed observed = WithNewJob(1);
  observed.job->meta.deletion_time = At(1);
  const Decision decision = Decide(observed);
  ASSERT_EQ(decision.next_status.attempts.size(), 1U);
  EXPECT_EQ(decision.next_status.attempts[0].reason, "JobDeleted");
}

TEST(Decide, EndsTheAttemptAndDeletesTheJobWhenThePodIsGone) {
  Observed observed = WithRunningTests(3);
  observed.pods.clear();
  observed.pod_confirmed_absent = true;
  const Decision decision = Decide(observed);
  EXPECT_EQ(decision.next_status.attempts[0].reason, "PodLost");
  EXPECT_EQ(decision.actions.size(), 1U) << "the Job could make another Pod";
}

TEST(Decide, EndsTheAttemptWhenTheNodeOfADeletedPodDoesNotAnswer) {
  Observed observed = WithRunningTests(3);
  observed.pods = {Deleted(Running(Scheduled(APod(*observed.job))), 20, 10)};
  observed.now = At(59);
  EXPECT_FALSE(Writes(observed, Decide(observed)));
  observed.now = At(60);
  EXPECT_EQ(Decide(observed).next_status.attempts[0].reason, "PodLost");
}

struct FinishedJobRow {
  const char* job_reason;
  const char* attempt_reason;
};

TEST(Decide, EndsTheAttemptOfAFailedJobWithoutEvidenceByItsReasonAfterAWhile) {
  for (const FinishedJobRow& row : {FinishedJobRow{"DeadlineExceeded", "DeadlineExceeded"},
                                    FinishedJobRow{"BackoffLimitExceeded", "PodLost"},
                                    FinishedJobRow{"PodFailurePolicy", "ResultLost"},
                                    FinishedJobRow{"SomethingNew", "ResultLost"}}) {
    Observed observed = WithRecordedJob(14);
    observed.job->failed = JobCondition{row.job_reason, "words", At(10)};
    EXPECT_FALSE(Writes(observed, Decide(observed))) << row.job_reason;
    observed.now = At(15);
    EXPECT_EQ(Decide(observed).next_status.attempts[0].reason, row.attempt_reason);
  }
}

TEST(Decide, EndsTheAttemptOfACompleteJobWithoutEvidence) {
  Observed observed = WithRecordedJob(15);
  observed.job->complete = JobCondition{"CompletionsReached", "", At(10)};
  EXPECT_EQ(Decide(observed).next_status.attempts[0].reason, "ResultLost");
  EXPECT_FALSE(Decide(observed).next_status.result.has_value()) << "Complete is no Passed";
}

TEST(Decide, GivesUpWhenInfrastructureRetriesAreExhausted) {
  api::CommitTest commit_test = ACommitTest();
  AddAttempt(commit_test, 4);
  Observed observed = AnObserved(commit_test, 50);
  observed.job_confirmed_absent = true;
  const Decision decision = Decide(observed);
  EXPECT_EQ(decision.next_status.result, TestResult::kError);
  EXPECT_EQ(StatusOf(decision, "Succeeded"), "False/InfrastructureRetriesExhausted");
  EXPECT_THAT(ConditionOf(decision, "Succeeded").message, HasSubstr("4 attempts failed"));
  EXPECT_THAT(ConditionOf(decision, "Succeeded").message, HasSubstr("JobDeleted"));
}

TEST(Decide, NamesTheCauseItselfWhenNoRetryIsAllowed) {
  api::CommitTest commit_test = ACommitTest();
  commit_test.spec.retry.infrastructure_limit = 0;
  AddAttempt(commit_test, 1);
  Observed observed = AnObserved(commit_test, 50);
  observed.job_confirmed_absent = true;
  EXPECT_EQ(StatusOf(Decide(observed), "Succeeded"), "False/JobDeleted");
}

TEST(Decide, NamesTheCheckoutWhenItFailedToTheLast) {
  api::CommitTest commit_test = ACommitTest();
  AddAttempt(commit_test, 4);
  Observed observed = AnObserved(commit_test, 50);
  observed.job = AJob(commit_test, 4);
  observed.pods = {Terminated(Scheduled(APod(*observed.job)), 20)};
  const Decision decision = Decide(observed);
  EXPECT_EQ(StatusOf(decision, "Succeeded"), "False/CheckoutFailed");
  EXPECT_EQ(decision.next_status.result, TestResult::kError);
}

TEST(Decide, KeepsTheLastFiveAttempts) {
  api::CommitTest commit_test = ACommitTest();
  commit_test.spec.retry.infrastructure_limit = 100;
  for (std::int64_t number = 1; number <= 5; ++number) {
    AddAttempt(commit_test, number, TestResult::kError);
  }
  Observed observed = AnObserved(commit_test, 100);
  observed.job = AJob(commit_test, 6);
  observed.pods = {Running(Scheduled(APod(*observed.job)))};
  const Decision decision = Decide(observed);
  ASSERT_EQ(decision.next_status.attempts.size(), api::kMaxAttempts);
  EXPECT_EQ(decision.next_status.attempts.front().number, 2);
  EXPECT_EQ(decision.next_status.attempts.back().number, 6);
}

// Deadlines.

TEST(Decide, FailsARunThatOutlivesItsRunnerAndDeletesTheJob) {
  Observed observed = WithRunningTests(3);
  observed.commit_test.spec.execution.timeout_seconds = 60;
  observed.now = At(2 + 60 + 300 + 30);
  const Decision decision = Decide(observed);
  EXPECT_EQ(decision.next_status.result, TestResult::kFailed);
  EXPECT_EQ(StatusOf(decision, "Succeeded"), "False/TimedOut");
  EXPECT_EQ(decision.actions.size(), 1U);
}

TEST(Decide, DeletesTheJobOfATimedOutRunAgainAfterARestart) {
  Observed observed = WithRunningTests(3);
  observed.commit_test.spec.execution.timeout_seconds = 60;
  observed.now = At(1'000);
  observed = AfterWriting(observed, Decide(observed));
  observed.other_jobs = {*observed.job};
  observed.job.reset();
  const Decision decision = Decide(observed);
  EXPECT_FALSE(Writes(observed, decision));
  EXPECT_EQ(decision.actions.size(), 1U);
}

TEST(Decide, KeepsTheJobOfAVerdictByEvidenceThoughItIsNotFinishedYet) {
  Observed observed = WithRunningTests(3);
  observed.pods = {Terminated(Scheduled(APod(*observed.job)), 0, Encoded(ASummary(3)))};
  observed = AfterWriting(observed, Decide(observed));
  observed.other_jobs = {*observed.job};
  observed.job.reset();
  EXPECT_THAT(Decide(observed).actions, IsEmpty());
}

TEST(Decide, DeletesNoFinishedOrForeignJobAfterTheEnd) {
  Observed observed = AnObserved(ACommitTest(), 10);
  observed.commit_test.status.result = TestResult::kCancelled;
  JobView finished = AJob(observed.commit_test, 1);
  finished.failed = JobCondition{};
  JobView foreign = AJob(observed.commit_test, 2);
  foreign.meta.owners.clear();
  JobView going = AJob(observed.commit_test, 3);
  going.meta.deletion_time = At(1);
  observed.other_jobs = {finished, foreign, going};
  EXPECT_THAT(Decide(observed).actions, IsEmpty());
}

TEST(Decide, DeletesTheJobOfAnAbandonedAttemptWhileTheNextOneRuns) {
  api::CommitTest commit_test = ACommitTest();
  AddAttempt(commit_test, 1, TestResult::kError);
  AddAttempt(commit_test, 2);
  Observed observed = AnObserved(commit_test, 10);
  observed.job = AJob(commit_test, 2);
  observed.pods = {Running(Scheduled(APod(*observed.job)))};
  observed.other_jobs = {AJob(commit_test, 1)};
  EXPECT_THAT(Decide(observed).actions,
              ElementsAre(Action(DeleteJob{observed.other_jobs[0].meta.Key(), "job-uid-1"})));
}

TEST(Decide, HasNoDeadlineWhileTheJobIsSuspended) {
  Observed observed = WithRecordedJob(1'000'000);
  observed.job->suspended = true;
  EXPECT_FALSE(Decide(observed).next_status.result.has_value());
}

}  // namespace
}  // namespace committest::op
