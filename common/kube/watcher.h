#pragma once

#include <chrono>
#include <stop_token>
#include <utility>

#include "common/kube/store.h"
#include "common/kube/store_sink.h"
#include "common/kube/watcher_core.h"

namespace committest::kube {

/// Keeps a `Store<T>` equal to what the API server has. `WatcherCore` says how.
///
/// `parse` turns an object into a `T`, on the watcher's thread. It should make something of every
/// object, also of one whose spec it does not understand; an object whose metadata is unusable, or
/// for which `parse` throws, is logged and skipped, and stops nobody else.
///
/// Thread-safety: as `WatcherCore`. The references must outlive the watcher.
template <typename T>
class Watcher {
 public:
  Watcher(WatcherOptions options, Lister& lister, Watchable& watchable, Store<T>& store,
          ParseFn<T> parse, const Clock& clock, Random& random, Metrics& metrics)
      : sink_(options.name, store, std::move(parse)),
        core_(std::move(options), lister, watchable, sink_, clock, random, metrics) {}

  void Start() { core_.Start(); }
  void Stop() { core_.Stop(); }
  std::chrono::milliseconds Step(const std::stop_token& stop = {}) { return core_.Step(stop); }
  bool Ready() const { return core_.Ready(); }
  Status WaitReady(MonotonicTime deadline, const std::stop_token& stop) const {
    return core_.WaitReady(deadline, stop);
  }
  MonotonicTime LastContact() const { return core_.LastContact(); }

 private:
  StoreSink<T> sink_;
  WatcherCore core_;
};

}  // namespace committest::kube
