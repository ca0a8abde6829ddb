#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "common/api/commit_test.h"
#include "common/api/observed_repository.h"
#include "common/base/clock.h"
#include "common/base/mutex.h"
#include "common/kube/object.h"
#include "operator/caches.h"
#include "operator/observed.h"
#include "operator/queue.h"

namespace committest::op {

/// What a waiting CommitTest is told changes at most this often.
inline constexpr std::chrono::seconds kShownPeriod{60};

/// Who may run now. Follows the caches and plans the turns of everybody anew (queue.h) whenever
/// something that they depend on has changed. What it knows beside the caches is only what they do
/// not show yet: the slots that it has given away and that no status tells of so far. A restart
/// forgets those together with the launches that they were for.
///
/// Thread-safe. Nobody is given a slot that another one holds, for there is one lock around plan
/// and grants.
class Slots {
 public:
  /// `cluster_max`: how many CommitTests may run in all namespaces together; 0: no limit. The
  /// references must outlive the slots. REQUIRES: made before the watches start.
  Slots(const CacheSet& caches, std::int64_t cluster_max, const Clock& clock);
  Slots(const Slots&) = delete;
  Slots& operator=(const Slots&) = delete;

  /// `wake` is called, without a lock, with each CommitTest whose turn has come. REQUIRES: before
  /// the watches start.
  void OnTurn(std::function<void(const kube::ObjectKey&)> wake) { wake_ = std::move(wake); }

  /// The place of `key`; kHeldBack if no cache shows it as unfinished. While it is kQueued, what
  /// is said of its position stays the same for `kShownPeriod`.
  Place PlaceOf(const kube::ObjectKey& key) EXCLUDES(mutex_);
  /// Plans anew if that is due. For changes after which nobody asks for a place.
  void Refresh() EXCLUDES(mutex_);
  /// The launch of `key` was refused: takes the slot back for `kRefusalPause`, and a quota's
  /// refusal holds the whole namespace for as long.
  void Refused(const kube::ObjectKey& key, const LaunchError& error) EXCLUDES(mutex_);

  struct Counts {
    std::int64_t running = 0;
    std::int64_t queued = 0;
  };
  /// Of the last plan.
  Counts CountsOf(const RepositoryKey& repository) const EXCLUDES(mutex_);

 private:
  struct Refusal {
    MonotonicTime until;
    std::string words;
  };
  struct Shown {
    Place place;
    MonotonicTime since;
  };

  void FollowCommitTest(const api::CommitTest* before, const api::CommitTest* after)
      EXCLUDES(mutex_);
  void FollowRepository(const api::ObservedRepository* before, const api::ObservedRepository* after)
      EXCLUDES(mutex_);
  void FollowJob(const JobView* before, const JobView* after) EXCLUDES(mutex_);
  void Drop(const kube::ObjectKey& key) REQUIRES(mutex_);

  /// The keys whose turn has come with this plan.
  std::vector<kube::ObjectKey> PlanIfDue() REQUIRES(mutex_);
  QueueInput Input() REQUIRES(mutex_);
  bool HoldsSlot(const Contender& contender) const REQUIRES(mutex_);
  void ForgetOldRefusals() REQUIRES(mutex_);
  void Wake(const std::vector<kube::ObjectKey>& keys) const;

  const CacheSet& caches_;
  const std::int64_t cluster_max_;
  const Clock& clock_;
  std::function<void(const kube::ObjectKey&)> wake_ = [](const kube::ObjectKey&) {};

  mutable Mutex mutex_;
  std::map<kube::ObjectKey, Contender> contenders_ GUARDED_BY(mutex_);
  std::map<RepositoryKey, RepositoryLimits> repositories_ GUARDED_BY(mutex_);
  std::map<std::pair<RepositoryKey, std::string>, NewestOfRef> newest_ GUARDED_BY(mutex_);
  std::set<kube::ObjectKey> granted_ GUARDED_BY(mutex_);
  std::map<kube::ObjectKey, Refusal> refused_ GUARDED_BY(mutex_);
  std::map<std::string, Refusal> refusing_namespaces_ GUARDED_BY(mutex_);
  std::map<kube::ObjectKey, Place> places_ GUARDED_BY(mutex_);
  std::map<kube::ObjectKey, Shown> shown_ GUARDED_BY(mutex_);
  std::map<RepositoryKey, Counts> counts_ GUARDED_BY(mutex_);
  bool dirty_ GUARDED_BY(mutex_) = true;
};

}  // namespace committest::op
