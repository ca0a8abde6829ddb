#include "common/http/connection_pool.h"

#include <iterator>
#include <utility>

namespace committest::http {

std::unique_ptr<Connection> ConnectionPool::Take(const void* owner) {
  Entries closed;
  const MutexLock lock(mutex_);
  ExpireLocked(closed);
  const auto behind = by_owner_.upper_bound(owner);
  if (behind == by_owner_.begin() || std::prev(behind)->first != owner) return nullptr;
  const auto entry = std::prev(behind)->second;
  auto connection = std::move(entry->connection);
  UnlinkLocked(entry);
  entries_.erase(entry);
  return connection;
}

void ConnectionPool::Put(const void* owner, std::unique_ptr<Connection> connection) {
  Entries closed;
  const MutexLock lock(mutex_);
  entries_.push_back({owner, clock_.Monotonic(), std::move(connection)});
  by_owner_.emplace(owner, std::prev(entries_.end()));
  ExpireLocked(closed);
}

void ConnectionPool::Drop(const void* owner) {
  Entries closed;
  const MutexLock lock(mutex_);
  const auto [begin, end] = by_owner_.equal_range(owner);
  for (auto it = begin; it != end; ++it) closed.splice(closed.end(), entries_, it->second);
  by_owner_.erase(begin, end);
}

void ConnectionPool::ExpireLocked(Entries& out) {
  const MonotonicTime oldest = clock_.Monotonic() - longest_rest_;
  while (!entries_.empty() && (entries_.size() > most_ || entries_.front().since < oldest)) {
    UnlinkLocked(entries_.begin());
    out.splice(out.end(), entries_, entries_.begin());
  }
}

void ConnectionPool::UnlinkLocked(Entries::iterator entry) {
  auto [it, end] = by_owner_.equal_range(entry->owner);
  while (it != end && it->second != entry) ++it;
  if (it != end) by_owner_.erase(it);
}

}  // namespace committest::http
