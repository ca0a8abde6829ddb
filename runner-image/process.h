#pragma once

#include <chrono>

#include "common/base/clock.h"
#include "runner-image/child.h"
#include "runner-image/output_stream.h"
#include "runner-image/process_end.h"
#include "runner-image/signal_inbox.h"

namespace committest::runner {

struct ProcessLimits {
  std::chrono::milliseconds time;         ///< From the start; then SIGTERM to the group.
  std::chrono::milliseconds grace{5000};  ///< From SIGTERM to SIGKILL.
  /// At the end: for killed processes to go, and for readers to take what was printed.
  std::chrono::milliseconds settle{5000};
};

/// Runs one child process after the other, and leaves none behind.
///
/// Flow: start in a session of its own; pass output on; at the time limit, or when the runner
/// itself gets SIGTERM or SIGINT, signal the process group, and after the grace period kill it;
/// when the child has ended, by itself or not, kill every process that descends from this one, and
/// pass on what was still in the pipe.
///
/// Guarantees: returns at most `3 * settle` after `time + grace`, whatever the child does with its
/// output, its signals or its children; reaps everything, also orphans. Assumes that no other code
/// of this process has children, and one thread. A process that the kernel cannot end
/// (uninterruptible sleep) is left behind.
class ProcessRunner {
 public:
  ProcessRunner(const Clock& clock, SignalInbox& signals) : clock_(clock), signals_(signals) {}

  /// Never fails: `ProcessEnd::start_error` says why nothing was started.
  ProcessEnd Run(const ProcessSpec& spec, const ProcessLimits& limits, OutputTarget& target);

  /// The runner was told to end.
  bool Terminated();

 private:
  const Clock& clock_;
  SignalInbox& signals_;
};

}  // namespace committest::runner
