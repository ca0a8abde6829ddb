#include "common/http/exchange.h"

#include <algorithm>
#include <exception>
#include <string>
#include <utility>

namespace committest::http {
namespace {

// A single piece beyond this is a broken length, not a body: pieces are chunks of one server write.
constexpr std::size_t kMaxPieceBytes = std::size_t{1} << 30U;

Error IdleError(std::chrono::milliseconds idle) {
  return {ErrorCode::kDeadlineExceeded,
          "no byte for " + std::to_string(idle.count()) + " ms",
          {},
          std::nullopt};
}

Error TotalError() {
  return {ErrorCode::kDeadlineExceeded, "not complete in time", {}, std::nullopt};
}

}  // namespace

Exchange::Exchange(std::function<Status()> permit, bool has_body, std::function<void()> cancel)
    : permit_(std::move(permit)), has_body_(has_body), cancel_(std::move(cancel)) {}

bool Exchange::OnUpload() {
  const MutexLock lock(mutex_);
  if (abandoned_) return false;
  if (has_body_ && permit_) {
    if (Status permitted = permit_(); !permitted) {
      refusal_ = std::move(permitted).error();
      return false;
    }
  }
  sent_ = true;
  return true;
}

void Exchange::OnHead(int status, Headers headers) {
  const MutexLock lock(mutex_);
  if (abandoned_) return;
  status_ = status;
  headers_ = std::move(headers);
  head_waiting_ = true;
  wake_.notify_all();
}

void Exchange::OnPiece(std::string_view piece, std::function<void(bool)> done) {
  {
    const MutexLock lock(mutex_);
    if (!abandoned_) {
      piece_ = piece;
      piece_done_ = std::move(done);
      wake_.notify_all();
      return;
    }
  }
  done(false);
}

void Exchange::OnEnd(Status status) {
  const MutexLock lock(mutex_);
  if (!end_) end_ = std::move(status);
  wake_.notify_all();
}

std::optional<Exchange::Event> Exchange::PendingLocked() const {
  if (stopped_) return Event::kStopped;
  if (head_waiting_) return Event::kHead;
  // The library's threads may report the first piece before the head.
  if (piece_done_ && head_taken_) return Event::kPiece;
  if (end_) return Event::kEnd;
  return std::nullopt;
}

Exchange::Event Exchange::Next(MonotonicTime until) {
  MutexLock lock(mutex_);
  for (;;) {
    if (const auto event = PendingLocked()) return *event;
    if (wake_.wait_until(lock, until) == std::cv_status::timeout) {
      return PendingLocked().value_or(Event::kTimeout);
    }
  }
}

Status Exchange::Run(const Limits& limits, MonotonicTime deadline, const HeadSink& on_head,
                     const ByteSink& sink, const std::stop_token& stop, const Clock& clock) {
  const std::stop_callback on_stop(stop, [this] {
    const MutexLock lock(mutex_);
    stopped_ = true;
    wake_.notify_all();
  });
  try {
    return Loop(limits, deadline, on_head, sink, clock);
  } catch (const std::exception& e) {
    return Abandon(
        {ErrorCode::kInternal, std::string("exception in a sink: ") + e.what(), {}, std::nullopt});
  } catch (...) {
    return Abandon({ErrorCode::kInternal, "unknown exception in a sink", {}, std::nullopt});
  }
}

Status Exchange::Loop(const Limits& limits, MonotonicTime deadline, const HeadSink& on_head,
                      const ByteSink& sink, const Clock& clock) {
  for (;;) {
    const MonotonicTime idle_deadline = clock.Monotonic() + limits.idle;
    switch (Next(std::min(deadline, idle_deadline))) {
      case Event::kHead:
        if (Status taken = HandleHead(on_head); !taken) return Abandon(std::move(taken).error());
        break;
      case Event::kPiece:
        // Pieces may always be there before a wait begins.
        if (clock.Monotonic() >= deadline) return Abandon(TotalError());
        if (Status taken = HandlePiece(limits, sink); !taken) {
          return Abandon(std::move(taken).error());
        }
        break;
      case Event::kEnd:
        return Finish();
      case Event::kTimeout:
        return Abandon(deadline <= idle_deadline ? TotalError() : IdleError(limits.idle));
      case Event::kStopped:
        return Abandon({ErrorCode::kCancelled, "stopped", {}, std::nullopt});
    }
  }
}

Status Exchange::Finish() {
  const MutexLock lock(mutex_);
  abandoned_ = true;
  if (*end_) return {};
  return Fail(ExplainLocked(end_->error(), /*is_certain=*/true));
}

Status Exchange::HandleHead(const HeadSink& on_head) {
  int status = 0;
  Headers headers;
  {
    const MutexLock lock(mutex_);
    head_waiting_ = false;
    head_taken_ = true;
    status = status_;
    headers = std::move(headers_);
  }
  return on_head(status, headers);
}

Status Exchange::HandlePiece(const Limits& limits, const ByteSink& sink) {
  std::string_view piece;
  {
    const MutexLock lock(mutex_);
    piece = piece_;
    if (piece.size() > kMaxPieceBytes) {
      return Fail(ErrorCode::kDataLoss, "the answer has a malformed length");
    }
    received_ += piece.size();
    if (limits.body_bytes > 0 && received_ > limits.body_bytes) {
      return Fail(ErrorCode::kResourceExhausted,
                  "the answer is larger than " + std::to_string(limits.body_bytes) + " bytes");
    }
  }
  if (Status taken = sink(piece); !taken) return taken;
  AnswerPiece(true);
  return {};
}

void Exchange::AnswerPiece(bool accepted) {
  std::function<void(bool)> done;
  {
    const MutexLock lock(mutex_);
    done = std::exchange(piece_done_, nullptr);
    piece_ = {};
  }
  if (done) done(accepted);
}

Status Exchange::Abandon(Error error) {
  {
    const MutexLock lock(mutex_);
    abandoned_ = true;
    // Only a body can still be held back from now on.
    error = ExplainLocked(std::move(error), /*is_certain=*/has_body_);
  }
  // Cancelled before the piece is refused, so that the library closes the connection at once.
  cancel_();
  AnswerPiece(false);
  return Fail(std::move(error));
}

Error Exchange::ExplainLocked(Error error, bool is_certain) const {
  // The refusal is why the library failed; what it says about it itself does not help anyone.
  if (refusal_) error = *refusal_;
  if (!sent_ && is_certain) error.reason = kNotSent;
  return error;
}

}  // namespace committest::http
