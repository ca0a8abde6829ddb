#include "common/http/patience.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <poll.h>
#include <string>
#include <sys/eventfd.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace committest::http {

using std::chrono::milliseconds;

Patience::Patience(const Clock& clock, MonotonicTime deadline, milliseconds idle,
                   std::stop_token stop)
    : clock_(clock), deadline_(deadline), idle_(idle), stop_(std::move(stop)) {
  if (!stop_.stop_possible()) return;
  wake_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (wake_ >= 0) on_stop_.emplace(stop_, [this] { eventfd_write(wake_, 1); });
}

Patience::~Patience() {
  on_stop_.reset();
  if (wake_ >= 0) close(wake_);
}

Status Patience::Wait(int descriptor, short events, std::optional<milliseconds> at_most) {
  const MonotonicTime begin = clock_.Monotonic();
  const milliseconds limit = std::min(idle_, at_most.value_or(idle_));
  const MonotonicTime until = std::min(deadline_, begin + limit);
  for (;;) {
    if (auto alive = Check(); !alive) return alive;
    const auto left = std::chrono::ceil<milliseconds>(until - clock_.Monotonic());
    if (left <= milliseconds::zero()) return TimedOut(limit);
    // An hour at a time is enough for any wait, and fits.
    const int slice = static_cast<int>(std::min<milliseconds>(left, std::chrono::hours(1)).count());
    std::array<pollfd, 2> watched{pollfd{descriptor, events, 0}, pollfd{wake_, POLLIN, 0}};
    const int ready = poll(watched.data(), watched.size(), slice);
    if (ready < 0 && errno != EINTR) {
      return Fail(ErrorCode::kInternal, "poll: " + std::generic_category().message(errno));
    }
    if (ready > 0 && watched[0].revents != 0) return Check();
  }
}

Status Patience::Check() const {
  if (stop_.stop_requested()) return Fail(ErrorCode::kCancelled, "stopped");
  if (clock_.Monotonic() >= deadline_)
    return Fail(ErrorCode::kDeadlineExceeded, "no answer in time");
  return {};
}

Status Patience::TimedOut(milliseconds waited) const {
  if (auto alive = Check(); !alive) return alive;
  return Fail(ErrorCode::kDeadlineExceeded,
              "no byte for " + std::to_string(waited.count()) + " ms");
}

}  // namespace committest::http
