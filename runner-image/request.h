#pragma once

#include <cstdint>

#include "common/api/run_request.h"
#include "common/base/result.h"
#include "runner-image/environment.h"

namespace committest::runner {

/// The request in COMMITTEST_RUN, complete and within the runner's own policy (source_policy.h,
/// glob.h). kInvalidArgument says which member is wrong.
Result<api::RunRequest> ReadRequest(const Environment& environment);

/// Which of `count` shards this container is, from JOB_COMPLETION_INDEX, which Kubernetes sets in the
/// Pods of an Indexed Job. kInternal: it is missing, or no number below `count`.
Result<std::int64_t> ReadShardIndex(const Environment& environment, std::int64_t count);

}  // namespace committest::runner
