#pragma once

#include "common/api/run_request.h"
#include "common/base/result.h"
#include "runner-image/environment.h"

namespace committest::runner {

/// The request in COMMITTEST_RUN, complete and within the runner's own policy (source_policy.h,
/// glob.h). kInvalidArgument says which member is wrong.
Result<api::RunRequest> ReadRequest(const Environment& environment);

}  // namespace committest::runner
