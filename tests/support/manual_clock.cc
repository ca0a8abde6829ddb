#include "tests/support/manual_clock.h"

#include <utility>

namespace committest {

MonotonicTime ManualClock::Monotonic() const {
  MutexLock lock(mutex_);
  return monotonic_;
}

WallTime ManualClock::Wall() const {
  MutexLock lock(mutex_);
  return wall_;
}

bool ManualClock::SleepUntil(MonotonicTime deadline, std::stop_token stop) const {
  MutexLock lock(mutex_);
  ++sleep_count_;
  if (stop.stop_requested()) return false;
  if (mode_ == SleepMode::kAdvance) {
    const MonotonicTime before = monotonic_;
    MoveTo(deadline);
    slept_ += monotonic_ - before;
    return true;
  }
  ++sleepers_;
  // The stop-token overload of wait() takes part in the stop itself, so no request is missed.
  while (monotonic_ < deadline && !stop.stop_requested()) {
    const MonotonicTime seen = monotonic_;
    moved_.wait(lock, stop,
                [this, seen]() NO_THREAD_SAFETY_ANALYSIS { return monotonic_ != seen; });
  }
  --sleepers_;
  return monotonic_ >= deadline;
}

void ManualClock::Advance(std::chrono::nanoseconds duration) {
  MutexLock lock(mutex_);
  MoveTo(monotonic_ + std::chrono::duration_cast<MonotonicTime::duration>(duration));
}

void ManualClock::AdvanceTo(MonotonicTime time) {
  MutexLock lock(mutex_);
  MoveTo(time);
}

void ManualClock::JumpWall(std::chrono::nanoseconds duration) {
  MutexLock lock(mutex_);
  wall_ += std::chrono::duration_cast<WallTime::duration>(duration);
}

std::size_t ManualClock::Sleepers() const {
  MutexLock lock(mutex_);
  return sleepers_;
}

std::size_t ManualClock::SleepCount() const {
  MutexLock lock(mutex_);
  return sleep_count_;
}

std::chrono::nanoseconds ManualClock::Slept() const {
  MutexLock lock(mutex_);
  return slept_;
}

void ManualClock::MoveTo(MonotonicTime time) const {
  if (time <= monotonic_) return;
  wall_ += std::chrono::duration_cast<WallTime::duration>(time - monotonic_);
  monotonic_ = time;
  moved_.notify_all();
}

}  // namespace committest
