#include "operator/decide_launch.h"

#include <algorithm>
#include <utility>

#include "common/api/reasons.h"
#include "operator/decide_end.h"
#include "operator/status_builder.h"

namespace committest::op {
namespace {

using std::chrono::milliseconds;

/// What is left of the back-off after the last attempt; zero when it is over or there was none.
milliseconds BackoffLeft(const Observed& observed) {
  const api::Attempt* last = LastEnded(observed.commit_test.status);
  if (last == nullptr || !last->completion_time) return milliseconds(0);
  const milliseconds delay = RetryDelay(last->number);
  const auto left = *last->completion_time + delay - observed.now;
  // A wall clock that was set back must not make the wait longer than it ever was.
  return std::clamp(std::chrono::ceil<milliseconds>(left), milliseconds(0), delay);
}

Decision Keep(const Observed& observed, milliseconds requeue_after) {
  Decision decision;
  decision.next_status = observed.commit_test.status;
  decision.requeue_after = requeue_after;
  return decision;
}

Decision Refused(const Observed& observed, const char* reason) {
  StatusBuilder builder(observed.commit_test, observed.now);
  builder.NotStarted(reason, observed.launch_error->message);
  Decision decision;
  decision.next_status = builder.Take();
  decision.requeue_after = kRefusalRetry;
  return decision;
}

Decision DecideRefusal(const Observed& observed, const CurrentAttempt& current) {
  switch (observed.launch_error->kind) {
    case LaunchErrorKind::kQuota:
      return Refused(observed, api::reason::kQuotaExceeded);
    case LaunchErrorKind::kDenied:
      return Refused(observed, api::reason::kAdmissionDenied);
    case LaunchErrorKind::kInvalid:
      return EndCommitTest(
          observed, current,
          ErrorEnding(api::reason::kConfigurationError,
                      "the API server refuses the Job: " + observed.launch_error->message,
                      api::FailureClass::kConfiguration));
    case LaunchErrorKind::kTerminating:
      break;
  }
  return Keep(observed, kRefusalRetry);
}

}  // namespace

Decision DecideLaunch(const Observed& observed, const CurrentAttempt& current) {
  Decision decision;
  if (const milliseconds left = BackoffLeft(observed); left > milliseconds(0)) {
    decision = Keep(observed, left);
  } else if (observed.launch_error) {
    decision = DecideRefusal(observed, current);
  } else {
    decision = Keep(observed, kQuietPeriod);
    decision.actions.emplace_back(CreateJob{current.number});
  }
  DeleteStrays(observed, decision);
  return decision;
}

}  // namespace committest::op
