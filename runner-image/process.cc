#include "runner-image/process.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <limits>
#include <optional>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runner-image/reaper.h"

namespace committest::runner {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kReadBytes = 64 * 1024;

// One run of one child; see ProcessRunner.
class Supervision {
 public:
  Supervision(const Clock& clock, SignalInbox& signals, const Child& child,
              const ProcessLimits& limits, OutputTarget& target)
      : clock_(clock),
        signals_(signals),
        child_(child),
        limits_(limits),
        target_(target),
        start_(clock.Monotonic()),
        next_step_(start_ + limits.time) {}

  ProcessEnd Run() {
    while (!ended_) {
      Wait(std::nullopt);
      signals_.Drain();
      if (const auto status = ReapEnded(child_.pid)) Ended(*status);
      if (!ended_) Escalate();
    }
    end_.duration = std::chrono::duration_cast<milliseconds>(clock_.Monotonic() - start_);
    KillDescendants(child_.pid, clock_, limits_.settle);
    DrainOutput();
    close(child_.output);
    return end_;
  }

 private:
  void Ended(int status) {
    ended_ = true;
    if (WIFEXITED(status)) end_.exit_code = WEXITSTATUS(status);
    if (WIFSIGNALED(status)) end_.signal = WTERMSIG(status);
  }

  // The next harsher step, if its time has come.
  void Escalate() {
    const MonotonicTime now = clock_.Monotonic();
    if (step_ == Step::kRunning && signals_.Termination() != 0) {
      end_.terminated = true;
      Signal(signals_.Termination(), Step::kEnding, now + limits_.grace);
    } else if (now < next_step_) {
      return;
    } else if (step_ == Step::kRunning) {
      end_.timed_out = true;
      Signal(SIGTERM, Step::kEnding, now + limits_.grace);
    } else if (step_ == Step::kEnding) {
      end_.killed = true;
      Signal(SIGKILL, Step::kKilled, now + limits_.settle);
    } else {
      ended_ = true;  // The kernel cannot end it now; the caller must not wait for ever.
      end_.signal = SIGKILL;
    }
  }

  enum class Step { kRunning, kEnding, kKilled };

  void Signal(int number, Step step, MonotonicTime next) {
    kill(-child_.pid, number);
    step_ = step;
    next_step_ = next;
  }

  // Waits for a signal, for output, for the target to take more, or for the next step. With `until`
  // signals are not waited for.
  void Wait(std::optional<MonotonicTime> until) {
    const int blocked_on = target_.BlockedOn();
    std::array<pollfd, 3> fds{{{until ? -1 : signals_.Fd(), POLLIN, 0},
                               {blocked_on < 0 && !output_closed_ ? child_.output : -1, POLLIN, 0},
                               {blocked_on, POLLOUT, 0}}};
    const auto left =
        std::chrono::ceil<milliseconds>(until.value_or(next_step_) - clock_.Monotonic());
    const auto timeout = std::clamp<std::int64_t>(left.count(), 0, std::numeric_limits<int>::max());
    if (poll(fds.data(), fds.size(), static_cast<int>(timeout)) <= 0) return;
    if (fds[1].revents != 0) ReadOutput();
    if (fds[2].revents != 0) target_.Advance();
  }

  void ReadOutput() {
    std::array<char, kReadBytes> buffer;  // NOLINT: uninitialised on purpose, it is hot.
    const ssize_t count = read(child_.output, buffer.data(), buffer.size());
    if (count > 0) {
      target_.Take({buffer.data(), static_cast<std::size_t>(count)});
    } else if (count == 0 || (errno != EAGAIN && errno != EINTR)) {
      output_closed_ = true;
    }
  }

  // Everyone who could write is dead, so that the pipe has an end, unless something could not be
  // killed.
  void DrainOutput() {
    const MonotonicTime until = clock_.Monotonic() + limits_.settle;
    while ((!output_closed_ || target_.BlockedOn() >= 0) && clock_.Monotonic() < until) Wait(until);
  }

  const Clock& clock_;
  SignalInbox& signals_;
  const Child& child_;
  const ProcessLimits& limits_;
  OutputTarget& target_;
  MonotonicTime start_;
  MonotonicTime next_step_;
  Step step_ = Step::kRunning;
  bool ended_ = false;
  bool output_closed_ = false;
  ProcessEnd end_;
};

}  // namespace

ProcessEnd ProcessRunner::Run(const ProcessSpec& spec, const ProcessLimits& limits,
                              OutputTarget& target) {
  const Result<Child> child = StartChild(spec);
  if (!child) {
    ProcessEnd end;
    end.start_error = child.error().message;
    return end;
  }
  return Supervision(clock_, signals_, *child, limits, target).Run();
}

bool ProcessRunner::Terminated() {
  signals_.Drain();
  return signals_.Termination() != 0;
}

}  // namespace committest::runner
