#include "runner-image/reaper.h"

#include <cerrno>
#include <csignal>
#include <fstream>
#include <string>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace committest::runner {
namespace {

constexpr std::chrono::milliseconds kPause{1};

bool HasChildren() {
  siginfo_t info{};
  return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

// Children that have ended are in the list as well; to signal them does no harm.
void KillChildren() {
  const std::string self = std::to_string(getpid());
  std::ifstream children("/proc/self/task/" + self + "/children");
  for (pid_t pid = 0; children >> pid;) kill(pid, SIGKILL);
}

}  // namespace

void AdoptOrphans() { prctl(PR_SET_CHILD_SUBREAPER, 1); }

std::optional<int> ReapEnded(pid_t child) {
  std::optional<int> found;
  int status = 0;
  for (pid_t pid = 0; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
    if (pid == child) found = status;
  }
  return found;
}

bool KillDescendants(pid_t leader, const Clock& clock, std::chrono::milliseconds limit) {
  const MonotonicTime deadline = clock.Monotonic() + limit;
  kill(-leader, SIGKILL);
  for (;;) {
    ReapEnded(-1);
    if (!HasChildren()) return true;
    if (clock.Monotonic() >= deadline) return false;
    if (getpid() == 1) {
      kill(-1, SIGKILL);
    } else {
      KillChildren();
    }
    clock.SleepFor(kPause, {});
  }
}

}  // namespace committest::runner
