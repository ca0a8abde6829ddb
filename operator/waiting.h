#pragma once

#include <optional>
#include <string>

#include "common/base/clock.h"
#include "operator/job_trouble.h"
#include "operator/job_view.h"
#include "operator/pod_view.h"

namespace committest::op {

/// Why tests that were launched do not run yet.
struct Waiting {
  std::string reason;   ///< Of common/api/reasons.h, for the condition Started.
  std::string message;  ///< With the scheduler's or the kubelet's own words where they said any.
  /// Something is wrong and will stay so unless someone acts. False: the ordinary steps of a start.
  bool specific = false;
  /// Since when the present step lasts.
  std::optional<WallTime> since;
  /// The kubelet is between two tries and repeats what it said before.
  bool backing_off = false;
};

/// Total: `pod` is null as long as there is none, `trouble` unless the Job controller has complained.
///
/// | Pod                                                           | reason            | specific |
/// |---------------------------------------------------------------|-------------------|----------|
/// | none; trouble says "exceeded quota"                           | QuotaExceeded     | yes      |
/// | none; trouble says "forbidden" or "denied"                    | AdmissionDenied   | yes      |
/// | none; trouble says something else                             | WaitingForPod     | yes      |
/// | none                                                          | WaitingForPod     |          |
/// | PodScheduled is False                                         | Unschedulable     | yes      |
/// | PodScheduled is absent, no node                               | WaitingForPod     |          |
/// | its init container checks out                                 | CheckoutInProgress|          |
/// | waiting: ErrImagePull, ImagePullBackOff, InvalidImageName,    | ImagePull         | yes      |
/// |   ErrImageNeverPull, ImageInspectError, RegistryUnavailable,  |                   |          |
/// |   SignatureValidationFailed                                   |                   |          |
/// | waiting: CreateContainerConfigError, CreateContainerError,    | ContainerConfig   | yes      |
/// |   RunContainerError, PreCreateHookError                       |                   |          |
/// | anything else                                                 | ContainerCreating |          |
Waiting WaitingOf(const JobView& job, const PodView* pod, const JobTrouble* trouble);

}  // namespace committest::op
