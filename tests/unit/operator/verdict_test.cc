#include "operator/verdict.h"

#include <ostream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "common/api/reasons.h"
#include "tests/support/operator_builders.h"

namespace committest::op {
namespace {

using api::FailureClass;
using api::TestResult;

PodView ThePod() { return Running(Scheduled(APod(AJob(ACommitTest())))); }

std::string SummaryWith(void (*change)(api::RunSummary&)) {
  api::RunSummary summary = ASummary(3);
  change(summary);
  return Encoded(summary);
}

PodView Evicted(PodView pod) {
  pod.phase = "Failed";
  pod.reason = "Evicted";
  pod.message = "Usage of EmptyDir volume \"workspace\" exceeds the limit \"2Gi\".";
  return pod;
}

/// One row of the table in verdict.h.
struct Row {
  const char* situation;
  PodView pod;
  TestResult result;
  const char* reason;
  bool retryable = false;
};

void PrintTo(const Row& row, std::ostream* out) { *out << row.situation; }

class VerdictTable : public testing::TestWithParam<Row> {};

TEST_P(VerdictTable, EndsAsItsRowSays) {
  const auto ending = JudgePod(ACommitTest().spec, GetParam().pod);
  ASSERT_TRUE(ending.has_value());
  EXPECT_EQ(ending->result, GetParam().result);
  EXPECT_EQ(ending->reason, GetParam().reason);
  EXPECT_EQ(ending->retryable, GetParam().retryable);
  EXPECT_EQ(ending->failure_class.has_value(), ending->result != TestResult::kPassed);
  EXPECT_EQ(ending->retryable,
            ending->retryable && ending->failure_class == FailureClass::kInfrastructure);
  EXPECT_FALSE(ending->message.empty());
  EXPECT_EQ(ending->evidence->pod_name, GetParam().pod.meta.name);
}

std::vector<Row> PassingRows() {
  return {
      {"exit 0 and all tests passed", Terminated(ThePod(), 0, Encoded(ASummary(3))),
       TestResult::kPassed, api::reason::kTestsPassed},
      {"exit 0 and a test passed only the second time",
       Terminated(ThePod(), 0, SummaryWith([](auto& s) { s.counts.flaky = 1; })),
       TestResult::kPassed, api::reason::kPassedWithFlakes},
      {"exit 0 although the Pod was disrupted",
       Disrupted(Terminated(ThePod(), 0, Encoded(ASummary(3))), "EvictionByEvictionAPI"),
       TestResult::kPassed, api::reason::kTestsPassed},
      {"exit 0 although the Pod was evicted",
       Evicted(Terminated(ThePod(), 0, Encoded(ASummary(3)))), TestResult::kPassed,
       api::reason::kTestsPassed},
      {"exit 0 although the Pod was deleted",
       Deleted(Terminated(ThePod(), 0, Encoded(ASummary(3))), 5), TestResult::kPassed,
       api::reason::kTestsPassed},
  };
}

std::vector<Row> ZeroExitRowsThatDoNotPass() {
  const char* invalid = api::reason::kReportInvalid;
  return {
      {"exit 0 without a summary", Terminated(ThePod(), 0), TestResult::kError, invalid},
      {"exit 0 with a summary that is no JSON", Terminated(ThePod(), 0, "all good"),
       TestResult::kError, invalid},
      {"exit 0 with counts that do not add up",
       Terminated(ThePod(), 0, SummaryWith([](auto& s) { s.counts.total = 99; })),
       TestResult::kError, invalid},
      {"exit 0 with more flaky tests than passed ones",
       Terminated(ThePod(), 0, SummaryWith([](auto& s) { s.counts.flaky = 99; })),
       TestResult::kError, invalid},
      {"exit 0 for another commit",
       Terminated(ThePod(), 0, SummaryWith([](auto& s) { s.commit = std::string(40, 'f'); })),
       TestResult::kError, invalid},
      {"exit 0 without a commit",
       Terminated(ThePod(), 0, SummaryWith([](auto& s) { s.commit.clear(); })), TestResult::kError,
       invalid},
      {"exit 0 with failed tests", Terminated(ThePod(), 0, Encoded(ASummary(3, 1))),
       TestResult::kError, invalid},
      {"exit 0 with errored tests", Terminated(ThePod(), 0, SummaryWith([](auto& s) {
                                                 s.counts.errored = 1;
                                                 s.counts.total += 1;
                                               })),
       TestResult::kError, invalid},
      {"exit 0 without any test", Terminated(ThePod(), 0, Encoded(ASummary(0))), TestResult::kError,
       api::reason::kNoTestsFound},
      {"exit 0 with skipped tests only",
       Terminated(ThePod(), 0, SummaryWith([](auto& s) { s.counts = {3, 0, 0, 0, 3}; })),
       TestResult::kError, api::reason::kNoTestsFound},
      {"exit 0 although memory ran out", Terminated(ThePod(), 0, Encoded(ASummary(3)), "OOMKilled"),
       TestResult::kFailed, api::reason::kOutOfMemory},
  };
}

std::vector<Row> CheckoutRows() {
  const auto with = [](std::int64_t code, const char* reason = "Error") {
    return CheckedOut(Scheduled(APod(AJob(ACommitTest()))), code, Encoded(ASummary(1)), reason);
  };
  const char* lost = api::reason::kResultLost;
  return {
      {"checkout 20: failed", with(20), TestResult::kError, api::reason::kCheckoutFailed, true},
      {"checkout 21: commit gone", with(21), TestResult::kError, api::reason::kCommitGone},
      {"checkout 60: configuration", with(60), TestResult::kError,
       api::reason::kConfigurationError},
      {"checkout 50: the runner's own fault", with(50), TestResult::kError, lost, true},
      {"checkout 10: no verdict on tests", with(10), TestResult::kError, lost, true},
      {"checkout 30: no verdict on tests", with(30), TestResult::kError, lost, true},
      {"checkout 137 because memory ran out", with(137, "OOMKilled"), TestResult::kError,
       api::reason::kCheckoutFailed, true},
      {"checkout 128: the image has no such program", with(128, "StartError"), TestResult::kError,
       api::reason::kConfigurationError},
      {"checkout evicted", Evicted(with(137)), TestResult::kError, api::reason::kDisrupted, true},
  };
}

std::vector<Row> ExitCodeRows() {
  const auto with = [](std::int64_t code) {
    return Terminated(ThePod(), code, Encoded(ASummary(1)));
  };
  return {
      {"10: tests failed", Terminated(ThePod(), 10, Encoded(ASummary(2, 1))), TestResult::kFailed,
       api::reason::kTestsFailed},
      {"10: time limit",
       Terminated(ThePod(), 10, SummaryWith([](auto& s) { s.reason = api::reason::kTimedOut; })),
       TestResult::kFailed, api::reason::kTimedOut},
      {"10: memory ran out for a process of the tests",
       Terminated(ThePod(), 10, SummaryWith([](auto& s) { s.reason = api::reason::kOutOfMemory; })),
       TestResult::kFailed, api::reason::kOutOfMemory},
      {"10 without a summary", Terminated(ThePod(), 10), TestResult::kError,
       api::reason::kReportInvalid},
      {"10 for another commit",
       Terminated(ThePod(), 10, SummaryWith([](auto& s) { s.commit = std::string(40, 'f'); })),
       TestResult::kError, api::reason::kReportInvalid},
      {"20: checkout failed", with(20), TestResult::kError, api::reason::kCheckoutFailed, true},
      {"20 without a summary", Terminated(ThePod(), 20), TestResult::kError,
       api::reason::kCheckoutFailed, true},
      {"21: commit gone", with(21), TestResult::kError, api::reason::kCommitGone},
      {"30: no tests", with(30), TestResult::kError, api::reason::kNoTestsFound},
      {"40: report invalid", with(40), TestResult::kError, api::reason::kReportInvalid},
      {"40: does not build",
       Terminated(ThePod(), 40, SummaryWith([](auto& s) { s.reason = api::reason::kSetupFailed; })),
       TestResult::kError, api::reason::kSetupFailed},
      {"40: does not build, of another commit", Terminated(ThePod(), 40, SummaryWith([](auto& s) {
                                                             s.reason = api::reason::kSetupFailed;
                                                             s.commit = std::string(40, 'f');
                                                           })),
       TestResult::kError, api::reason::kReportInvalid},
      {"50: the runner's own fault", with(50), TestResult::kError, api::reason::kResultLost, true},
      {"60: configuration", with(60), TestResult::kError, api::reason::kConfigurationError},
      {"1: unknown", with(1), TestResult::kError, api::reason::kResultLost, true},
      {"-1: absent", with(-1), TestResult::kError, api::reason::kResultLost, true},
      {"124: unknown", with(124), TestResult::kError, api::reason::kResultLost, true},
      {"137 without a reason", Terminated(ThePod(), 137), TestResult::kError,
       api::reason::kResultLost, true},
      {"137 because memory ran out", Terminated(ThePod(), 137, "", "OOMKilled"),
       TestResult::kFailed, api::reason::kOutOfMemory},
      {"128: the image has no such program",
       Terminated(ThePod(), 128, "exec: \"/runner\": no such file", "StartError"),
       TestResult::kError, api::reason::kConfigurationError},
      {"137 because the kubelet lost the container",
       Terminated(ThePod(), 137, "", "ContainerStatusUnknown"), TestResult::kError,
       api::reason::kResultLost, true},
  };
}

std::vector<Row> DisruptionRows() {
  return {
      {"killed by an eviction", Disrupted(Terminated(ThePod(), 143), "EvictionByEvictionAPI"),
       TestResult::kError, api::reason::kDisrupted, true},
      {"killed by memory pressure of the node",
       Disrupted(Terminated(ThePod(), 137, "", "OOMKilled"), "TerminationByKubelet"),
       TestResult::kError, api::reason::kDisrupted, true},
      {"tests failed while a preemption stopped them",
       Disrupted(Terminated(ThePod(), 10, Encoded(ASummary(1, 1))), "PreemptionByScheduler", 10),
       TestResult::kError, api::reason::kDisrupted, true},
      {"tests had failed before the disruption",
       Disrupted(Terminated(ThePod(), 10, Encoded(ASummary(1, 1))), "DeletionByTaintManager", 11),
       TestResult::kFailed, api::reason::kTestsFailed},
      {"killed because the Pod exceeded its own disk limit",
       Evicted(Terminated(ThePod(), 137, "", "ContainerStatusUnknown")), TestResult::kError,
       api::reason::kDisrupted, true},
      {"killed by the deletion of the Pod", Deleted(Terminated(ThePod(), 143), 8),
       TestResult::kError, api::reason::kPodLost, true},
      {"tests failed in the second of the deletion",
       Deleted(Terminated(ThePod(), 10, Encoded(ASummary(1, 1))), 10), TestResult::kError,
       api::reason::kPodLost, true},
      {"tests failed, and when the deletion was asked for is no longer known",
       Deleted(Terminated(ThePod(), 10, Encoded(ASummary(1, 1))), 11, 0), TestResult::kError,
       api::reason::kPodLost, true},
      {"tests had failed before the deletion",
       Deleted(Terminated(ThePod(), 10, Encoded(ASummary(1, 1))), 11), TestResult::kFailed,
       api::reason::kTestsFailed},
  };
}

PodView FailedPod(const std::string& reason) {
  PodView pod = APod(AJob(ACommitTest()));
  pod.phase = "Failed";
  pod.reason = reason;
  pod.message = "the kubelet's words";
  return pod;
}

std::vector<Row> RowsWithoutAContainer() {
  PodView disrupted = Disrupted(ThePod(), "DeletionByPodGC");
  disrupted.phase = "Failed";
  return {
      {"evicted before the container was reported", FailedPod("Evicted"), TestResult::kError,
       api::reason::kDisrupted, true},
      {"the node shuts down", FailedPod("Terminated"), TestResult::kError, api::reason::kDisrupted,
       true},
      {"refused by the kubelet", FailedPod("UnexpectedAdmissionError"), TestResult::kError,
       api::reason::kPodLost, true},
      {"node lost", FailedPod("NodeLost"), TestResult::kError, api::reason::kPodLost, true},
      {"garbage collected while its container seemed to run", disrupted, TestResult::kError,
       api::reason::kDisrupted, true},
  };
}

INSTANTIATE_TEST_SUITE_P(Passing, VerdictTable, testing::ValuesIn(PassingRows()));
INSTANTIATE_TEST_SUITE_P(ZeroExit, VerdictTable, testing::ValuesIn(ZeroExitRowsThatDoNotPass()));
INSTANTIATE_TEST_SUITE_P(ExitCodes, VerdictTable, testing::ValuesIn(ExitCodeRows()));
INSTANTIATE_TEST_SUITE_P(Checkouts, VerdictTable, testing::ValuesIn(CheckoutRows()));
INSTANTIATE_TEST_SUITE_P(Disruptions, VerdictTable, testing::ValuesIn(DisruptionRows()));
INSTANTIATE_TEST_SUITE_P(WithoutAContainer, VerdictTable,
                         testing::ValuesIn(RowsWithoutAContainer()));

class NoVerdictYet : public testing::TestWithParam<Row> {};

TEST_P(NoVerdictYet, IsGivenWithoutEvidence) {
  EXPECT_FALSE(JudgePod(ACommitTest().spec, GetParam().pod).has_value());
}

std::vector<Row> OpenRows() {
  const auto row = [](const char* situation, PodView pod) {
    return Row{situation, std::move(pod), TestResult::kError, ""};
  };
  PodView succeeded = ThePod();
  succeeded.phase = "Succeeded";
  PodView failed = ThePod();
  failed.phase = "Failed";
  return {row("new Pod", APod(AJob(ACommitTest()))),
          row("running", ThePod()),
          row("running and being deleted", Deleted(ThePod(), 3)),
          row("running and marked for disruption", Disrupted(ThePod(), "PreemptionByScheduler")),
          row("phase Succeeded before the container's state", succeeded),
          row("phase Failed before the container's state", failed),
          row("phase Failed without any word", FailedPod(""))};
}

INSTANTIATE_TEST_SUITE_P(Open, NoVerdictYet, testing::ValuesIn(OpenRows()));

TEST(Verdict, PassesWithoutTestsWhenTheSpecAllowsIt) {
  api::CommitTestSpec spec = ACommitTest().spec;
  spec.tests.allow_no_tests = true;
  const auto ending = JudgePod(spec, Terminated(ThePod(), 0, Encoded(ASummary(0))));
  EXPECT_EQ(ending->result, TestResult::kPassed);
}

TEST(Verdict, SaysHowManyTestsFailedAndWhichFirst) {
  const auto ending =
      JudgePod(ACommitTest().spec, Terminated(ThePod(), 10, Encoded(ASummary(2, 1))));
  EXPECT_EQ(ending->message, "1 of 3 tests failed; first: test_sum");
}

TEST(Verdict, TakesAContradictorySummaryOnlyForItsFailures) {
  const auto ending =
      JudgePod(ACommitTest().spec, Terminated(ThePod(), 0, Encoded(ASummary(3, 1))));
  ASSERT_TRUE(ending->summary.has_value());
  EXPECT_EQ(ending->summary->counts.failed, 1);
}

TEST(Verdict, LeavesOutTheSummaryOfAnotherCommit) {
  const auto ending = JudgePod(
      ACommitTest().spec,
      Terminated(ThePod(), 0, SummaryWith([](auto& s) { s.commit = std::string(40, 'f'); })));
  EXPECT_FALSE(ending->summary.has_value());
}

TEST(Verdict, IsTheFinalOneOfTwoPodsWhenTheOtherWasDisrupted) {
  const std::vector<PodView> pods{Disrupted(Terminated(ThePod(), 143), "TerminationByKubelet"),
                                  Terminated(ThePod(), 0, Encoded(ASummary(3)))};
  EXPECT_EQ(JudgePods(ACommitTest().spec, pods)->result, TestResult::kPassed);
}

TEST(Verdict, WaitsForASecondPodWhenTheFirstWasDisrupted) {
  const std::vector<PodView> pods{Disrupted(Terminated(ThePod(), 143), "TerminationByKubelet"),
                                  ThePod()};
  EXPECT_FALSE(JudgePods(ACommitTest().spec, pods).has_value());
}

TEST(Verdict, IsThatOfTwoPodsThatAgree) {
  const PodView pod = Terminated(ThePod(), 10, Encoded(ASummary(2, 1)));
  EXPECT_EQ(JudgePods(ACommitTest().spec, {pod, pod})->reason, api::reason::kTestsFailed);
}

TEST(Verdict, IsAnErrorWhenTwoPodsDisagree) {
  const auto ending =
      JudgePods(ACommitTest().spec, {Terminated(ThePod(), 0, Encoded(ASummary(3))),
                                     Terminated(ThePod(), 10, Encoded(ASummary(2, 1)))});
  EXPECT_EQ(ending->result, TestResult::kError);
  EXPECT_EQ(ending->reason, api::reason::kResultLost);
  EXPECT_FALSE(ending->retryable);
  EXPECT_FALSE(ending->summary.has_value());
}

TEST(Verdict, NeedsAPod) { EXPECT_FALSE(JudgePods(ACommitTest().spec, {}).has_value()); }

}  // namespace
}  // namespace committest::op
