#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "common/base/backoff.h"
#include "common/base/clock.h"
#include "common/base/metrics.h"
#include "common/base/mutex.h"
#include "common/base/random.h"
#include "common/base/result.h"
#include "common/kube/object.h"
#include "common/kube/work_queue.h"

namespace committest::kube {

/// What a reconcile that went well wants next.
struct Outcome {
  /// Look again after this long, even if no event comes. Every waiting state sets it.
  std::optional<std::chrono::milliseconds> requeue_after;
};

/// Brings one object nearer to what it should be. Gets only the key: what happened does not count,
/// only what is. Called by one thread per key at a time, by several for different keys.
using ReconcileFn = std::function<Result<Outcome>(const ObjectKey&)>;

struct ControllerOptions {
  std::string name;  ///< For logs and metrics: "committest".
  int workers = 4;
  BackoffPolicy backoff{std::chrono::milliseconds(50), std::chrono::milliseconds(60'000), 0.5};
};

/// Workers over one keyed queue. The whole policy after a reconcile is one `switch` in
/// `ProcessOne`: success forgets past failures and requeues as asked; kConflict runs again at once
/// (a few times, then like a failure) and is not counted as an error; kRetry backs off per key, or
/// as long as the server asked; kTerminal is logged and waits for the next change. An exception
/// that leaves the reconcile is caught, counted and treated as kRetry: no object stops the others.
class Controller {
 public:
  Controller(ControllerOptions options, ReconcileFn reconcile, const Clock& clock, Random& random,
             Metrics& metrics);
  /// Stops and joins.
  ~Controller();

  /// For event handlers of stores; may be called before `Start` and from any thread.
  void Enqueue(const ObjectKey& key) { queue_.Add(key); }

  /// Starts the workers. REQUIRES: called once.
  void Start();
  /// Lets running reconciles end, starts no other, joins the workers.
  void Stop();

  /// Reconciles one key that is due now on the caller's thread; false if there is none. For
  /// simulation, where no worker is started.
  bool ProcessOne();
  std::optional<MonotonicTime> NextDue() const { return queue_.NextDue(); }

 private:
  void Work();
  void Process(const ObjectKey& key);
  Result<Outcome> Guarded(const ObjectKey& key);
  void HandleFailure(const ObjectKey& key, const Error& error);

  const ControllerOptions options_;
  const ReconcileFn reconcile_;
  Random& random_;
  Metrics& metrics_;
  WorkQueue queue_;
  Mutex mutex_;
  std::map<ObjectKey, int> failures_ GUARDED_BY(mutex_);
  std::vector<std::jthread> workers_;
};

}  // namespace committest::kube
