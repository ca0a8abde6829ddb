#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <stop_token>

#include "common/base/clock.h"
#include "common/base/result.h"

namespace committest::http {

/// How long one call may wait for its sockets: the one place in which it blocks. Used by one thread.
class Patience {
 public:
  /// `deadline` bounds all waits together, `idle` each of them. `clock` must outlive it.
  Patience(const Clock& clock, MonotonicTime deadline, std::chrono::milliseconds idle,
           std::stop_token stop);
  ~Patience();
  Patience(const Patience&) = delete;
  Patience& operator=(const Patience&) = delete;

  /// Waits until `descriptor` is ready for `events` (poll's), for at most `idle` or the shorter
  /// `at_most`. kDeadlineExceeded, kCancelled.
  Status Wait(int descriptor, short events, std::optional<std::chrono::milliseconds> at_most = {});
  /// Whether to go on without waiting: the same errors, for peers that never pause.
  Status Check() const;

  MonotonicTime Deadline() const { return deadline_; }
  const std::stop_token& Stop() const { return stop_; }

 private:
  Status TimedOut(std::chrono::milliseconds waited) const;

  const Clock& clock_;
  const MonotonicTime deadline_;
  const std::chrono::milliseconds idle_;
  const std::stop_token stop_;
  int wake_ = -1;  ///< Becomes readable at a stop; -1 when none can come.
  std::optional<std::stop_callback<std::function<void()>>> on_stop_;
};

}  // namespace committest::http
