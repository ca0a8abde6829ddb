#pragma once

#include <chrono>
#include <map>
#include <string>
#include <string_view>

#include "common/base/clock.h"
#include "common/base/mutex.h"
#include "common/kube/object.h"

namespace committest::kube {

/// Whether the cache may be trusted about an object that we have written.
enum class Freshness {
  kCaughtUp,  ///< The cache shows our last write, or there was none.
  kBehind,    ///< Not yet: leave the object alone and look again soon.
  kReadLive,  ///< Not for too long: GET the object, decide by that, and call `Record` again.
};

/// Remembers what we wrote until the cache shows it, so that a reconcile never decides on a state
/// that it has itself already changed ("read your writes" without waiting for them).
///
/// It holds one entry per object with an unseen write, hence no more than there are objects being
/// worked on. Thread-safe.
class ObservedWrites {
 public:
  /// `patience`: how long the cache may lag before a live read is wanted.
  explicit ObservedWrites(const Clock& clock,
                          std::chrono::milliseconds patience = std::chrono::seconds(5))
      : clock_(clock), patience_(patience) {}

  /// After each write: what the server answered as the object's version. An older version than
  /// the one recorded changes nothing but starts no new wait either.
  void Record(const ObjectKey& key, std::string_view resource_version) EXCLUDES(mutex_);
  /// Judges what the cache holds; empty if it does not hold the object. Forgets the entry once the
  /// cache has caught up.
  Freshness CaughtUp(const ObjectKey& key, std::string_view cached_version) EXCLUDES(mutex_);
  /// When the object is known to be gone.
  void Forget(const ObjectKey& key) EXCLUDES(mutex_);

  std::size_t Size() const EXCLUDES(mutex_);

 private:
  struct Write {
    std::string resource_version;
    MonotonicTime at;
  };

  const Clock& clock_;
  const std::chrono::milliseconds patience_;
  mutable Mutex mutex_;
  std::map<ObjectKey, Write> writes_ GUARDED_BY(mutex_);
};

}  // namespace committest::kube
