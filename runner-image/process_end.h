#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace committest::runner {

/// How a supervised process ended.
struct ProcessEnd {
  std::string start_error;       ///< Why it could not be started; empty when it was.
  std::optional<int> exit_code;  ///< Absent when a signal ended it or it was never started.
  int signal = 0;                ///< The signal that ended it, or 0.
  bool timed_out = false;        ///< Its time limit passed, and it was told to end.
  bool terminated = false;       ///< The runner itself got SIGTERM or SIGINT and passed it on.
  bool killed = false;           ///< It did not end within the grace period and was killed.
  std::chrono::milliseconds duration{0};

  bool Started() const { return start_error.empty(); }
  bool operator==(const ProcessEnd&) const = default;
};

/// "exit code 2", "SIGSEGV (signal 11)", for people.
std::string DescribeEnd(const ProcessEnd& end);

}  // namespace committest::runner
