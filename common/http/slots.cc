#include "common/http/slots.h"

namespace committest::http {

Status Slots::Acquire(MonotonicTime deadline, const std::stop_token& stop) {
  const std::stop_callback on_stop(stop, [this] {
    // The lock orders this wake-up after the waiter's look at the token.
    const MutexLock lock(mutex_);
    wake_.notify_all();
  });
  MutexLock lock(mutex_);
  while (free_ == 0) {
    if (stop.stop_requested()) return Fail(ErrorCode::kCancelled, "stopped");
    if (wake_.wait_until(lock, deadline) == std::cv_status::timeout && free_ == 0) {
      return Fail(ErrorCode::kDeadlineExceeded, "too many requests are under way");
    }
  }
  --free_;
  return {};
}

void Slots::Release() {
  const MutexLock lock(mutex_);
  ++free_;
  wake_.notify_one();
}

void OpenCount::Add() {
  const MutexLock lock(mutex_);
  ++open_;
}

void OpenCount::Remove() {
  const MutexLock lock(mutex_);
  --open_;
  wake_.notify_all();
}

bool OpenCount::WaitForNone(MonotonicTime deadline) {
  MutexLock lock(mutex_);
  while (open_ > 0) {
    if (wake_.wait_until(lock, deadline) == std::cv_status::timeout) return open_ == 0;
  }
  return true;
}

}  // namespace committest::http
