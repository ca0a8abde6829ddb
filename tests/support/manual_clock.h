#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <stop_token>

#include "common/base/clock.h"
#include "common/base/mutex.h"

namespace committest {

/// What `ManualClock::SleepUntil` does.
enum class SleepMode {
  kAdvance,  ///< Moves the time to the deadline and returns at once: for single-threaded tests.
  kBlock,    ///< Waits until a test has moved the time that far: for tests with threads.
};

/// A clock that stands still until a test moves it. Thread-safe.
///
/// It starts at 2026-01-01T00:00:00Z. The monotonic time starts at an arbitrary value that is not
/// zero, so that code which takes "zero" for "never" is found.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(SleepMode mode = SleepMode::kAdvance) : mode_(mode) {}

  MonotonicTime Monotonic() const override EXCLUDES(mutex_);
  WallTime Wall() const override EXCLUDES(mutex_);
  /// False if `stop` was requested before the deadline was reached, as the interface says.
  bool SleepUntil(MonotonicTime deadline, std::stop_token stop) const override EXCLUDES(mutex_);

  /// Moves both times forward and wakes who sleeps. REQUIRES: not negative.
  void Advance(std::chrono::nanoseconds duration) EXCLUDES(mutex_);
  /// Moves the monotonic time to `time` if it is not there yet, and the wall clock as far.
  void AdvanceTo(MonotonicTime time) EXCLUDES(mutex_);
  /// Moves only the wall clock, also backwards, as an operator or NTP may.
  void JumpWall(std::chrono::nanoseconds duration) EXCLUDES(mutex_);

  /// How many threads are inside `SleepUntil` (kBlock).
  std::size_t Sleepers() const EXCLUDES(mutex_);
  /// How often `SleepUntil` was called, and how far time was moved by sleeping (kAdvance).
  std::size_t SleepCount() const EXCLUDES(mutex_);
  std::chrono::nanoseconds Slept() const EXCLUDES(mutex_);

 private:
  void MoveTo(MonotonicTime time) const REQUIRES(mutex_);

  const SleepMode mode_;
  mutable Mutex mutex_;
  mutable std::condition_variable_any moved_;
  mutable MonotonicTime monotonic_ GUARDED_BY(mutex_){std::chrono::hours(1000)};
  mutable WallTime wall_ GUARDED_BY(mutex_){std::chrono::seconds(1'767'225'600)};
  mutable std::size_t sleepers_ GUARDED_BY(mutex_) = 0;
  mutable std::size_t sleep_count_ GUARDED_BY(mutex_) = 0;
  mutable std::chrono::nanoseconds slept_ GUARDED_BY(mutex_){0};
};

}  // namespace committest
