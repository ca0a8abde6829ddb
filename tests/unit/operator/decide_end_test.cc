#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/api/reasons.h"
#include "operator/attempts.h"
#include "operator/decide.h"
#include "tests/unit/operator/decide_fixture.h"

namespace committest::op {
namespace {

using api::TestResult;
using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

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
  EXPECT_EQ(status.stages, (api::StageTimes{210, 2, 0, 4}));
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

TEST(Decide, WritesItsConditionsThoughOthersHaveFilledTheList) {
  Observed observed = WithRunningTests(20);
  for (int i = 0; i < 14; ++i) {
    observed.commit_test.status.conditions.push_back(
        {"Foreign" + std::to_string(i), "True", "Foreign", "", 1, At(0)});
  }
  observed.pods = {Terminated(observed.pods[0], 0, Encoded(ASummary(3)))};
  const Decision decision = Decide(observed);
  EXPECT_EQ(decision.next_status.conditions.size(), api::kMaxConditions);
  EXPECT_EQ(StatusOf(decision, "ResultsRecorded"), "False/NotConfigured");
}

}  // namespace
}  // namespace committest::op
