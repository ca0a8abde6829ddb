#include "operator/operator_metrics.h"

#include <chrono>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/operator_builders.h"

namespace committest::op {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;

TEST(OperatorMetrics, HasTheSeriesThatAlertsAskForBeforeAnythingHappens) {
  Metrics metrics;
  const OperatorMetrics ours(metrics);
  for (const char* series : {
           R"(committest_operator_verdicts_total{reason="TestsPassed",result="Passed"} 0)",
           R"(committest_operator_attempts_total{kind="retry"} 0)",
           R"(committest_operator_launch_refusals_total{kind="Quota"} 0)",
           R"(committest_operator_launch_refusals_total{kind="Denied"} 0)",
           "committest_operator_created_to_job_seconds_count 0",
           "committest_operator_terminated_to_verdict_seconds_count 0",
       }) {
    EXPECT_THAT(metrics.Expose(), HasSubstr(series));
  }
}

TEST(OperatorMetrics, CountsAVerdictOnceAndHowLongItTook) {
  Metrics metrics;
  OperatorMetrics ours(metrics);
  api::CommitTestStatus before;
  api::CommitTestStatus after;
  after.result = api::TestResult::kError;
  after.display.reason = "NoTestsFound";
  api::Attempt attempt;
  attempt.exit_code = 30;
  attempt.completion_time = WallTime{};
  after.attempts = {attempt};
  ours.Written(before, after, WallTime{} + milliseconds(20));
  ours.Written(after, after, WallTime{} + milliseconds(90));
  EXPECT_THAT(metrics.Expose(),
              HasSubstr(R"(verdicts_total{reason="NoTestsFound",result="Error"} 1)"));
  EXPECT_THAT(metrics.Expose(), HasSubstr("terminated_to_verdict_seconds_count 1"));
  EXPECT_THAT(metrics.Expose(), HasSubstr("terminated_to_verdict_seconds_sum 0.02"));
}

TEST(OperatorMetrics, TellsFirstTriesFromRetries) {
  Metrics metrics;
  OperatorMetrics ours(metrics);
  const api::CommitTest commit_test = ACommitTest();
  ours.Launched(commit_test, 1, *commit_test.meta.creation_time + milliseconds(10));
  ours.Launched(commit_test, 2, *commit_test.meta.creation_time + milliseconds(5'000));
  EXPECT_THAT(metrics.Expose(), HasSubstr(R"(attempts_total{kind="first"} 1)"));
  EXPECT_THAT(metrics.Expose(), HasSubstr(R"(attempts_total{kind="retry"} 1)"));
  EXPECT_THAT(metrics.Expose(), HasSubstr("created_to_job_seconds_count 1"));
}

}  // namespace
}  // namespace committest::op
