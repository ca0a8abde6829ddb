#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
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
  /// How often in a row a conflict is tried again after about 10 ms before it counts as a failure
  /// (reliability rules C2).
  int conflict_retries = 5;
  /// No requeue comes sooner, so that a reconcile which asks for "at once" makes no busy loop.
  std::chrono::milliseconds requeue_min{10};
};

/// Workers over one keyed queue. The whole policy after a reconcile is one `switch`:
///
/// | the reconcile                | next                                             | counts as |
/// |------------------------------|--------------------------------------------------|-----------|
/// | succeeded                    | `requeue_after`, if set; past failures forgotten | success   |
/// | Disposition kConflict        | after 10–20 ms, `conflict_retries` times in a row; then as kRetry | conflict |
/// | Disposition kRetry           | back-off per key; an event in the meantime ends it | error   |
/// | ... with `retry_after`       | as long as the server asked up to `backoff.maximum`, events or not | error |
/// | Disposition kTerminal        | nothing until the next change                    | terminal  |
/// | let an exception out         | as kRetry: no object stops the others            | exception |
/// | kCancelled: we are stopping  | as kRetry, but not logged                        | cancelled |
///
/// Metrics: committest_reconcile_total{controller,result},
/// committest_reconcile_seconds{controller}, committest_queue_depth{controller}; every series
/// exists from the start.
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

  /// How long the reconcile that has been running longest has been; zero if none is. A health
  /// check compares it with a limit, so that a hanging worker is noticed.
  std::chrono::nanoseconds LongestRunning() const EXCLUDES(mutex_);

 private:
  struct Series;
  struct Attempts {
    int failures = 0;
    int conflicts = 0;
    /// Until then the server does not want to be asked.
    MonotonicTime not_before{};
  };

  void Work();
  void Process(const ObjectKey& key) EXCLUDES(mutex_);
  /// How long the server still wants to be left alone about this key; zero or less if it does not.
  std::chrono::nanoseconds AskedToWait(const ObjectKey& key) const EXCLUDES(mutex_);
  Result<Outcome> Guarded(const ObjectKey& key);
  void HandleSuccess(const ObjectKey& key, const Outcome& outcome) EXCLUDES(mutex_);
  void HandleFailure(const ObjectKey& key, const Error& error) EXCLUDES(mutex_);
  void RetryConflict(const ObjectKey& key, const Error& error) EXCLUDES(mutex_);
  void Retry(const ObjectKey& key, const Error& error) EXCLUDES(mutex_);
  void Forget(const ObjectKey& key) EXCLUDES(mutex_);

  const ControllerOptions options_;
  const ReconcileFn reconcile_;
  const Clock& clock_;
  Random& random_;
  const std::unique_ptr<Series> series_;
  WorkQueue queue_;
  mutable Mutex mutex_;
  std::map<ObjectKey, Attempts> attempts_ GUARDED_BY(mutex_);
  std::map<ObjectKey, MonotonicTime> running_ GUARDED_BY(mutex_);
  std::vector<std::jthread> workers_;
};

}  // namespace committest::kube
