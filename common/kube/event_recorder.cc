#include "common/kube/event_recorder.h"

#include <utility>

#include <nlohmann/json.hpp>
#include <prometheus/counter.h>

#include "common/base/log.h"
#include "common/base/strings.h"
#include "common/base/time_format.h"

namespace committest::kube {
namespace {

using nlohmann::json;

// Limits of the API's own validation of Events.
constexpr std::size_t kMaxNoteBytes = 1024;
constexpr std::size_t kMaxWordBytes = 128;
constexpr std::size_t kMaxNameBytes = 253;
constexpr std::size_t kHashDigits = 16;
// How many recent Events are compared with; more than a busy minute brings.
constexpr std::size_t kMaxRecent = 1024;

ResourceType EventResource() {
  return {.group = "events.k8s.io", .version = "v1", .plural = "events", .kind = "Event"};
}

std::string_view TypeName(EventType type) {
  return type == EventType::kWarning ? "Warning" : "Normal";
}

/// What makes two Events the same to a reader.
std::string Fingerprint(const PendingEvent& event) {
  return Join({event.about_uid, event.about.ToString(), std::string(TypeName(event.type)),
               event.reason, event.action, event.note},
              "\n");
}

bool IsWorthARetry(const Error& error) {
  switch (error.code) {
    case ErrorCode::kUnavailable:
    case ErrorCode::kResourceExhausted:
    case ErrorCode::kUnknownOutcome:
    case ErrorCode::kDeadlineExceeded:
      return true;
    default:
      return false;
  }
}

}  // namespace

struct EventRecorder::Series {
  explicit Series(Metrics& metrics)
      : sent(Events(metrics, "sent")),
        repeated(Events(metrics, "repeated")),
        dropped(Events(metrics, "dropped")),
        failed(Events(metrics, "failed")) {}

  static prometheus::Counter& Events(Metrics& metrics, const char* result) {
    return metrics.Counter("committest_events_total", "Kubernetes Events by what became of them",
                           {{"result", result}});
  }

  prometheus::Counter& sent;
  prometheus::Counter& repeated;
  prometheus::Counter& dropped;
  prometheus::Counter& failed;
};

EventRecorder::EventRecorder(EventRecorderOptions options, Writer& writer, const Clock& clock,
                             Random& random, Metrics& metrics)
    : options_(std::move(options)),
      writer_(writer),
      clock_(clock),
      random_(random),
      series_(std::make_unique<Series>(metrics)) {}

EventRecorder::~EventRecorder() { Stop(clock_.Monotonic()); }

void EventRecorder::Record(const ObjectReference& about, EventType type, std::string_view reason,
                           std::string_view note, std::string_view action) {
  PendingEvent event{.name = {},
                     .about = about.meta.Key(),
                     .about_api_version = about.api_version,
                     .about_kind = about.kind,
                     .about_uid = about.meta.uid,
                     .about_resource_version = about.meta.resource_version,
                     .type = type,
                     .reason = Truncate(reason, kMaxWordBytes),
                     .note = Truncate(OneLine(note), kMaxNoteBytes),
                     .action = Truncate(action, kMaxWordBytes),
                     .time = clock_.Wall()};
  const MonotonicTime now = clock_.Monotonic();
  MutexLock lock(mutex_);
  if (closed_ || queue_.size() >= options_.capacity) {
    series_->dropped.Increment();
    return;
  }
  if (IsRepeatLocked(event, now)) {
    series_->repeated.Increment();
    return;
  }
  event.name = EventName(event, options_.instance, sequence_++);
  queue_.push_back(std::move(event));
  wake_.notify_one();
}

bool EventRecorder::IsRepeatLocked(const PendingEvent& event, MonotonicTime now) {
  const auto is_old = [&](const auto& entry) {
    return now - entry.second >= options_.repeat_after;
  };
  if (recent_.size() >= kMaxRecent) std::erase_if(recent_, is_old);
  // A repeated Event is a smaller evil than unbounded memory.
  if (recent_.size() >= kMaxRecent) recent_.clear();
  const auto [it, inserted] = recent_.try_emplace(Fingerprint(event), now);
  if (!inserted && !is_old(*it)) return true;
  it->second = now;
  return false;
}

void EventRecorder::Start() {
  thread_ = std::jthread([this](const std::stop_token& stop) { Run(stop); });
}

void EventRecorder::Stop(MonotonicTime deadline) {
  {
    MutexLock lock(mutex_);
    closed_ = true;
    wake_.notify_one();
    const auto drained = [this]() NO_THREAD_SAFETY_ANALYSIS { return queue_.empty() && !sending_; };
    if (thread_.joinable()) {
      drained_.wait_for(lock, deadline - clock_.Monotonic(), drained);
    }
  }
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
  MutexLock lock(mutex_);
  series_->dropped.Increment(static_cast<double>(queue_.size()));
  queue_.clear();
}

void EventRecorder::Run(const std::stop_token& stop) {
  while (const auto event = Take(stop)) SendWithRetries(*event, stop);
}

std::optional<PendingEvent> EventRecorder::Take(const std::stop_token& stop) {
  MutexLock lock(mutex_);
  const auto ready = [this]() NO_THREAD_SAFETY_ANALYSIS { return !queue_.empty(); };
  if (!wake_.wait(lock, stop, ready) || stop.stop_requested()) return std::nullopt;
  PendingEvent event = std::move(queue_.front());
  queue_.pop_front();
  sending_ = true;
  return event;
}

void EventRecorder::SendWithRetries(const PendingEvent& event, const std::stop_token& stop) {
  Status outcome = TrySend(event);
  for (int failures = 1; failures < options_.attempts && !outcome; ++failures) {
    if (!IsWorthARetry(outcome.error())) break;
    if (!clock_.SleepFor(BackoffDelay(options_.backoff, failures, random_), stop)) break;
    outcome = TrySend(event);
  }
  Finish(outcome);
}

bool EventRecorder::SendOne() {
  PendingEvent event;
  {
    MutexLock lock(mutex_);
    if (queue_.empty()) return false;
    event = std::move(queue_.front());
    queue_.pop_front();
  }
  Finish(TrySend(event));
  return true;
}

Status EventRecorder::TrySend(const PendingEvent& event) {
  const auto created = writer_.Create(EventResource(), BuildEvent(event, options_));
  // The name is this Event's own: an earlier try arrived after all.
  if (created || created.error().code == ErrorCode::kAlreadyExists) return {};
  return Fail(created.error());
}

void EventRecorder::Finish(const Status& outcome) {
  if (outcome) {
    series_->sent.Increment();
  } else {
    series_->failed.Increment();
    log::Failure("An Event could not be recorded", outcome.error());
  }
  MutexLock lock(mutex_);
  sending_ = false;
  if (queue_.empty()) drained_.notify_all();
}

std::size_t EventRecorder::Queued() const {
  MutexLock lock(mutex_);
  return queue_.size();
}

json BuildEvent(const PendingEvent& event, const EventRecorderOptions& options) {
  // Events about cluster-scoped objects live in "default", as the API demands.
  const std::string space = event.about.namespace_.empty() ? "default" : event.about.namespace_;
  json regarding = {{"apiVersion", event.about_api_version},
                    {"kind", event.about_kind},
                    {"name", event.about.name},
                    {"uid", event.about_uid},
                    {"resourceVersion", event.about_resource_version}};
  if (!event.about.namespace_.empty()) regarding["namespace"] = event.about.namespace_;
  return {{"apiVersion", EventResource().ApiVersion()},
          {"kind", EventResource().kind},
          {"metadata", {{"namespace", space}, {"name", event.name}}},
          {"eventTime", FormatMicroTime(event.time)},
          {"reportingController", options.controller},
          {"reportingInstance", Truncate(options.instance, kMaxWordBytes)},
          {"action", event.action},
          {"reason", event.reason},
          {"type", TypeName(event.type)},
          {"note", event.note},
          {"regarding", std::move(regarding)}};
}

std::string EventName(const PendingEvent& event, const std::string& instance,
                      std::uint64_t sequence) {
  const auto nanoseconds =
      std::chrono::duration_cast<std::chrono::nanoseconds>(event.time.time_since_epoch());
  const std::string hash = Sha256Hex(Join(
      {Fingerprint(event), instance, std::to_string(sequence), std::to_string(nanoseconds.count())},
      "\n"));
  std::string prefix = event.about.name.substr(0, kMaxNameBytes - kHashDigits - 1);
  // A label of a DNS name must not end in one of these.
  while (!prefix.empty() && (prefix.back() == '.' || prefix.back() == '-')) prefix.pop_back();
  return prefix + "." + hash.substr(0, kHashDigits);
}

}  // namespace committest::kube
