#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <variant>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "common/base/backoff.h"
#include "common/base/clock.h"
#include "common/base/metrics.h"
#include "common/base/mutex.h"
#include "common/base/random.h"
#include "common/base/result.h"
#include "common/kube/client.h"
#include "common/kube/object.h"
#include "common/kube/watch_decoder.h"

namespace committest::kube {

/// What a watcher watches, and how patient it is. The times are those of client-go's reflector
/// where it has them; tests shorten them.
struct WatcherOptions {
  std::string name;  ///< For logs and metrics: "committests".
  ResourceType type{};
  Selection selection{};
  /// Members that nobody reads: "metadata.managedFields".
  std::vector<std::string> drop{"metadata.managedFields"};

  int page_limit = 500;
  BackoffPolicy backoff{std::chrono::milliseconds(800), std::chrono::milliseconds(30'000), 1.0};
  /// After this long without a failure the back-off starts anew.
  std::chrono::milliseconds healthy_after = std::chrono::minutes(2);
  /// A watch asks the server to end it after a random time in this range, which spreads load and
  /// lets rotated credentials take effect.
  std::chrono::seconds watch_min{240};
  std::chrono::seconds watch_max{300};
  /// A full LIST as a safety net after a random time in this range, however well the watch goes.
  std::chrono::seconds relist_min{600};
  std::chrono::seconds relist_max{900};
};

/// What the bytes of a stream had to say about its end.
enum class StreamFault {
  kNone,
  kErrorEvent,   ///< An `ERROR` event; its Status is the error.
  kUndecodable,  ///< Bad JSON, a line too long, an unknown event: the stream cannot be trusted.
};

/// How one watch stream ended, as far as the next step depends on it.
struct WatchEnd {
  Status status;  ///< As `Watchable::Watch` returned it.
  StreamFault fault = StreamFault::kNone;
  int progress = 0;  ///< Events and bookmarks that moved the resource version on.
  std::chrono::nanoseconds lived{0};
};

/// What a watcher does after a stream has ended.
struct AfterWatch {
  bool relist = false;   ///< Else watch again from the last resource version.
  bool failure = false;  ///< Counts for the back-off.
};

/// Decides it. Pure and total, first row that fits:
///
/// | the stream                                              | next   | failure |
/// |---------------------------------------------------------|--------|---------|
/// | kUndecodable                                            | relist | yes     |
/// | kGone, as HTTP 410 or as ERROR event                    | relist | yes     |
/// | kNotFound: the kind itself is gone                      | relist | yes     |
/// | ended by another ERROR event                            | resume | yes     |
/// | ended by the server, after progress or at least 1 s     | resume | no      |
/// | ended by the server in under 1 s without progress       | resume | yes     |
/// | cut or silent, after progress or at least 30 s          | resume | no      |
/// | cut, refused, silent or 5xx without either              | resume | yes     |
/// | anything else: 401, 403, 429 …                          | resume | yes     |
///
/// A failure that leads to a relist is not waited for unless the history was lost shortly before,
/// too: a server that has just come back says 410 after the refusals, and while the cache waits
/// it is old. Any other failure is waited for.
AfterWatch DecideAfterWatch(const WatchEnd& end);

/// Receives what the watcher learns, on its thread. Implemented over `Store<T>` by `Watcher<T>`.
class WatcherSink {
 public:
  virtual ~WatcherSink() = default;
  /// One object of a LIST in progress. Nobody sees it yet.
  virtual void Stage(nlohmann::json&& object) = 0;
  /// The LIST failed half-way: forget what was staged.
  virtual void DiscardStaged() = 0;
  /// The LIST is complete: what was staged is the state now, and what is absent was deleted.
  virtual void CommitStaged() = 0;
  virtual void Upsert(nlohmann::json&& object) = 0;
  virtual void Remove(nlohmann::json&& object) = 0;
};

/// Keeps a copy of the selected objects of one kind up to date: LIST, then WATCH from there, for
/// ever. `Watcher<T>` is what one uses.
///
/// States and transitions; one `Step` does one request:
///
///     Empty ──first page──▶ Listing ──last page──▶ Watching ──stream ends──▶ Watching (resume)
///       ▲                      │                       │
///       └── any failed page ───┘◀── history is lost, ──┘
///           (start from scratch)    or the safety net is due
///
/// Guarantees:
///  - The sink sees a LIST only as a whole, and keeps what it has until the next one is complete.
///  - A resource version comes from a list's metadata, a bookmark or an event's object, never from
///    an item of a list.
///  - Events that are older than what the watcher has seen are not applied.
///  - No failure makes a busy loop: see `DecideAfterWatch`; delays grow from 0.8 s to 30 s with
///    jitter, or are as long as the server asked for, up to 5 min.
///
/// Thread-safety: `Step` and `Run` from one thread; the rest from any.
class WatcherCore {
 public:
  WatcherCore(WatcherOptions options, Lister& lister, Watchable& watchable, WatcherSink& sink,
              const Clock& clock, Random& random, Metrics& metrics);
  /// Stops and joins.
  ~WatcherCore();
  WatcherCore(const WatcherCore&) = delete;
  WatcherCore& operator=(const WatcherCore&) = delete;

  /// Runs `Step` on a thread of its own until `Stop`. REQUIRES: called once.
  void Start();
  /// Ends a running watch within milliseconds and joins the thread. May be called again.
  void Stop();

  /// Does one request, and says how long to wait before the next. For simulation, and for `Run`.
  std::chrono::milliseconds Step(const std::stop_token& stop);

  /// Whether the first LIST has been complete; never false again.
  bool Ready() const EXCLUDES(mutex_);
  /// Waits for that until `deadline`. kDeadlineExceeded tells the last failure; kCancelled.
  Status WaitReady(MonotonicTime deadline, const std::stop_token& stop) const EXCLUDES(mutex_);
  /// When the server last said anything that made sense, for health checks.
  MonotonicTime LastContact() const EXCLUDES(mutex_);

 private:
  struct Empty {};
  struct Listing {
    std::string continue_token;
  };
  struct Watching {};
  using State = std::variant<Empty, Listing, Watching>;
  struct Series;

  std::chrono::milliseconds StepState(const Empty& state, const std::stop_token& stop);
  std::chrono::milliseconds StepState(const Listing& state, const std::stop_token& stop);
  std::chrono::milliseconds StepState(const Watching& state, const std::stop_token& stop);

  std::chrono::milliseconds ListOnePage(const std::string& continue_token);
  std::chrono::milliseconds ListFailed(const Error& error);
  void ListComplete(const std::string& resource_version);
  WatchEnd WatchOnce(const std::stop_token& stop);
  std::chrono::seconds WatchTimeout();
  Status Apply(WatchEventType type, nlohmann::json&& object, WatchEnd& end);
  void Deliver(WatchEventType type, nlohmann::json&& object);
  /// Whether no other relist was called for within `healthy_after`.
  bool IsFirstLoss();
  /// Counts a failure and says how long to wait.
  std::chrono::milliseconds Failed(const Error& error) EXCLUDES(mutex_);
  void Touch() EXCLUDES(mutex_);
  void Run(const std::stop_token& stop);

  const WatcherOptions options_;
  Lister& lister_;
  Watchable& watchable_;
  WatcherSink& sink_;
  const Clock& clock_;
  Random& random_;
  const std::unique_ptr<Series> series_;

  // Of the stepping thread alone.
  State state_ = Empty{};
  std::string position_;  ///< The newest resource version seen; empty before the first LIST.
  MonotonicTime relist_due_{};
  int failures_ = 0;
  MonotonicTime last_failure_{};
  std::optional<MonotonicTime> last_loss_;

  mutable Mutex mutex_;
  mutable std::condition_variable_any became_ready_;
  bool ready_ GUARDED_BY(mutex_) = false;
  MonotonicTime last_contact_ GUARDED_BY(mutex_);
  std::optional<Error> last_error_ GUARDED_BY(mutex_);

  std::jthread thread_;
};

}  // namespace committest::kube
