#pragma once

#include <chrono>
#include <cstddef>
#include <unordered_map>
#include <utility>

#include "common/base/clock.h"

namespace committest {

/// A map that forgets what is not used: an entry stays for at least `lifetime` after it was last put
/// or found, and not for two. Two generations instead of a time per entry: what is used moves into
/// the young one, which takes the place of the old one after each `lifetime`, or sooner when it
/// holds `most`; so there are never more than twice as many. Not thread-safe.
template <typename Key, typename Value>
class RecentMap {
 public:
  /// `clock` must outlive it; `most` is positive.
  RecentMap(const Clock& clock, std::chrono::seconds lifetime, std::size_t most)
      : clock_(clock), lifetime_(lifetime), most_(most), turned_(clock.Monotonic()) {}

  /// Null when there is none. Valid until the next call.
  const Value* Find(const Key& key) {
    Turn();
    const auto it = young_.find(key);
    if (it != young_.end()) return &it->second;
    auto old = old_.extract(key);
    if (old.empty()) return nullptr;
    return &young_.insert(std::move(old)).position->second;
  }

  void Put(const Key& key, Value value) {
    Turn();
    old_.erase(key);
    young_.insert_or_assign(key, std::move(value));
  }

  void Erase(const Key& key) {
    young_.erase(key);
    old_.erase(key);
  }

  std::size_t Size() const { return young_.size() + old_.size(); }

 private:
  using Generation = std::unordered_map<Key, Value>;

  void Turn() {
    const MonotonicTime now = clock_.Monotonic();
    if (now - turned_ < lifetime_ && young_.size() < most_) return;
    // After a silence as long as two generations both are too old.
    const bool are_both_old = now - turned_ >= 2 * lifetime_;
    old_ = are_both_old ? Generation() : std::move(young_);
    young_ = Generation();
    turned_ = now;
  }

  const Clock& clock_;
  const std::chrono::seconds lifetime_;
  const std::size_t most_;
  MonotonicTime turned_;
  Generation young_;
  Generation old_;
};

}  // namespace committest
