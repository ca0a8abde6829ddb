#pragma once

#include <condition_variable>
#include <functional>
#include <optional>
#include <stop_token>
#include <string_view>

#include "common/base/clock.h"
#include "common/base/mutex.h"
#include "common/base/result.h"
#include "common/http/client.h"

namespace committest::http {

/// One request on its way, between the caller's thread and the threads of an HTTP library.
///
/// Flow: the library reports upload, head, pieces and the end; the caller's thread waits in `Run`
/// and executes the sinks. A piece is answered only after the sink has returned, which is the
/// back-pressure. When the caller leaves first (deadline, stop, an error of a sink), the request is
/// cancelled, the open piece is refused, and whatever the library still reports has no effect: so
/// neither a sink nor the permit is ever called after `Run` has returned.
///
/// Held by shared pointer by both sides. Thread-safe.
class Exchange {
 public:
  /// `cancel` aborts the request in the library; it is called at most once and without a lock.
  Exchange(std::function<Status()> permit, bool has_body, std::function<void()> cancel);

  // The library's side.

  /// The header block is written, the body follows (or follows again): false when it must not.
  bool OnUpload() EXCLUDES(mutex_);
  void OnHead(int status, Headers headers) EXCLUDES(mutex_);
  /// `piece` stays valid until `done` is called, once, with whether it was accepted.
  void OnPiece(std::string_view piece, std::function<void(bool)> done) EXCLUDES(mutex_);
  /// Nothing follows. The first call counts.
  void OnEnd(Status status) EXCLUDES(mutex_);

  // The caller's side.

  /// Waits for the end of the exchange. `deadline` bounds all of it; the other limits are taken
  /// from `limits`. Errors have the reason `kNotSent` where that is certain.
  Status Run(const Limits& limits, MonotonicTime deadline, const HeadSink& on_head,
             const ByteSink& sink, const std::stop_token& stop, const Clock& clock)
      EXCLUDES(mutex_);

 private:
  enum class Event { kHead, kPiece, kEnd, kTimeout, kStopped };

  Status Loop(const Limits& limits, MonotonicTime deadline, const HeadSink& on_head,
              const ByteSink& sink, const Clock& clock) EXCLUDES(mutex_);
  Event Next(MonotonicTime until) EXCLUDES(mutex_);
  std::optional<Event> PendingLocked() const REQUIRES(mutex_);
  Status HandleHead(const HeadSink& on_head) EXCLUDES(mutex_);
  Status HandlePiece(const Limits& limits, const ByteSink& sink) EXCLUDES(mutex_);
  Status Finish() EXCLUDES(mutex_);
  void AnswerPiece(bool accepted) EXCLUDES(mutex_);
  /// Cuts both sides apart and names the error that the caller gets.
  Status Abandon(Error error) EXCLUDES(mutex_);
  Error ExplainLocked(Error error, bool is_certain) const REQUIRES(mutex_);

  const std::function<Status()> permit_;
  const bool has_body_;
  const std::function<void()> cancel_;

  Mutex mutex_;
  std::condition_variable_any wake_;
  bool sent_ GUARDED_BY(mutex_) = false;
  bool abandoned_ GUARDED_BY(mutex_) = false;
  bool stopped_ GUARDED_BY(mutex_) = false;
  std::optional<Error> refusal_ GUARDED_BY(mutex_);
  int status_ GUARDED_BY(mutex_) = 0;
  Headers headers_ GUARDED_BY(mutex_);
  bool head_waiting_ GUARDED_BY(mutex_) = false;
  bool head_taken_ GUARDED_BY(mutex_) = false;
  std::string_view piece_ GUARDED_BY(mutex_);
  std::function<void(bool)> piece_done_ GUARDED_BY(mutex_);
  std::size_t received_ GUARDED_BY(mutex_) = 0;
  std::optional<Status> end_ GUARDED_BY(mutex_);
};

}  // namespace committest::http
