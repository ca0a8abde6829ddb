#include "runner-image/output_stream.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <poll.h>
#include <unistd.h>

namespace committest::runner {

void CapturedOutput::Take(std::string_view bytes) {
  text_.append(bytes);
  if (text_.size() > max_bytes_) text_.erase(0, text_.size() - max_bytes_);
}

void OutputStream::Advance() {
  std::size_t done = 0;
  while (done < pending_.size()) {
    pollfd writable{fd_, POLLOUT, 0};
    if (poll(&writable, 1, 0) <= 0) break;
    // A pipe that is writable takes PIPE_BUF bytes without blocking (pipe(7)); no more is promised.
    const std::size_t count = std::min<std::size_t>(pending_.size() - done, PIPE_BUF);
    const ssize_t written = write(fd_, pending_.data() + done, count);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) {
      done = pending_.size();  // The reader has gone or the disk is full: the run goes on.
      break;
    }
    done += static_cast<std::size_t>(written);
  }
  pending_.erase(0, done);
}

void OutputStream::Flush(std::chrono::milliseconds limit) {
  Advance();
  while (!pending_.empty()) {
    pollfd writable{fd_, POLLOUT, 0};
    if (poll(&writable, 1, static_cast<int>(limit.count())) <= 0) pending_.clear();
    Advance();
  }
}

}  // namespace committest::runner
