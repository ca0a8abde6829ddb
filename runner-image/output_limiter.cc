#include "runner-image/output_limiter.h"

#include <algorithm>
#include <utility>

namespace committest::runner {

OutputLimiter::OutputLimiter(std::uint64_t head_bytes, std::size_t tail_bytes, Sink sink)
    : head_bytes_(head_bytes), tail_bytes_(tail_bytes), sink_(std::move(sink)) {}

void OutputLimiter::Feed(std::string_view bytes) {
  total_ += bytes.size();
  const auto head =
      static_cast<std::size_t>(std::min<std::uint64_t>(head_bytes_ - head_used_, bytes.size()));
  if (head > 0) {
    sink_(bytes.substr(0, head));
    head_used_ += head;
    bytes.remove_prefix(head);
  }
  if (!bytes.empty()) FeedTail(bytes);
}

void OutputLimiter::FeedTail(std::string_view bytes) {
  if (tail_.size() + bytes.size() > tail_bytes_ && !std::exchange(announced_, true)) {
    sink_("\n[committest: output is too long; from here on only its end is kept]\n");
  }
  if (bytes.size() > tail_bytes_) bytes.remove_prefix(bytes.size() - tail_bytes_);
  const std::size_t room = std::min(tail_bytes_ - tail_.size(), bytes.size());
  tail_.append(bytes.substr(0, room));
  bytes.remove_prefix(room);
  while (!bytes.empty()) {
    const std::size_t count = std::min(tail_bytes_ - tail_start_, bytes.size());
    tail_.replace(tail_start_, count, bytes.substr(0, count));
    tail_start_ = (tail_start_ + count) % tail_bytes_;
    bytes.remove_prefix(count);
  }
}

void OutputLimiter::Finish() {
  if (Omitted() > 0) {
    sink_("\n[committest: output truncated, " + std::to_string(Omitted()) +
          " bytes left out; its end follows]\n");
  }
  const std::string_view tail = tail_;
  sink_(tail.substr(tail_start_));
  sink_(tail.substr(0, tail_start_));
}

}  // namespace committest::runner
