#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "common/api/commit_test.h"
#include "common/base/clock.h"
#include "operator/job_trouble.h"
#include "operator/job_view.h"
#include "operator/pod_view.h"
#include "operator/queue.h"
#include "operator/runner_defaults.h"

namespace committest::op {

/// Why the API server refused a Job, in the terms that decide what follows.
enum class LaunchErrorKind {
  kQuota,        ///< 403 by a ResourceQuota: wait, the quota may free up.
  kDenied,       ///< 403 by an admission policy, a webhook or missing rights: wait, slowly.
  kInvalid,      ///< The Job can never be accepted: the CommitTest asks for something impossible.
  kTerminating,  ///< The namespace is going away, and the CommitTest with it.
};

struct LaunchError {
  LaunchErrorKind kind = LaunchErrorKind::kDenied;
  std::string message;  ///< The server's own words.
};

/// A finished Job stays at least this long, many times longer than a request of a former leader may
/// be on its way: as long as it is there, its name cannot be taken again (reliability rule 0.2).
inline constexpr std::chrono::seconds kMinJobTtl{api::kMinTtlSeconds};

/// Rules that are the same for all CommitTests of an operator.
struct Policy {
  /// How long a Job stays after the verdict if the log is not stored elsewhere.
  std::chrono::seconds finished_job_ttl{3'600};
};

/// Everything that one decision depends on, as plain data. `Gather` fills it.
struct Observed {
  api::CommitTest commit_test;
  /// The Job under the current attempt's name (see attempts.h), whoever made it.
  std::optional<JobView> job;
  /// A live GET in this pass said that the current attempt's Job does not exist.
  bool job_confirmed_absent = false;
  /// The other Jobs whose controller is this CommitTest, by UID: those of earlier attempts.
  std::vector<JobView> other_jobs;
  /// The Pods whose controller is the current attempt's Job, by UID.
  std::vector<PodView> pods;
  /// `pods` were read from the API server in this pass, not from the cache.
  bool pods_are_live = false;
  /// A live GET in this pass said that the Pod that the current attempt is recorded with does not
  /// exist.
  bool pod_confirmed_absent = false;
  /// What the Job controller says if it cannot create the Pod of the current attempt's Job.
  std::optional<JobTrouble> trouble;
  /// Before a launch in shards: how long units took in the newest run that recorded it.
  api::UnitTimings timings;
  /// Its place in the queue.
  Place place;
  /// The answer to the launch that the previous decision of this pass asked for.
  std::optional<LaunchError> launch_error;
  RunnerDefaults defaults;
  Policy policy;
  WallTime now;
};

}  // namespace committest::op
