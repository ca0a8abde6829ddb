#include "operator/decide.h"

#include <utility>

#include "common/api/reasons.h"
#include "operator/attempts.h"
#include "operator/decide_end.h"
#include "operator/decide_job.h"
#include "operator/decide_launch.h"
#include "operator/ending.h"
#include "operator/shards.h"
#include "operator/validate.h"

namespace committest::op {
namespace {

using std::chrono::milliseconds;

std::string ConfigurationProblem(const api::CommitTest& commit_test) {
  return commit_test.parse_error.empty() ? SpecProblem(commit_test.spec) : commit_test.parse_error;
}

Ending NotRunEnding(const api::NotRun& not_run) {
  if (not_run.reason == api::NotRunReason::kConfigurationError) {
    return ErrorEnding(api::reason::kConfigurationError, not_run.message,
                       api::FailureClass::kConfiguration);
  }
  Ending ending;
  ending.result = api::TestResult::kSkipped;
  ending.reason = api::NotRunReasonName(not_run.reason);
  ending.message = not_run.message;
  return ending;
}

Ending Cancelled() {
  Ending ending;
  ending.result = api::TestResult::kCancelled;
  ending.reason = api::reason::kCancelled;
  ending.message = "spec.cancelRequested was set";
  ending.failure_class = api::FailureClass::kCancelled;
  return ending;
}

/// A verdict that is already there is worth more than the newer commit.
bool IsSuperseded(const Observed& observed) {
  return observed.place.turn == Turn::kSuperseded &&
         !JudgeAttempt(observed.commit_test.spec, observed.pods);
}

Ending Superseded(const Observed& observed) {
  Ending ending = Cancelled();
  ending.reason = api::reason::kSuperseded;
  ending.message = "CommitTest " + observed.place.detail +
                   " tests a newer commit of the same ref, and the repository's policy is "
                   "CancelOlder";
  return ending;
}

/// The recorded Job is not under its name (any more).
Decision DecideRecordedWithoutJob(const Observed& observed, const CurrentAttempt& current) {
  if (auto ending = JudgeAttempt(observed.commit_test.spec, observed.pods)) {
    return EndAttempt(observed, current, std::move(*ending));
  }
  if (observed.job_confirmed_absent) {
    return EndAttempt(
        observed, current,
        InfrastructureEnding(api::reason::kJobDeleted,
                             "Job " + current.job.name + " was deleted before it had a result"));
  }
  Decision decision;
  decision.next_status = observed.commit_test.status;
  decision.requeue_after = milliseconds(1'000);
  return decision;
}

Decision DecideRecorded(const Observed& observed, const CurrentAttempt& current) {
  const bool present = observed.job && observed.job->meta.uid == current.recorded->job_uid;
  return present ? DecideJob(observed, current) : DecideRecordedWithoutJob(observed, current);
}

Decision DecideUnrecorded(const Observed& observed, const CurrentAttempt& current) {
  if (!observed.job) return DecideLaunch(observed, current);
  if (IsOurs(*observed.job, observed.commit_test, current.number)) {
    return DecideJob(observed, current);
  }
  return EndCommitTest(
      observed, current,
      ErrorEnding(api::reason::kNameConflict,
                  "Job " + current.job.name + " exists and does not belong to this CommitTest",
                  api::FailureClass::kConfiguration));
}

}  // namespace

Decision Decide(const Observed& observed) {
  const api::CommitTest& commit_test = observed.commit_test;
  if (commit_test.meta.deletion_time) {
    Decision decision;
    decision.next_status = commit_test.status;
    return decision;
  }
  if (commit_test.status.result) return AfterTheEnd(observed);
  const CurrentAttempt current = CurrentAttemptOf(commit_test);
  if (const std::string problem = ConfigurationProblem(commit_test); !problem.empty()) {
    return EndCommitTest(
        observed, current,
        ErrorEnding(api::reason::kConfigurationError, problem, api::FailureClass::kConfiguration));
  }
  if (commit_test.spec.not_run) {
    return EndCommitTest(observed, current, NotRunEnding(*commit_test.spec.not_run));
  }
  if (commit_test.spec.cancel_requested) return EndCommitTest(observed, current, Cancelled());
  if (IsSuperseded(observed)) return EndCommitTest(observed, current, Superseded(observed));
  return current.recorded != nullptr ? DecideRecorded(observed, current)
                                     : DecideUnrecorded(observed, current);
}

}  // namespace committest::op
