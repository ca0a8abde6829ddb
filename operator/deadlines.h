#pragma once

#include <chrono>
#include <optional>

#include "common/api/commit_test.h"
#include "common/base/clock.h"
#include "operator/ending.h"
#include "operator/job_trouble.h"
#include "operator/job_view.h"
#include "operator/pod_view.h"

namespace committest::op {

/// How long a runner may take for its checkout, beside the tests' own limit.
inline constexpr std::chrono::seconds kCheckoutAllowance{300};
/// How much later than the runner itself the operator ends a run: the runner stops its tests first,
/// then reports. More than the Pod's termination grace period.
inline constexpr std::chrono::seconds kRunGrace{30};
/// How long a Pod may stay after its grace period before its node counts as lost.
inline constexpr std::chrono::seconds kDeletionGrace{30};

enum class Stage { kSchedule, kStart, kCheckout, kRun };

struct Deadline {
  Stage stage = Stage::kSchedule;
  WallTime at;
};

/// The deadline of the step that the attempt is in; it follows from timestamps in the API alone, so
/// it survives restarts. nullopt: none, because the Job is suspended or a timestamp is missing.
///
/// | step                                | from                    | limit                         |
/// |-------------------------------------|-------------------------|-------------------------------|
/// | no Pod, or not scheduled: kSchedule | Job started, or created | scheduleTimeoutSeconds        |
/// | scheduled, not running: kStart      | PodScheduled True since | startTimeoutSeconds           |
/// | checkout running: kCheckout         | checkout started        | the allowances                |
/// | checked out, not running: kStart    | checkout ended          | startTimeoutSeconds           |
/// | container running: kRun             | container started       | timeoutSeconds and allowances |
///
/// The allowances are kCheckoutAllowance and kRunGrace. The third and fourth step are those of a run
/// in two containers.
std::optional<Deadline> NextDeadline(const api::CommitTestSpec& spec, const JobView& job,
                                     const PodView* pod);

/// How the attempt ends because its deadline is over; nullopt as long as it is not.
///
/// | step      | what the Pod says          | ending                                             |
/// |-----------|----------------------------|----------------------------------------------------|
/// | kSchedule | PodScheduled False         | Error Unschedulable, with the scheduler's words    |
/// | kSchedule | no Pod, creating it refused| Error QuotaExceeded or AdmissionDenied, with words |
/// | kSchedule | no Pod, or not looked at   | Error StartTimeout                                 |
/// | kStart    | an image reason            | Error ImagePullFailed, with the kubelet's words    |
/// | kStart    | a container-config reason  | Error ConfigurationError, with the kubelet's words |
/// | kStart    | otherwise                  | Error StartTimeout                                 |
/// | kCheckout |                            | retry CheckoutFailed                               |
/// | kRun      |                            | Failed TimedOut                                    |
std::optional<Ending> JudgeDeadlines(const api::CommitTestSpec& spec, const JobView& job,
                                     const PodView* pod, const JobTrouble* trouble, WallTime now);

/// The Job's activeDeadlineSeconds: all own deadlines together and a minute more, so that it only
/// acts when no operator does.
std::chrono::seconds HardCap(const api::CommitTestSpec& spec);

}  // namespace committest::op
