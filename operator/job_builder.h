#pragma once

#include <cstdint>

#include <nlohmann/json_fwd.hpp>

#include "common/api/commit_test.h"
#include "operator/runner_defaults.h"

namespace committest::op {

/// The runner image's user. High and fixed, so that it is nobody on the node.
inline constexpr std::int64_t kRunnerUid = 10001;
/// From SIGTERM to SIGKILL; the runner stops its tests and writes its summary in this time.
inline constexpr std::int64_t kTerminationGraceSeconds = 10;

/// The Job that runs `attempt` of `commit_test`: a pure function, compared as a whole with
/// tests/golden/runner_job.json. What it must hold is in reliability rule C6 and security rules S2
/// and S3: one Pod, or one for each shard, never restarted, never replaced; one container that the Pod security level
/// "restricted" accepts, or two (`ChecksOutApart`), of which the first alone has credentials and
/// nothing of the user's; of the user's nothing but image, environment, resources and placement.
/// `timings` are what a plan of shards may go by; the same document for all shards freezes the plan.
nlohmann::json BuildRunnerJob(const api::CommitTest& commit_test, std::int64_t attempt,
                              const RunnerDefaults& defaults, const api::UnitTimings& timings = {});

}  // namespace committest::op
