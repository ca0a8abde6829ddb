#include "common/kube/observed_writes.h"

namespace committest::kube {

void ObservedWrites::Record(const ObjectKey& key, std::string_view resource_version) {
  const MonotonicTime now = clock_.Monotonic();
  MutexLock lock(mutex_);
  const auto [it, inserted] = writes_.try_emplace(key, Write{std::string(resource_version), now});
  if (inserted || IsNewer(it->second.resource_version, resource_version).value_or(false)) return;
  it->second = {std::string(resource_version), now};
}

Freshness ObservedWrites::CaughtUp(const ObjectKey& key, std::string_view cached_version) {
  const MonotonicTime now = clock_.Monotonic();
  MutexLock lock(mutex_);
  const auto it = writes_.find(key);
  if (it == writes_.end()) return Freshness::kCaughtUp;
  const std::string& written = it->second.resource_version;
  if (cached_version == written || IsNewer(cached_version, written).value_or(false)) {
    writes_.erase(it);
    return Freshness::kCaughtUp;
  }
  return now - it->second.at >= patience_ ? Freshness::kReadLive : Freshness::kBehind;
}

void ObservedWrites::Forget(const ObjectKey& key) {
  MutexLock lock(mutex_);
  writes_.erase(key);
}

std::size_t ObservedWrites::Size() const {
  MutexLock lock(mutex_);
  return writes_.size();
}

}  // namespace committest::kube
