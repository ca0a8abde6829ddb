#pragma once

#include <condition_variable>
#include <stop_token>

#include "common/base/clock.h"
#include "common/base/mutex.h"
#include "common/base/result.h"

namespace committest::http {

/// A counting semaphore that can be waited for with a deadline and a stop. Thread-safe.
class Slots {
 public:
  explicit Slots(int count) : free_(count) {}

  /// Takes a slot. kDeadlineExceeded or kCancelled when none became free in time; the caller owes a
  /// `Release` only on success.
  Status Acquire(MonotonicTime deadline, const std::stop_token& stop) EXCLUDES(mutex_);
  void Release() EXCLUDES(mutex_);

 private:
  Mutex mutex_;
  std::condition_variable_any wake_;
  int free_ GUARDED_BY(mutex_);
};

/// Counts what is open. Thread-safe.
class OpenCount {
 public:
  void Add() EXCLUDES(mutex_);
  void Remove() EXCLUDES(mutex_);
  /// Waits until nothing is open; false at the deadline.
  bool WaitForNone(MonotonicTime deadline) EXCLUDES(mutex_);

 private:
  Mutex mutex_;
  std::condition_variable_any wake_;
  int open_ GUARDED_BY(mutex_) = 0;
};

}  // namespace committest::http
