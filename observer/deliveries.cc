#include "observer/deliveries.h"

namespace committest::observer {

void Deliveries::Note(const kube::ObjectKey& key, WallTime now) {
  const MutexLock lock(mutex_);
  Entry& entry = entries_[key];
  entry.newest = now;
  ++entry.count;
}

Deliveries::Seen Deliveries::Get(const kube::ObjectKey& key) const {
  const MutexLock lock(mutex_);
  const auto it = entries_.find(key);
  if (it == entries_.end()) return {};
  const Entry& entry = it->second;
  return {entry.newest, entry.count > entry.settled, entry.has_looked, entry.count};
}

void Deliveries::Settle(const kube::ObjectKey& key, const Seen& seen) {
  const MutexLock lock(mutex_);
  Entry& entry = entries_[key];
  entry.settled = seen.count;
  entry.has_looked = true;
}

void Deliveries::Forget(const kube::ObjectKey& key) {
  const MutexLock lock(mutex_);
  entries_.erase(key);
}

}  // namespace committest::observer
