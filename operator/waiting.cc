#include "operator/waiting.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "common/api/reasons.h"
#include "common/base/strings.h"
#include "operator/launch_error.h"

namespace committest::op {
namespace {

constexpr std::array<std::string_view, 7> kImageReasons{
    "ErrImagePull",      "ImagePullBackOff",    "InvalidImageName",         "ErrImageNeverPull",
    "ImageInspectError", "RegistryUnavailable", "SignatureValidationFailed"};
constexpr std::array<std::string_view, 4> kConfigReasons{"CreateContainerConfigError",
                                                         "CreateContainerError",
                                                         "RunContainerError", "PreCreateHookError"};

Waiting Plain(const char* reason, std::string message, std::optional<WallTime> since) {
  return {reason, std::move(message), false, since, false};
}

std::string Words(std::string_view reason, std::string_view message) {
  const std::string clean = OneLine(message);
  return clean.empty() ? std::string(reason) : std::string(reason) + ": " + clean;
}

Waiting OfContainer(const PodView& pod, std::optional<WallTime> since) {
  if (const ContainerRunning* checkout = pod.CheckingOut(); checkout != nullptr) {
    return Plain(api::reason::kCheckoutInProgress,
                 "Pod " + pod.meta.name + " checks the commit out", checkout->started_at);
  }
  const ContainerWaiting* waiting = pod.Waiting();
  if (waiting != nullptr) {
    const bool backing_off = waiting->reason == "ImagePullBackOff";
    if (std::ranges::find(kImageReasons, waiting->reason) != kImageReasons.end()) {
      return {api::reason::kImagePull, Words(waiting->reason, waiting->message), true, since,
              backing_off};
    }
    if (std::ranges::find(kConfigReasons, waiting->reason) != kConfigReasons.end()) {
      return {api::reason::kContainerConfig, Words(waiting->reason, waiting->message), true, since,
              false};
    }
  }
  return Plain(api::reason::kContainerCreating,
               "node " + pod.node_name + " prepares the container of Pod " + pod.meta.name, since);
}

/// The Job controller's words begin with the name of a Pod that never was, another one each time.
std::string WithoutPodName(std::string_view message) {
  static constexpr std::string_view kBegin = "Error creating: pods \"";
  if (!message.starts_with(kBegin)) return OneLine(message);
  const std::size_t end = message.find('"', kBegin.size());
  if (end == std::string_view::npos) return OneLine(message);
  return OneLine("the Pod cannot be created:" + std::string(message.substr(end + 1)));
}

Waiting OfTrouble(const JobTrouble& trouble) {
  const auto says = [&trouble](std::string_view words) {
    return trouble.message.find(words) != std::string::npos;
  };
  const char* reason = api::reason::kWaitingForPod;
  if (IsQuotaRefusal(trouble.message)) {
    reason = api::reason::kQuotaExceeded;
  } else if (says("forbidden") || says("denied")) {
    reason = api::reason::kAdmissionDenied;
  }
  return {reason, WithoutPodName(trouble.message), true, trouble.last_seen, false};
}

}  // namespace

Waiting WaitingOf(const JobView& job, const PodView* pod, const JobTrouble* trouble) {
  if (pod == nullptr) {
    if (trouble != nullptr && !job.suspended) return OfTrouble(*trouble);
    return Plain(api::reason::kWaitingForPod,
                 job.suspended ? "Job " + job.meta.name + " is suspended"
                               : "the Job controller has not made a Pod for Job " + job.meta.name,
                 job.start_time ? job.start_time : job.meta.creation_time);
  }
  const PodCondition* scheduled = pod->Find("PodScheduled");
  if (scheduled != nullptr && scheduled->status == "False") {
    return {api::reason::kUnschedulable,
            OneLine(scheduled->message.empty() ? scheduled->reason : scheduled->message), true,
            scheduled->since, false};
  }
  if (scheduled == nullptr && pod->node_name.empty()) {
    return Plain(api::reason::kWaitingForPod,
                 "the scheduler has not placed Pod " + pod->meta.name + " yet",
                 pod->meta.creation_time);
  }
  return OfContainer(*pod, scheduled != nullptr ? scheduled->since : pod->meta.creation_time);
}

}  // namespace committest::op
