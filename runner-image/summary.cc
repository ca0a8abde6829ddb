#include "runner-image/summary.h"

#include <fcntl.h>
#include <unistd.h>

namespace committest::runner {
namespace {

bool WriteFile(const SummaryTarget& target, const std::string& text) {
  // Non-blocking for the case that the tests put a pipe in its place.
  const int flags =
      O_WRONLY | O_TRUNC | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | (target.create ? O_CREAT : 0);
  const int fd = open(target.path.c_str(), flags, 0600);
  if (fd < 0) return false;
  const ssize_t written = write(fd, text.data(), text.size());
  close(fd);
  return written == static_cast<ssize_t>(text.size());
}

}  // namespace

void WriteSummary(const api::RunSummary& summary, const SummaryTarget& target,
                  OutputStream& console) {
  const std::string text = api::EncodeSummary(summary);
  if (!WriteFile(target, text)) console.Take(text + "\n");
}

}  // namespace committest::runner
