#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <tuple>

#include "common/base/clock.h"
#include "common/base/mutex.h"
#include "common/kube/object.h"

namespace committest::kube {

/// A queue of keys, with the two sets that make it correct.
///
/// `dirty` holds the keys that must be processed, `processing` those that a worker has. A key is
/// in line only if it is dirty and not being processed. Adding a key that is being processed only
/// marks it dirty; `Done` puts it in line again if it is dirty. Hence:
///  - one worker per key: a key is never in line while a worker has it;
///  - no lost wake-up: an `Add` after `Get` leaves the key dirty, so `Done` brings it back;
///  - bursts collapse: a key that is dirty already is not added again.
///
/// Delayed keys wait in one set ordered by time. One of the idle workers, and no more, waits for its
/// first entry: neither is there a timer thread, nor does each due key wake all who are idle. Of
/// several delays for one key the earliest counts, and an `Add` in the meantime does not remove it:
/// reconciling once too often is harmless, once too few is not.
///
/// No wake-up is lost: whoever leaves `Get` with a key wakes another if keys are left in line, or if
/// delayed keys are left and nobody waits for them.
///
/// `Get` waits in real time for what the clock says is left until a delayed key is due. With a
/// clock that tests move, use `TryGet`.
///
/// Thread-safe.
class WorkQueue {
 public:
  explicit WorkQueue(const Clock& clock) : clock_(clock) {}

  /// Marks `key` dirty. No effect after `ShutDown`.
  void Add(const ObjectKey& key) EXCLUDES(mutex_);
  /// The same after `delay`; at once when it is not positive.
  void AddAfter(const ObjectKey& key, std::chrono::nanoseconds delay) EXCLUDES(mutex_);

  /// Waits for a key and marks it as being processed; nullopt once the queue is shut down. The
  /// caller owes one `Done`.
  std::optional<ObjectKey> Get() EXCLUDES(mutex_);
  /// The same without waiting: nullopt also when nothing is due now. For simulation.
  std::optional<ObjectKey> TryGet() EXCLUDES(mutex_);
  void Done(const ObjectKey& key) EXCLUDES(mutex_);

  /// Wakes all workers with nullopt. Keys in line are dropped; they are found again by the next
  /// process, for the API holds all state.
  void ShutDown() EXCLUDES(mutex_);

  /// How many keys are in line or due, for metrics.
  std::size_t Depth() const EXCLUDES(mutex_);
  /// When the next delayed key is due. For simulation.
  std::optional<MonotonicTime> NextDue() const EXCLUDES(mutex_);

 private:
  /// Whether the key is in line now and was not before; the caller wakes somebody for it.
  bool AddLocked(const ObjectKey& key) REQUIRES(mutex_);
  void DelayLocked(const ObjectKey& key, MonotonicTime due) REQUIRES(mutex_);
  void PromoteDueLocked() REQUIRES(mutex_);
  std::optional<ObjectKey> TakeLocked() REQUIRES(mutex_);
  void WaitLocked(MutexLock& lock) REQUIRES(mutex_);
  void WakeOneLocked() REQUIRES(mutex_);

  /// A key of `earliest_`, ordered by time and then by name.
  struct Due {
    MonotonicTime at;
    const ObjectKey* key;

    bool operator<(const Due& other) const {
      return std::tie(at, *key) < std::tie(other.at, *other.key);
    }
  };

  const Clock& clock_;
  mutable Mutex mutex_;
  std::condition_variable_any wake_;  ///< Of the workers that wait for a key in line.
  std::condition_variable_any tick_;  ///< Of the one that waits for a delayed key as well.
  int waiting_ GUARDED_BY(mutex_) = 0;
  bool has_timekeeper_ GUARDED_BY(mutex_) = false;
  std::deque<ObjectKey> line_ GUARDED_BY(mutex_);
  std::set<ObjectKey> dirty_ GUARDED_BY(mutex_);
  std::set<ObjectKey> processing_ GUARDED_BY(mutex_);
  std::set<Due> delayed_ GUARDED_BY(mutex_);
  std::map<ObjectKey, MonotonicTime> earliest_ GUARDED_BY(mutex_);
  bool shut_down_ GUARDED_BY(mutex_) = false;
};

}  // namespace committest::kube
