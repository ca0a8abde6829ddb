#include "common/kube/controller.h"

#include <algorithm>
#include <exception>
#include <string_view>
#include <utility>

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>

#include "common/base/log.h"

namespace committest::kube {
namespace {

constexpr std::string_view kExceptionReason = "Exception";

// Long enough for the watch event of the other writer to arrive (reliability rules C2).
constexpr BackoffPolicy kConflictDelay{std::chrono::milliseconds(10), std::chrono::milliseconds(10),
                                       1.0};

prometheus::Counter& ResultCounter(Metrics& metrics, const std::string& controller,
                                   const char* result) {
  return metrics.Counter("committest_reconcile_total", "Reconciles by their result",
                         {{"controller", controller}, {"result", result}});
}

}  // namespace

struct Controller::Series {
  Series(Metrics& metrics, const std::string& name)
      : success(ResultCounter(metrics, name, "success")),
        conflict(ResultCounter(metrics, name, "conflict")),
        error(ResultCounter(metrics, name, "error")),
        terminal(ResultCounter(metrics, name, "terminal")),
        exception(ResultCounter(metrics, name, "exception")),
        cancelled(ResultCounter(metrics, name, "cancelled")),
        seconds(metrics.Seconds("committest_reconcile_seconds", "Duration of one reconcile",
                                {{"controller", name}})),
        depth(metrics.Gauge("committest_queue_depth", "Keys in line or due",
                            {{"controller", name}})) {}

  prometheus::Counter& success;
  prometheus::Counter& conflict;
  prometheus::Counter& error;
  prometheus::Counter& terminal;
  prometheus::Counter& exception;
  prometheus::Counter& cancelled;
  prometheus::Histogram& seconds;
  prometheus::Gauge& depth;
};

Controller::Controller(ControllerOptions options, ReconcileFn reconcile, const Clock& clock,
                       Random& random, Metrics& metrics)
    : options_(std::move(options)),
      reconcile_(std::move(reconcile)),
      clock_(clock),
      random_(random),
      series_(std::make_unique<Series>(metrics, options_.name)),
      queue_(clock) {}

Controller::~Controller() { Stop(); }

void Controller::Start() {
  workers_.reserve(static_cast<std::size_t>(options_.workers));
  for (int i = 0; i < options_.workers; ++i) workers_.emplace_back([this] { Work(); });
}

void Controller::Stop() {
  queue_.ShutDown();
  workers_.clear();
}

bool Controller::ProcessOne() {
  const auto key = queue_.TryGet();
  if (key) Process(*key);
  return key.has_value();
}

std::chrono::nanoseconds Controller::LongestRunning() const {
  const MonotonicTime now = clock_.Monotonic();
  MutexLock lock(mutex_);
  std::chrono::nanoseconds longest{0};
  for (const auto& [key, since] : running_) {
    longest = std::max<std::chrono::nanoseconds>(longest, now - since);
  }
  return longest;
}

void Controller::Work() {
  while (const auto key = queue_.Get()) Process(*key);
}

void Controller::Process(const ObjectKey& key) {
  if (const auto wait = AskedToWait(key); wait > std::chrono::nanoseconds(0)) {
    queue_.AddAfter(key, wait);
    queue_.Done(key);
    return;
  }
  const MonotonicTime begin = clock_.Monotonic();
  {
    MutexLock lock(mutex_);
    running_[key] = begin;
  }
  const auto result = Guarded(key);
  series_->seconds.Observe(std::chrono::duration<double>(clock_.Monotonic() - begin).count());
  if (result) {
    HandleSuccess(key, *result);
  } else {
    HandleFailure(key, result.error());
  }
  {
    MutexLock lock(mutex_);
    running_.erase(key);
  }
  queue_.Done(key);
  series_->depth.Set(static_cast<double>(queue_.Depth()));
}

std::chrono::nanoseconds Controller::AskedToWait(const ObjectKey& key) const {
  const MonotonicTime now = clock_.Monotonic();
  MutexLock lock(mutex_);
  const auto it = attempts_.find(key);
  return it == attempts_.end() ? std::chrono::nanoseconds(0) : it->second.not_before - now;
}

Result<Outcome> Controller::Guarded(const ObjectKey& key) {
  std::string what;
  try {
    return reconcile_(key);
  } catch (const std::exception& e) {
    what = e.what();
  } catch (...) {
    what = "an exception of unknown type";
  }
  series_->exception.Increment();
  return Fail(ErrorCode::kInternal, "the reconcile threw " + what, std::string(kExceptionReason));
}

void Controller::HandleSuccess(const ObjectKey& key, const Outcome& outcome) {
  Forget(key);
  series_->success.Increment();
  if (outcome.requeue_after) {
    queue_.AddAfter(key, std::max(*outcome.requeue_after, options_.requeue_min));
  }
}

void Controller::HandleFailure(const ObjectKey& key, const Error& error) {
  switch (DispositionOf(error.code)) {
    case Disposition::kConflict:
      return RetryConflict(key, error);
    case Disposition::kRetry:
      return Retry(key, error);
    case Disposition::kTerminal:
      Forget(key);
      series_->terminal.Increment();
      log::Failure("Reconcile failed and will not be retried until the object changes", error,
                   {{"controller", options_.name}, {"object", key.ToString()}});
      return;
  }
}

void Controller::RetryConflict(const ObjectKey& key, const Error& error) {
  int conflicts = 0;
  {
    MutexLock lock(mutex_);
    conflicts = ++attempts_[key].conflicts;
  }
  if (conflicts > options_.conflict_retries) return Retry(key, error);
  series_->conflict.Increment();
  queue_.AddAfter(key, BackoffDelay(kConflictDelay, 1, random_));
}

void Controller::Retry(const ObjectKey& key, const Error& error) {
  int failures = 0;
  std::chrono::milliseconds delay{0};
  {
    MutexLock lock(mutex_);
    Attempts& attempts = attempts_[key];
    failures = ++attempts.failures;
    if (error.retry_after) {
      delay = std::min(*error.retry_after, options_.backoff.maximum);
      attempts.not_before = clock_.Monotonic() + delay;
    } else {
      delay = BackoffDelay(options_.backoff, failures, random_);
    }
  }
  queue_.AddAfter(key, std::max(delay, options_.requeue_min));
  if (error.code == ErrorCode::kCancelled) {
    series_->cancelled.Increment();
    return;
  }
  if (error.reason != kExceptionReason) series_->error.Increment();
  log::Failure("Reconcile failed and will be retried", error,
               {{"controller", options_.name},
                {"object", key.ToString()},
                {"failures", failures},
                {"retry_in_ms", delay.count()}});
}

void Controller::Forget(const ObjectKey& key) {
  MutexLock lock(mutex_);
  attempts_.erase(key);
}

}  // namespace committest::kube
