#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/api/commit_test.h"
#include "common/kube/object.h"
#include "operator/observed.h"

namespace committest::op {

/// POST the Job of this attempt.
struct CreateJob {
  std::int64_t attempt = 1;

  bool operator==(const CreateJob&) const = default;
};

/// DELETE exactly this Job; harmless if it is gone.
struct DeleteJob {
  kube::ObjectKey key;
  std::string uid;

  bool operator==(const DeleteJob&) const = default;
};

using Action = std::variant<CreateJob, DeleteJob>;

/// A transition worth telling people about.
struct EventNote {
  bool warning = false;
  std::string reason;
  std::string note;
};

/// What is to be done now. `Apply` does it in this order: CreateJob, then the status if it differs
/// from the present one, then DeleteJob, then the Events. A verdict is thus recorded before the
/// Job it stands on may go.
struct Decision {
  std::vector<Action> actions;
  api::CommitTestStatus next_status;
  std::vector<EventNote> events;
  /// Look again after this long; absent once nothing can change any more.
  std::optional<std::chrono::milliseconds> requeue_after;
};

/// How long ordinary steps of a start may last before the status mentions them. What is wrong is
/// mentioned at once.
inline constexpr std::chrono::seconds kQuietPeriod{60};
/// The same if the status still names a cause of waiting that is over.
inline constexpr std::chrono::seconds kOutdatedPeriod{5};
/// How long a finished Job may stay without evidence of its Pod: the Pod's last status may reach us
/// later than the Job's.
inline constexpr std::chrono::seconds kEvidenceGrace{5};
/// How long a CommitTest waits for a slot before the status mentions it.
inline constexpr std::chrono::seconds kQueueQuietPeriod{2};
/// Every waiting state is looked at again after this long at the latest, even without an event.
inline constexpr std::chrono::seconds kSafetyNet{60};

/// The delay before the attempt after number `ended`, which was an infrastructure failure: 1 s,
/// doubled each time, at most 60 s.
std::chrono::milliseconds RetryDelay(std::int64_t ended);

/// The heart of the operator: pure and total. The first row that matches counts.
///
/// |  # | situation                                        | decision
/// |----|--------------------------------------------------|---------
/// |  1 | the CommitTest is being deleted                  | nothing: garbage collection takes the Job
/// |  2 | a result is set                                  | the status stays; own Jobs that could still run are deleted,
/// |    |                                                  | the others when their time is over
/// |  3 | the spec cannot be read, or cannot be run        | Error ConfigurationError
/// |    | spec.notRun                                      | Skipped, or Error ConfigurationError, as it says
/// |  4 | cancelRequested                                  | Cancelled
/// |    | superseded, and its Pods are no evidence         | Cancelled Superseded
/// |  5 | recorded; its Pods are evidence                  | ends as shards.h says, Job or not
/// |  6 | recorded; Job absent, or another under its name: |
/// |    |   confirmed by a live GET                        | attempt ends JobDeleted
/// |    |   not confirmed                                  | look again in a second
/// |  7 | not recorded; a Job of the name is not ours      | Error NameConflict
/// |  8 | not recorded; no Job:                            |
/// |    |   spec.suspend                                   | Admitted=False/Suspended
/// |    |   refused for scheduleTimeoutSeconds             | Error QuotaExceeded or AdmissionDenied
/// |    |   refused a short while ago                      | nothing, look again
/// |    |   its repository cannot be read                  | Admitted=False/RepositoryNotReady
/// |    |   waits for a slot                               | Admitted=False/Queued after kQueueQuietPeriod
/// |    |   the last back-off runs                         | Started=False/Retrying, look again
/// |  9 | not recorded; no Job; the launch was refused:    |
/// |    |   by a quota                                     | Started=False/QuotaExceeded, slowly
/// |    |   by admission or missing rights                 | Started=False/AdmissionDenied, slowly
/// |    |   as invalid                                     | Error ConfigurationError
/// |    |   because the namespace is terminating           | nothing, slowly
/// | 10 | not recorded; no Job                             | create the Job; the status stays
/// | 11 | Job; its Pods are evidence                       | ends as shards.h says
/// | 12 | Job is being deleted                             | attempt ends JobDeleted
/// | 13 | Job; recorded Pod gone, by live GET              | attempt ends PodLost, or as the finished Job says
/// |    | Job; a shard that it says has ended has no Pod   | attempt ends PodLost
/// | 14 | Job; Pod overdue in its deletion                 | attempt ends PodLost
/// | 15 | Job finished, no evidence for kEvidenceGrace     | attempt ends by the Job's reason
/// | 16 | Job; a deadline is over, of any shard            | ends as deadlines.h says
/// | 17 | Job; container runs                              | Started=True/TestsRunning
/// | 18 | Job; waiting for a specific cause                | Started=False/cause
/// | 19 | Job; ordinary step lasts > kQuietPeriod, or      |
/// |    |   > kOutdatedPeriod after a cause that is over   | Started=False/step
/// | 20 | Job; ordinary step                               | nothing, look again
///
/// In shards, row 17 is for the first that runs, and holds until the attempt ends: the message then
/// names shards that wait for a specific cause. Rows 18 to 20 are for the first with such a cause, else
/// for the first that has not ended.
///
/// "Attempt ends X": an infrastructure failure. While their number is within
/// retry.infrastructureLimit: Started=False/Retrying, and the back-off stands in the status as the
/// attempt's completionTime. Else the verdict is Error: X itself if no retry was allowed or X is
/// CheckoutFailed, otherwise InfrastructureRetriesExhausted.
///
/// Guarantees: Passed only from row 5 or 11; once a result is set the status never changes; a Job
/// is created for one attempt only after the one before is recorded as ended; the same input with
/// the decided status in it decides no further write.
///
/// A passing test takes three writes: the Job, Started, the verdict. Nothing is written for the
/// steps between if they last no longer than kQuietPeriod.
Decision Decide(const Observed& observed);

}  // namespace committest::op
