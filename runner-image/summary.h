#pragma once

#include <string>

#include "common/api/run_summary.h"
#include "runner-image/output_stream.h"

namespace committest::runner {

/// Where the summary goes.
struct SummaryTarget {
  std::string path;     ///< Normally /dev/termination-log, which the kubelet makes.
  bool create = false;  ///< The path was asked for: make the file if it is not there.
};

/// Writes the encoded summary to its file, or as the last line to `console` when there is no such
/// file, as outside Kubernetes. Never fails: the exit code stands without it.
void WriteSummary(const api::RunSummary& summary, const SummaryTarget& target,
                  OutputStream& console);

}  // namespace committest::runner
