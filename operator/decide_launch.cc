#include "operator/decide_launch.h"

#include <algorithm>
#include <string>
#include <utility>

#include "common/api/reasons.h"
#include "operator/decide_end.h"
#include "operator/status_builder.h"

namespace committest::op {
namespace {

using std::chrono::ceil;
using std::chrono::milliseconds;

/// What is left of the back-off after the last attempt; zero when it is over or there was none.
milliseconds BackoffLeft(const Observed& observed) {
  const api::Attempt* last = LastEnded(observed.commit_test.status);
  if (last == nullptr || !last->completion_time) return milliseconds(0);
  const milliseconds delay = RetryDelay(last->number);
  const auto left = *last->completion_time + delay - observed.now;
  // A wall clock that was set back must not make the wait longer than it ever was.
  return std::clamp(ceil<milliseconds>(left), milliseconds(0), delay);
}

Decision Keep(const Observed& observed, milliseconds requeue_after) {
  Decision decision;
  decision.next_status = observed.commit_test.status;
  decision.requeue_after = requeue_after;
  return decision;
}

Decision NotAdmitted(const Observed& observed, const char* reason, const std::string& message) {
  StatusBuilder builder(observed.commit_test, observed.now);
  builder.NotAdmitted(reason, message);
  Decision decision;
  decision.next_status = builder.Take();
  decision.requeue_after = kSafetyNet;
  return decision;
}

// Waiting for a slot.

std::string PositionText(std::int64_t position) {
  const std::int64_t step = PositionStep(position);
  const std::string last = std::to_string(position);
  return step == 1 ? last : std::to_string(position - step + 1) + " to " + last;
}

std::string QueuedMessage(const api::CommitTestSpec& spec, const Place& place) {
  const std::string& repository = spec.repository_name;
  const std::string line =
      "position " + PositionText(place.position) + " in the queue of " +
      (repository.empty() ? "CommitTests without a repository" : "repository " + repository);
  switch (place.bound) {
    case Bound::kRepository:
      return line + ", of which at most " + std::to_string(place.limit) +
             " run at a time (its spec.concurrency.max)";
    case Bound::kCluster:
      return line + "; at most " + std::to_string(place.limit) +
             " run at a time in all repositories (the operator's --max-running)";
    case Bound::kQuota:
      break;
  }
  return line + "; the last launch in this namespace was refused: " + place.detail;
}

Decision DecideQueued(const Observed& observed) {
  const api::CommitTest& commit_test = observed.commit_test;
  const auto created = commit_test.meta.creation_time.value_or(observed.now - kQueueQuietPeriod);
  const auto quiet = ceil<milliseconds>(created + kQueueQuietPeriod - observed.now);
  if (!commit_test.status.queued_time && quiet > milliseconds(0)) {
    return Keep(observed, std::min<milliseconds>(quiet, kQueueQuietPeriod));
  }
  return NotAdmitted(observed, api::reason::kQueued,
                     QueuedMessage(commit_test.spec, observed.place));
}

// Refused by the API server.

/// The refusal that the status tells of, or nullptr.
const api::Condition* ToldRefusal(const api::CommitTestStatus& status) {
  const api::Condition* started = api::FindCondition(status.conditions, api::condition::kStarted);
  if (started == nullptr) return nullptr;
  const bool refused = started->reason == api::reason::kQuotaExceeded ||
                       started->reason == api::reason::kAdmissionDenied;
  return refused ? started : nullptr;
}

/// How much longer the refusals may go on. They have gone on since the present attempt could have
/// been launched: since it was admitted, or the attempt before it ended.
milliseconds RefusalLeft(const Observed& observed) {
  const api::CommitTestStatus& status = observed.commit_test.status;
  const api::Condition* admitted = api::FindCondition(status.conditions, api::condition::kAdmitted);
  const std::chrono::seconds limit(observed.commit_test.spec.execution.schedule_timeout_seconds);
  if (admitted == nullptr || admitted->status != api::condition::kTrue) return limit;
  WallTime since = admitted->last_transition_time;
  if (const api::Attempt* last = LastEnded(status); last != nullptr && last->completion_time) {
    since = std::max(since, *last->completion_time);
  }
  return std::max(ceil<milliseconds>(since + limit - observed.now), milliseconds(0));
}

Decision EndRefused(const Observed& observed, const CurrentAttempt& current,
                    const std::string& reason, const std::string& words) {
  const auto limit = observed.commit_test.spec.execution.schedule_timeout_seconds;
  return EndCommitTest(
      observed, current,
      ErrorEnding(reason,
                  "the API server refused the Job for " + std::to_string(limit) + " s: " + words,
                  api::FailureClass::kInfrastructure));
}

Decision Refused(const Observed& observed, const CurrentAttempt& current, const char* reason) {
  const std::string& words = observed.launch_error->message;
  const milliseconds left = RefusalLeft(observed);
  if (left == milliseconds(0)) return EndRefused(observed, current, reason, words);
  StatusBuilder builder(observed.commit_test, observed.now);
  builder.NotStarted(reason, words);
  Decision decision;
  decision.next_status = builder.Take();
  decision.requeue_after = std::min<milliseconds>(left, kRefusalPause);
  return decision;
}

Decision DecideRefusal(const Observed& observed, const CurrentAttempt& current) {
  switch (observed.launch_error->kind) {
    case LaunchErrorKind::kQuota:
      return Refused(observed, current, api::reason::kQuotaExceeded);
    case LaunchErrorKind::kDenied:
      return Refused(observed, current, api::reason::kAdmissionDenied);
    case LaunchErrorKind::kInvalid:
      return EndCommitTest(
          observed, current,
          ErrorEnding(api::reason::kConfigurationError,
                      "the API server refuses the Job: " + observed.launch_error->message,
                      api::FailureClass::kConfiguration));
    case LaunchErrorKind::kTerminating:
      break;
  }
  return Keep(observed, kRefusalPause);
}

/// Not its turn. What the status tells of a refusal stays, for it says more than a position.
Decision DecideWaiting(const Observed& observed, const CurrentAttempt& current) {
  const api::Condition* refusal = ToldRefusal(observed.commit_test.status);
  if (refusal != nullptr) {
    const milliseconds left = RefusalLeft(observed);
    if (left == milliseconds(0)) {
      return EndRefused(observed, current, refusal->reason, refusal->message);
    }
    return Keep(observed, std::min<milliseconds>(left, kRefusalPause));
  }
  if (observed.place.turn == Turn::kRepositoryNotReady) {
    return NotAdmitted(observed, api::reason::kRepositoryNotReady, observed.place.detail);
  }
  return observed.place.turn == Turn::kQueued ? DecideQueued(observed)
                                              : Keep(observed, kRefusalPause);
}

Decision Launch(const Observed& observed, const CurrentAttempt& current) {
  if (observed.commit_test.spec.suspend) {
    return NotAdmitted(observed, api::reason::kSuspended,
                       "spec.suspend is true; nothing is launched until it is false");
  }
  if (observed.launch_error) return DecideRefusal(observed, current);
  if (observed.place.turn != Turn::kAdmitted) return DecideWaiting(observed, current);
  if (const milliseconds left = BackoffLeft(observed); left > milliseconds(0)) {
    return Keep(observed, left);
  }
  Decision decision = Keep(observed, kSafetyNet);
  decision.actions.emplace_back(CreateJob{current.number});
  return decision;
}

}  // namespace

Decision DecideLaunch(const Observed& observed, const CurrentAttempt& current) {
  Decision decision = Launch(observed, current);
  if (!decision.next_status.result) DeleteStrays(observed, decision);
  return decision;
}

}  // namespace committest::op
