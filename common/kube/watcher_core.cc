#include "common/kube/watcher_core.h"

#include <algorithm>
#include <exception>
#include <utility>

#include <nlohmann/json.hpp>
#include <prometheus/counter.h>
#include <prometheus/gauge.h>

#include "common/base/log.h"
#include "common/kube/json_reader.h"

namespace committest::kube {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// client-go calls a watch "very short" below this if it brought nothing.
constexpr seconds kShortestWatch{1};
// A stream that was quiet for this long before it was cut had been accepted; a refusal, also one
// that the server thought about for some seconds ("resource version too large"), comes sooner.
constexpr seconds kQuietButAlive{30};
// The longest Retry-After that is honoured: a mistaken header must not blind us.
constexpr std::chrono::minutes kMaxRetryAfter{5};

prometheus::Counter& EventCounter(Metrics& metrics, const std::string& name, const char* type) {
  return metrics.Counter("committest_watch_events_total", "Watch events by type",
                         {{"watcher", name}, {"type", type}});
}

}  // namespace

struct WatcherCore::Series {
  Series(Metrics& metrics, const std::string& name)
      : added(EventCounter(metrics, name, "added")),
        modified(EventCounter(metrics, name, "modified")),
        deleted(EventCounter(metrics, name, "deleted")),
        bookmark(EventCounter(metrics, name, "bookmark")),
        stale(EventCounter(metrics, name, "stale")),
        lists(
            metrics.Counter("committest_watch_lists_total", "Complete LISTs", {{"watcher", name}})),
        failures(metrics.Counter("committest_watch_failures_total",
                                 "LISTs and watches that failed and were backed off from",
                                 {{"watcher", name}})),
        last_contact(metrics.Gauge("committest_watch_last_contact_timestamp_seconds",
                                   "When the server last sent anything usable",
                                   {{"watcher", name}})) {}

  prometheus::Counter& OfType(WatchEventType type) const {
    switch (type) {
      case WatchEventType::kAdded:
        return added;
      case WatchEventType::kModified:
        return modified;
      case WatchEventType::kDeleted:
        return deleted;
      case WatchEventType::kBookmark:
        return bookmark;
    }
    return stale;
  }

  prometheus::Counter& added;
  prometheus::Counter& modified;
  prometheus::Counter& deleted;
  prometheus::Counter& bookmark;
  prometheus::Counter& stale;
  prometheus::Counter& lists;
  prometheus::Counter& failures;
  prometheus::Gauge& last_contact;
};

AfterWatch DecideAfterWatch(const WatchEnd& end) {
  const bool advanced = end.progress > 0;
  if (end.fault == StreamFault::kUndecodable) return {.relist = true, .failure = true};
  if (end.status) return {.relist = false, .failure = !advanced && end.lived < kShortestWatch};
  const ErrorCode code = end.status.error().code;
  if (code == ErrorCode::kGone || code == ErrorCode::kNotFound) {
    return {.relist = true, .failure = true};
  }
  const bool cut = code == ErrorCode::kUnavailable || code == ErrorCode::kDeadlineExceeded ||
                   code == ErrorCode::kDataLoss;
  const bool harmless =
      end.fault == StreamFault::kNone && cut && (advanced || end.lived >= kQuietButAlive);
  return {.relist = false, .failure = !harmless};
}

WatcherCore::WatcherCore(WatcherOptions options, Lister& lister, Watchable& watchable,
                         WatcherSink& sink, const Clock& clock, Random& random, Metrics& metrics)
    : options_(std::move(options)),
      lister_(lister),
      watchable_(watchable),
      sink_(sink),
      clock_(clock),
      random_(random),
      series_(std::make_unique<Series>(metrics, options_.name)),
      last_contact_(clock.Monotonic()) {}

WatcherCore::~WatcherCore() { Stop(); }

void WatcherCore::Start() {
  thread_ = std::jthread([this](const std::stop_token& stop) { Run(stop); });
}

void WatcherCore::Stop() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

void WatcherCore::Run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    milliseconds wait{0};
    try {
      wait = Step(stop);
    } catch (const std::exception& e) {
      // Whatever an object did to a handler, the other objects still need their watcher.
      sink_.DiscardStaged();
      state_ = Empty{};
      wait = Failed({.code = ErrorCode::kInternal,
                     .message = std::string("the watcher threw ") + e.what(),
                     .reason = {},
                     .retry_after = {}});
    }
    if (wait > milliseconds(0) && !clock_.SleepFor(wait, stop)) return;
  }
}

milliseconds WatcherCore::Step(const std::stop_token& stop) {
  // A copy, because the step replaces the state that it works on.
  const State state = state_;
  return std::visit([&](const auto& current) { return StepState(current, stop); }, state);
}

milliseconds WatcherCore::StepState(const Empty& /*state*/, const std::stop_token& /*stop*/) {
  sink_.DiscardStaged();
  return ListOnePage("");
}

milliseconds WatcherCore::StepState(const Listing& state, const std::stop_token& /*stop*/) {
  return ListOnePage(state.continue_token);
}

milliseconds WatcherCore::ListOnePage(const std::string& continue_token) {
  const auto page = lister_.List(
      options_.type, options_.selection, options_.page_limit, continue_token, options_.drop,
      [this](nlohmann::json&& object) { sink_.Stage(std::move(object)); });
  if (!page) return ListFailed(page.error());
  if (page->resource_version.empty()) {
    return ListFailed({.code = ErrorCode::kDataLoss,
                       .message = "the list has no resource version",
                       .reason = {},
                       .retry_after = {}});
  }
  Touch();
  if (!page->continue_token.empty()) {
    state_ = Listing{page->continue_token};
  } else {
    ListComplete(page->resource_version);
  }
  return milliseconds(0);
}

milliseconds WatcherCore::ListFailed(const Error& error) {
  // Also when only one page failed: some of its objects may have been staged already.
  sink_.DiscardStaged();
  state_ = Empty{};
  return Failed(error);
}

void WatcherCore::ListComplete(const std::string& resource_version) {
  if (IsNewer(position_, resource_version).value_or(false)) {
    log::Warning("The list is older than what was seen before; the server has lost history",
                 {{"watcher", options_.name}, {"seen", position_}, {"listed", resource_version}});
  }
  sink_.CommitStaged();
  series_->lists.Increment();
  position_ = resource_version;
  state_ = Watching{};
  const auto spread = static_cast<double>((options_.relist_max - options_.relist_min).count());
  relist_due_ = clock_.Monotonic() + options_.relist_min +
                seconds(static_cast<seconds::rep>(spread * random_.Fraction()));
  MutexLock lock(mutex_);
  ready_ = true;
  became_ready_.notify_all();
}

milliseconds WatcherCore::StepState(const Watching& /*state*/, const std::stop_token& stop) {
  if (clock_.Monotonic() >= relist_due_) {
    state_ = Empty{};
    return milliseconds(0);
  }
  const WatchEnd end = WatchOnce(stop);
  if (stop.stop_requested()) return milliseconds(0);
  const AfterWatch next = DecideAfterWatch(end);
  if (next.relist) state_ = Empty{};
  if (!next.failure) return milliseconds(0);
  const milliseconds wait = Failed(
      end.status
          ? Error{ErrorCode::kUnavailable, "the watch ended at once without an event", {}, {}}
          : end.status.error());
  return next.relist && IsFirstLoss() ? milliseconds(0) : wait;
}

bool WatcherCore::IsFirstLoss() {
  const MonotonicTime now = clock_.Monotonic();
  const bool first = !last_loss_ || now - *last_loss_ > options_.healthy_after;
  last_loss_ = now;
  return first;
}

WatchEnd WatcherCore::WatchOnce(const std::stop_token& stop) {
  WatchEnd end;
  WatchDecoder decoder(options_.drop, [&](WatchEventType type, nlohmann::json&& object) {
    return Apply(type, std::move(object), end);
  });
  const auto feed = [&](std::string_view bytes) {
    auto status = decoder.Feed(bytes);
    if (!status) {
      end.fault = status.error().code == ErrorCode::kDataLoss ? StreamFault::kUndecodable
                                                              : StreamFault::kErrorEvent;
    }
    return status;
  };
  const MonotonicTime begin = clock_.Monotonic();
  end.status =
      watchable_.Watch(options_.type, options_.selection, position_, WatchTimeout(), feed, stop);
  end.lived = clock_.Monotonic() - begin;
  return end;
}

seconds WatcherCore::WatchTimeout() {
  const auto spread = static_cast<double>((options_.watch_max - options_.watch_min).count() + 1);
  const seconds random =
      options_.watch_min + seconds(static_cast<seconds::rep>(spread * random_.Fraction()));
  const auto until_relist = std::chrono::ceil<seconds>(relist_due_ - clock_.Monotonic());
  return std::max(kShortestWatch, std::min(random, until_relist));
}

Status WatcherCore::Apply(WatchEventType type, nlohmann::json&& object, WatchEnd& end) {
  std::string version = StringAt(ObjectAt(object, "metadata"), "resourceVersion");
  if (version.empty()) {
    return Fail(ErrorCode::kDataLoss, "a watch event has no resource version");
  }
  Touch();
  if (IsNewer(position_, version).value_or(false)) {
    series_->stale.Increment();
    return {};
  }
  series_->OfType(type).Increment();
  Deliver(type, std::move(object));
  if (version != position_) ++end.progress;
  position_ = std::move(version);
  return {};
}

void WatcherCore::Deliver(WatchEventType type, nlohmann::json&& object) {
  try {
    if (type == WatchEventType::kDeleted) {
      sink_.Remove(std::move(object));
    } else if (type != WatchEventType::kBookmark) {
      sink_.Upsert(std::move(object));
    }
  } catch (const std::exception& e) {
    // The store has the object; the same event again would throw again.
    log::Error("A handler of a watch event threw",
               {{"watcher", options_.name}, {"error", e.what()}});
  }
}

milliseconds WatcherCore::Failed(const Error& error) {
  const MonotonicTime now = clock_.Monotonic();
  if (failures_ > 0 && now - last_failure_ > options_.healthy_after) failures_ = 0;
  last_failure_ = now;
  ++failures_;
  series_->failures.Increment();
  const milliseconds delay = BackoffDelay(options_.backoff, failures_, random_);
  const milliseconds wait =
      error.retry_after
          ? std::min<milliseconds>(std::max(delay, *error.retry_after), kMaxRetryAfter)
          : delay;
  log::Failure("Watching was interrupted", error,
               {{"watcher", options_.name}, {"failures", failures_}, {"wait_ms", wait.count()}});
  MutexLock lock(mutex_);
  last_error_ = error;
  return wait;
}

bool WatcherCore::Ready() const {
  MutexLock lock(mutex_);
  return ready_;
}

Status WatcherCore::WaitReady(MonotonicTime deadline, const std::stop_token& stop) const {
  MutexLock lock(mutex_);
  const auto ready = [this]() NO_THREAD_SAFETY_ANALYSIS { return ready_; };
  if (became_ready_.wait_for(lock, stop, deadline - clock_.Monotonic(), ready)) return {};
  if (stop.stop_requested()) {
    return Fail(ErrorCode::kCancelled, "stopped while waiting for " + options_.name);
  }
  return Fail(ErrorCode::kDeadlineExceeded,
              "the first LIST of " + options_.name +
                  " is not complete: " + (last_error_ ? last_error_->message : "no answer yet"));
}

MonotonicTime WatcherCore::LastContact() const {
  MutexLock lock(mutex_);
  return last_contact_;
}

void WatcherCore::Touch() {
  series_->last_contact.Set(
      std::chrono::duration<double>(clock_.Wall().time_since_epoch()).count());
  MutexLock lock(mutex_);
  last_contact_ = clock_.Monotonic();
}

}  // namespace committest::kube
