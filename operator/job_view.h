#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "common/api/sharding.h"
#include "common/base/clock.h"
#include "common/kube/object.h"

namespace committest::op {

/// `batch/v1 jobs`.
const kube::ResourceType& JobType();

/// A condition of a Job that is True.
struct JobCondition {
  std::string reason;
  std::string message;
  std::optional<WallTime> since;

  bool operator==(const JobCondition&) const = default;
};

/// What the operator reads of a Job. Never written back.
struct JobView {
  kube::ObjectMeta meta;
  std::int64_t attempt = 0;  ///< From our annotation; 0 if it is absent or no positive number.
  std::string spec_hash;     ///< From our annotation.
  bool suspended = false;
  std::optional<WallTime> start_time;
  std::optional<JobCondition> complete;
  std::optional<JobCondition> failed;
  /// The Job will fail, but its Pods have not all ended yet (Kubernetes 1.31 and later).
  std::optional<JobCondition> failure_target;

  /// Of an Indexed Job: the completions that have ended, well or not.
  std::bitset<static_cast<std::size_t>(api::kMaxShards)> ended_indexes;

  /// No Pod of the Job runs or will run.
  bool Finished() const { return complete.has_value() || failed.has_value(); }
};

/// Never fails and never throws: what is absent or of a wrong type reads as absent. Metadata
/// without a name and a UID leaves `meta` empty.
JobView ParseJobView(const nlohmann::json& object);

}  // namespace committest::op
