#include "operator/operator_metrics.h"

#include <algorithm>
#include <chrono>

#include <prometheus/counter.h>
#include <prometheus/histogram.h>

#include "common/api/reasons.h"
#include "operator/launch_error.h"

namespace committest::op {
namespace {

constexpr const char* kVerdicts = "committest_operator_verdicts_total";
constexpr const char* kVerdictsHelp = "CommitTests that got their verdict, by result and reason.";
constexpr const char* kAttempts = "committest_operator_attempts_total";
constexpr const char* kAttemptsHelp = "Jobs created, by whether it was a first try or a retry.";
constexpr const char* kRefusals = "committest_operator_launch_refusals_total";
constexpr const char* kRefusalsHelp = "Jobs that the API server refused, by kind of refusal.";
constexpr const char* kToJob = "committest_operator_created_to_job_seconds";
constexpr const char* kToJobHelp = "From a CommitTest's creation to its first Job.";
constexpr const char* kToVerdict = "committest_operator_terminated_to_verdict_seconds";
constexpr const char* kToVerdictHelp = "From the container's end to the verdict in the status.";

double SecondsBetween(WallTime from, WallTime to) {
  return std::max(0.0, std::chrono::duration<double>(to - from).count());
}

}  // namespace

OperatorMetrics::OperatorMetrics(Metrics& metrics) : metrics_(metrics) {
  // Made at once, so that dashboards and alerts never miss a series.
  metrics_.Counter(kVerdicts, kVerdictsHelp,
                   {{"result", "Passed"}, {"reason", api::reason::kTestsPassed}});
  metrics_.Counter(kVerdicts, kVerdictsHelp,
                   {{"result", "Passed"}, {"reason", api::reason::kPassedWithFlakes}});
  metrics_.Counter(kVerdicts, kVerdictsHelp,
                   {{"result", "Failed"}, {"reason", api::reason::kTestsFailed}});
  metrics_.Counter(kAttempts, kAttemptsHelp, {{"kind", "first"}});
  metrics_.Counter(kAttempts, kAttemptsHelp, {{"kind", "retry"}});
  for (const auto kind : {LaunchErrorKind::kQuota, LaunchErrorKind::kDenied,
                          LaunchErrorKind::kInvalid, LaunchErrorKind::kTerminating}) {
    metrics_.Counter(kRefusals, kRefusalsHelp, {{"kind", std::string(LaunchErrorKindName(kind))}});
  }
  metrics_.Seconds(kToJob, kToJobHelp);
  metrics_.Seconds(kToVerdict, kToVerdictHelp);
}

void OperatorMetrics::Launched(const api::CommitTest& commit_test, std::int64_t attempt,
                               WallTime now) {
  metrics_.Counter(kAttempts, kAttemptsHelp, {{"kind", attempt == 1 ? "first" : "retry"}})
      .Increment();
  if (attempt == 1 && commit_test.meta.creation_time) {
    metrics_.Seconds(kToJob, kToJobHelp)
        .Observe(SecondsBetween(*commit_test.meta.creation_time, now));
  }
}

void OperatorMetrics::Written(const api::CommitTestStatus& before,
                              const api::CommitTestStatus& after, WallTime now) {
  if (!before.result && after.result) Verdict(after, now);
}

void OperatorMetrics::Verdict(const api::CommitTestStatus& after, WallTime now) {
  metrics_
      .Counter(kVerdicts, kVerdictsHelp,
               {{"result", std::string(api::TestResultName(*after.result))},
                {"reason", after.display.reason}})
      .Increment();
  if (after.attempts.empty()) return;
  const api::Attempt& last = after.attempts.back();
  if (last.exit_code && last.completion_time) {
    metrics_.Seconds(kToVerdict, kToVerdictHelp)
        .Observe(SecondsBetween(*last.completion_time, now));
  }
}

void OperatorMetrics::Refused(const std::string& kind) {
  metrics_.Counter(kRefusals, kRefusalsHelp, {{"kind", kind}}).Increment();
}

}  // namespace committest::op
