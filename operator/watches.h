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

/// Keeps the caches of all namespaces up to date: CommitTests, and the Jobs and Pods that carry our
/// label.
class Watches {
 public:
  Watches(const CacheSet& caches, const WatchContext& context);

  void Start();
  void Stop();
  /// Waits until all caches are filled.
  Status WaitReady(MonotonicTime deadline, const std::stop_token& stop) const;
  bool Ready() const;
  /// When the watch that was silent longest last heard from the server.
  MonotonicTime OldestContact() const;

  /// One step of each watcher on the caller's thread. For simulation.
  void StepAll();

 private:
  struct NamespaceWatches {
    kube::Watcher<api::CommitTest> commit_tests;
    kube::Watcher<JobView> jobs;
    kube::Watcher<PodView> pods;
  };

  std::vector<std::unique_ptr<NamespaceWatches>> watches_;
};

}  // namespace committest::op
