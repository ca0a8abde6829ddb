#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>

#include <nlohmann/json_fwd.hpp>

#include "common/base/backoff.h"
#include "common/base/clock.h"
#include "common/base/metrics.h"
#include "common/base/mutex.h"
#include "common/base/random.h"
#include "common/base/result.h"
#include "common/kube/client.h"
#include "common/kube/object.h"

namespace committest::kube {

/// What an Event is about.
struct ObjectReference {
  std::string api_version;
  std::string kind;
  ObjectMeta meta;
};

enum class EventType { kNormal, kWarning };

/// Tells people about a transition. Best effort: never fails, never blocks.
class EventSink {
 public:
  virtual ~EventSink() = default;
  /// `reason` and `action` are CamelCase words; `note` is a sentence for people, at most 1 KB of
  /// which is kept. Only for transitions, never once per reconcile. Thread-safe.
  virtual void Record(const ObjectReference& about, EventType type, std::string_view reason,
                      std::string_view note, std::string_view action) = 0;
};

/// One Event on its way.
struct PendingEvent {
  std::string name;
  ObjectKey about;
  std::string about_api_version;
  std::string about_kind;
  std::string about_uid;
  std::string about_resource_version;
  EventType type = EventType::kNormal;
  std::string reason;
  std::string note;
  std::string action;
  WallTime time{};
};

struct EventRecorderOptions {
  std::string controller;  ///< `reportingController`: "committest.dev/operator".
  std::string instance{};  ///< `reportingInstance`: the Pod's name.
  std::size_t capacity = 256;
  /// An Event equal to one recorded less than this ago is not sent again.
  std::chrono::seconds repeat_after{60};
  /// How often one Event is tried; the API may be restarting.
  int attempts = 3;
  BackoffPolicy backoff{std::chrono::milliseconds(500), std::chrono::milliseconds(4'000), 0.5};
};

/// Sends Events (events.k8s.io/v1) from a bounded queue on a thread of its own. What does not fit
/// into the queue, or is refused by the server, is counted and dropped: no state hangs on it.
class EventRecorder final : public EventSink {
 public:
  EventRecorder(EventRecorderOptions options, Writer& writer, const Clock& clock, Random& random,
                Metrics& metrics);
  /// Stops without a flush.
  ~EventRecorder() override;

  void Record(const ObjectReference& about, EventType type, std::string_view reason,
              std::string_view note, std::string_view action) override EXCLUDES(mutex_);

  /// Starts the sending thread. REQUIRES: called once.
  void Start();
  /// Sends what is queued until `deadline`, drops the rest, joins the thread. A request that is
  /// under way is waited for. Later calls of `Record` are dropped. May be called again.
  void Stop(MonotonicTime deadline) EXCLUDES(mutex_);

  /// Sends one queued Event on the caller's thread, without a second try; false if there is none.
  /// For simulation, where the thread is not started.
  bool SendOne();
  std::size_t Queued() const EXCLUDES(mutex_);

 private:
  struct Series;

  bool IsRepeatLocked(const PendingEvent& event, MonotonicTime now) REQUIRES(mutex_);
  std::optional<PendingEvent> Take(const std::stop_token& stop) EXCLUDES(mutex_);
  Status TrySend(const PendingEvent& event);
  void SendWithRetries(const PendingEvent& event, const std::stop_token& stop);
  void Finish(const Status& outcome) EXCLUDES(mutex_);
  void Run(const std::stop_token& stop);

  const EventRecorderOptions options_;
  Writer& writer_;
  const Clock& clock_;
  Random& random_;
  const std::unique_ptr<Series> series_;

  mutable Mutex mutex_;
  std::condition_variable_any wake_;
  std::condition_variable_any drained_;
  std::deque<PendingEvent> queue_ GUARDED_BY(mutex_);
  std::map<std::string, MonotonicTime> recent_ GUARDED_BY(mutex_);
  std::uint64_t sequence_ GUARDED_BY(mutex_) = 0;
  bool sending_ GUARDED_BY(mutex_) = false;
  bool closed_ GUARDED_BY(mutex_) = false;
  std::jthread thread_;
};

/// The body of an Event (events.k8s.io/v1). Pure.
nlohmann::json BuildEvent(const PendingEvent& event, const EventRecorderOptions& options);

/// A name that two different Events do not share: the object's name, cut, and 16 hexadecimal digits
/// of a hash over object, words, time, instance and `sequence`. A repeated POST of one Event has
/// the same name and is harmless.
std::string EventName(const PendingEvent& event, const std::string& instance,
                      std::uint64_t sequence);

}  // namespace committest::kube
