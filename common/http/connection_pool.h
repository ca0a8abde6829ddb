#pragma once

#include <chrono>
#include <cstddef>
#include <list>
#include <map>
#include <memory>

#include "common/base/clock.h"
#include "common/base/mutex.h"
#include "common/http/connection.h"

namespace committest::http {

/// Connections at rest, of all clients of the process together, so that neither many endpoints nor
/// long silences keep descriptors: beyond the limit, and after the longest rest, the one that has
/// rested longest is closed. Thread-safe.
class ConnectionPool {
 public:
  /// `clock` must outlive it.
  ConnectionPool(std::size_t most, std::chrono::seconds longest_rest, const Clock& clock)
      : most_(most), longest_rest_(longest_rest), clock_(clock) {}

  /// The connection of `owner` that was used last; null when none is left.
  std::unique_ptr<Connection> Take(const void* owner) EXCLUDES(mutex_);
  void Put(const void* owner, std::unique_ptr<Connection> connection) EXCLUDES(mutex_);
  /// Closes all of `owner`, which goes.
  void Drop(const void* owner) EXCLUDES(mutex_);

 private:
  struct Entry {
    const void* owner;
    MonotonicTime since;
    std::unique_ptr<Connection> connection;
  };
  using Entries = std::list<Entry>;

  /// Moves what has to be closed to `out`, where it is closed without the lock.
  void ExpireLocked(Entries& out) REQUIRES(mutex_);
  void UnlinkLocked(Entries::iterator entry) REQUIRES(mutex_);

  const std::size_t most_;
  const std::chrono::seconds longest_rest_;
  const Clock& clock_;
  Mutex mutex_;
  Entries entries_ GUARDED_BY(mutex_);  ///< The longest at rest first.
  std::multimap<const void*, Entries::iterator> by_owner_ GUARDED_BY(mutex_);
};

}  // namespace committest::http
