#include "observer/source_limits.h"

#include <algorithm>
#include <chrono>

namespace committest::observer {

double SourceLimits::Tokens(const Bucket& bucket, MonotonicTime now) const {
  const double seconds = std::chrono::duration<double>(now - bucket.at).count();
  return std::min(options_.burst, bucket.tokens + seconds * options_.per_second);
}

bool SourceLimits::Allows(const std::string& source, MonotonicTime now) const {
  const MutexLock lock(mutex_);
  const auto it = buckets_.find(source);
  return it == buckets_.end() || Tokens(it->second, now) >= 1;
}

void SourceLimits::Charge(const std::string& source, MonotonicTime now) {
  const MutexLock lock(mutex_);
  if (buckets_.size() >= options_.max_sources && !buckets_.contains(source)) {
    // Those that are full again say nothing.
    std::erase_if(buckets_,
                  [&](const auto& entry) { return Tokens(entry.second, now) >= options_.burst; });
    if (buckets_.size() >= options_.max_sources) buckets_.clear();
  }
  const auto [it, is_new] = buckets_.try_emplace(source, Bucket{options_.burst, now});
  it->second = {std::max(0.0, Tokens(it->second, now) - 1), now};
}

}  // namespace committest::observer
