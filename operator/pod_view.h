#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "common/base/clock.h"
#include "common/kube/object.h"

namespace committest::op {

/// `v1 pods`.
const kube::ResourceType& PodType();

/// The container whose end is the evidence of a run. Sidecars that admission adds do not count.
inline constexpr const char* kRunnerContainer = "runner";

/// The init container that checks out, in Pods that have one.
inline constexpr const char* kCheckoutContainer = "checkout";

struct ContainerWaiting {
  std::string reason;  ///< "ContainerCreating", "ErrImagePull", …
  std::string message;
};

struct ContainerRunning {
  std::optional<WallTime> started_at;
};

struct ContainerTerminated {
  std::int64_t exit_code = 0;
  std::string reason;   ///< "Completed", "Error", "OOMKilled", "StartError", …
  std::string message;  ///< The termination message. Written by the tested side: not trusted.
  std::optional<WallTime> started_at;
  std::optional<WallTime> finished_at;
};

/// `monostate`: the kubelet has not reported the container yet.
using ContainerState =
    std::variant<std::monostate, ContainerWaiting, ContainerRunning, ContainerTerminated>;

struct PodCondition {
  std::string type;
  std::string status;
  std::string reason;
  std::string message;
  std::optional<WallTime> since;
};

/// What the operator reads of a Pod. Never written back.
struct PodView {
  kube::ObjectMeta meta;
  std::string job_name;  ///< Of the controller that is a Job, or empty.
  std::string job_uid;
  /// Which of an Indexed Job's completions it is for; absent for other Jobs.
  std::optional<std::int64_t> index;
  /// When deletion was asked for: deletionTimestamp less the grace period. Absent when the Pod is
  /// not being deleted, and when that can no longer be told: once the containers have ended, the
  /// kubelet sets the grace period to 0 and the timestamp to a later time.
  std::optional<WallTime> deletion_requested;
  std::string phase;
  std::string reason;  ///< "Evicted", "NodeLost", … or empty.
  std::string message;
  std::string node_name;
  std::optional<WallTime> start_time;
  std::vector<PodCondition> conditions;
  ContainerState checkout;
  ContainerState runner;

  /// The condition of `type` if it is True, or nullptr.
  const PodCondition* True(std::string_view type) const;
  /// The condition of `type` whatever its status, or nullptr.
  const PodCondition* Find(std::string_view type) const;
  const ContainerTerminated* Terminated() const;
  const ContainerRunning* Running() const;
  /// Of the container whose turn it is.
  const ContainerWaiting* Waiting() const;
  const ContainerRunning* CheckingOut() const;
  /// The end of the checkout, good or bad.
  const ContainerTerminated* CheckedOut() const;
};

/// Never fails and never throws, as `ParseJobView`.
PodView ParsePodView(const nlohmann::json& object);

}  // namespace committest::op
