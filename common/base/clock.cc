#include "common/base/clock.h"

#include <condition_variable>
#include <mutex>

namespace committest {

MonotonicTime SystemClock::Monotonic() const { return std::chrono::steady_clock::now(); }

WallTime SystemClock::Wall() const { return std::chrono::system_clock::now(); }

bool SystemClock::SleepUntil(MonotonicTime deadline, std::stop_token stop) const {
  std::mutex mutex;
  std::condition_variable_any wake;
  std::unique_lock lock(mutex);
  wake.wait_until(lock, stop, deadline, [] { return false; });
  return !stop.stop_requested();
}

}  // namespace committest
