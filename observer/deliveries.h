#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "common/base/clock.h"
#include "common/base/mutex.h"
#include "common/kube/object.h"

namespace committest::observer {

/// Which repositories webhooks have told of: what the receiver notes, and looks settle. It holds one
/// small entry for each repository that has webhooks. What is forgotten at a restart is made up for
/// by the look at each repository that comes first then. Thread-safe.
class Deliveries {
 public:
  /// What has come for one repository until a moment.
  struct Seen {
    std::optional<WallTime> newest;
    bool is_open = false;     ///< One came since the last look that went well began.
    bool has_looked = false;  ///< There was such a look in this process.
    std::uint64_t count = 0;
  };

  void Note(const kube::ObjectKey& key, WallTime now) EXCLUDES(mutex_);
  Seen Get(const kube::ObjectKey& key) const EXCLUDES(mutex_);
  /// A look that began with `seen` went well; what came after that stays open.
  void Settle(const kube::ObjectKey& key, const Seen& seen) EXCLUDES(mutex_);
  void Forget(const kube::ObjectKey& key) EXCLUDES(mutex_);

 private:
  struct Entry {
    std::optional<WallTime> newest;
    std::uint64_t count = 0;
    std::uint64_t settled = 0;
    bool has_looked = false;
  };

  mutable Mutex mutex_;
  std::map<kube::ObjectKey, Entry> entries_ GUARDED_BY(mutex_);
};

}  // namespace committest::observer
