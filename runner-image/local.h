#pragma once

#include <string>
#include <vector>

#include "common/api/run_request.h"
#include "common/base/clock.h"
#include "common/base/result.h"
#include "runner-image/environment.h"
#include "runner-image/output_stream.h"

namespace committest::runner {

/// `committest-runner local`: one commit's tests on this machine, without a container.
struct LocalRun {
  std::string print;  ///< A help text to print instead of anything else, or empty.
  api::RunRequest request;
  Environment variables;  ///< Of `--env`.
};

/// Reads what stands behind `local`. Pure. kInvalidArgument for unknown options and for values that
/// are none; whether the request may be run is judged where every request is.
Result<LocalRun> ParseLocalRun(const std::vector<std::string>& arguments);

/// Runs the request in folders of its own below TMPDIR, which are removed in the end, and prints the
/// summary for people. The runner's exit codes.
int RunLocally(const LocalRun& run, Environment environment, const Clock& clock,
               OutputStream& console);

}  // namespace committest::runner
