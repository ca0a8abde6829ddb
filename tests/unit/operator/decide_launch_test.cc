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
  EXPECT_EQ(decision.requeue_after, milliseconds(15'000));
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
  EXPECT_EQ(decision.requeue_after, milliseconds(15'000));
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

}  // namespace
}  // namespace committest::op
