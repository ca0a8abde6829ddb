#pragma once

#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/metrics.h"
#include "common/base/random.h"
#include "common/base/result.h"
#include "common/kube/client.h"
#include "common/kube/controller.h"
#include "common/kube/watcher.h"
#include "operator/caches.h"

namespace committest::op {

/// What watchers need.
struct WatchContext {
  kube::Lister& lister;
  kube::Watchable& watchable;
  const Clock& clock;
  Random& random;
  Metrics& metrics;
};

/// Lets every change of the caches enqueue the CommitTest that it is about. REQUIRES: before the
/// watches start.
void EnqueueChanges(const CacheSet& caches, kube::Controller& controller);

/// Keeps the caches of all namespaces up to date: CommitTests, ObservedRepositories, the Jobs and Pods
/// that carry our label, and the Job controller's complaints. The latter only explain: nobody waits
/// for their cache.
class Watches {
 public:
  Watches(const CacheSet& caches, const WatchContext& context);

  void Start();
  void Stop();
  /// Waits until all caches are filled.
  Status WaitReady(MonotonicTime deadline, const std::stop_token& stop) const;
  bool Ready() const;

 private:
  struct NamespaceWatches {
    kube::Watcher<api::CommitTest> commit_tests;
    kube::Watcher<JobView> jobs;
    kube::Watcher<PodView> pods;
    kube::Watcher<api::ObservedRepository> repositories;
    kube::Watcher<JobTrouble> troubles;
  };

  std::vector<std::unique_ptr<NamespaceWatches>> watches_;
};

}  // namespace committest::op
