#pragma once

#include <chrono>
#include <stop_token>

namespace committest {

/// Never jumps; for deadlines, leases and back-off.
using MonotonicTime = std::chrono::steady_clock::time_point;
/// UTC; only for what people read and for timestamps that stand in the API.
using WallTime = std::chrono::system_clock::time_point;

/// The one source of time. Thread-safe. Tests inject `ManualClock` (tests/support).
class Clock {
 public:
  virtual ~Clock() = default;
  virtual MonotonicTime Monotonic() const = 0;
  virtual WallTime Wall() const = 0;
  /// Waits until `deadline` or until `stop` is requested; false when stopped.
  virtual bool SleepUntil(MonotonicTime deadline, std::stop_token stop) const = 0;

  bool SleepFor(std::chrono::nanoseconds duration, std::stop_token stop) const {
    return SleepUntil(Monotonic() + std::chrono::duration_cast<MonotonicTime::duration>(duration),
                      std::move(stop));
  }
};

/// The machine's clocks.
class SystemClock final : public Clock {
 public:
  MonotonicTime Monotonic() const override;
  WallTime Wall() const override;
  bool SleepUntil(MonotonicTime deadline, std::stop_token stop) const override;
};

}  // namespace committest
