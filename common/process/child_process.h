#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/result.h"

namespace committest {

/// Limits that the kernel enforces on the child and on each of its descendants (setrlimit(2)).
/// Absent: inherited.
struct ChildLimits {
  std::optional<std::uint64_t> address_space_bytes;
  /// Of the memory that it may write: heap, stacks and private mappings, but no mapped files.
  std::optional<std::uint64_t> data_bytes;
  std::optional<std::uint64_t> cpu_seconds;
  std::optional<std::uint64_t> file_bytes;  ///< Of the largest file it may write.
  std::optional<std::uint64_t> open_files;
};

/// A program to run to its end.
struct ChildSpec {
  std::string program;                 ///< An absolute path; there is no shell and no PATH search.
  std::vector<std::string> arguments;  ///< Without the program's own name.
  std::vector<std::string> environment;  ///< All of it, as "NAME=value".
  std::string input;                     ///< What is on standard input.
  std::string working_directory = "/";
  std::chrono::milliseconds deadline{60'000};
  /// Between SIGTERM and SIGKILL.
  std::chrono::milliseconds grace{2'000};
  ChildLimits limits;
  /// Standard error is this process's own, for people to read at once; nothing of it is kept.
  bool shows_errors = false;
  /// What is kept of standard output and of standard error, from the start; the rest is read and
  /// thrown away, so that the child never blocks on it.
  std::size_t max_output_bytes = 64 * 1024;
};

/// How a child ended.
struct ChildResult {
  int exit_code = -1;      ///< -1 when a signal ended it.
  int signal = 0;          ///< 0 when it exited.
  bool timed_out = false;  ///< We ended it because of the deadline.
  std::string output;
  std::string errors;

  bool Succeeded() const { return exit_code == 0 && !timed_out; }
};

/// Runs the program in a process group of its own and waits for it. No descriptor but the three
/// standard ones is inherited; signals have their default actions. At the deadline, or when
/// `stop` is requested, the whole group gets SIGTERM and after the grace period SIGKILL; what is
/// left of the group when the program itself has ended is killed as well. The child dies with the
/// calling thread (PR_SET_PDEATHSIG).
///
/// Errors: kUnavailable when it could not be started, with the reason of the operating system;
/// kCancelled when `stop` ended it. However the program itself ends is not an error.
/// Thread-safe; blocks the calling thread. `clock` must run, because the kernel's time does.
Result<ChildResult> RunChild(const ChildSpec& spec, const Clock& clock,
                             const std::stop_token& stop);

}  // namespace committest
