#include "common/process/child_process.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <functional>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include "common/process/memory_file.h"

namespace committest {
namespace {

class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { Close(); }

  int Get() const { return fd_; }
  bool IsOpen() const { return fd_ >= 0; }
  void Close() {
    if (fd_ >= 0) close(std::exchange(fd_, -1));
  }

 private:
  int fd_ = -1;
};

struct Pipe {
  Descriptor read;
  Descriptor write;
};

Error SystemError(const char* what, int number) {
  return {ErrorCode::kUnavailable,
          std::string(what) + ": " + std::generic_category().message(number),
          {},
          std::nullopt};
}

Result<Pipe> MakePipe() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return Fail(SystemError("cannot make a pipe", errno));
  return Pipe{Descriptor(ends[0]), Descriptor(ends[1])};
}

std::vector<char*> Pointers(std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  pointers.reserve(strings.size() + 1);
  for (std::string& text : strings) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

struct Limit {
  int resource = 0;
  rlimit value{};
};

// Everything that the child needs between fork and exec, made ready before the fork: there, in a
// process with threads, only async-signal-safe functions may be called.
struct Launch {
  const char* program = nullptr;
  char* const* arguments = nullptr;
  char* const* environment = nullptr;
  const char* working_directory = nullptr;
  std::vector<Limit> limits;
  int input = -1;
  int output = -1;
  int errors = -1;
  int failure = -1;
  pid_t parent = 0;
};

[[noreturn]] void ReportAndExit(int failure_pipe) {
  const int number = errno;
  // The parent takes a short or failed write for an end without a report, which is an error too.
  [[maybe_unused]] const ssize_t written = write(failure_pipe, &number, sizeof(number));
  _exit(127);
}

void ResetSignals() {
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  struct sigaction action{};
  action.sa_handler = SIG_DFL;
  for (int number = 1; number < NSIG; ++number) sigaction(number, &action, nullptr);
}

[[noreturn]] void ExecChild(const Launch& launch) {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != launch.parent) _exit(127);  // It died before the line above.
  ResetSignals();
  const int input = launch.input < 0 ? open("/dev/null", O_RDONLY) : launch.input;
  if (input < 0 || dup2(input, STDIN_FILENO) < 0 || dup2(launch.output, STDOUT_FILENO) < 0 ||
      dup2(launch.errors, STDERR_FILENO) < 0) {
    ReportAndExit(launch.failure);
  }
  // Libraries open descriptors without O_CLOEXEC.
  close_range(STDERR_FILENO + 1, UINT_MAX, CLOSE_RANGE_CLOEXEC);
  for (const Limit& limit : launch.limits) {
    if (setrlimit(static_cast<__rlimit_resource>(limit.resource), &limit.value) != 0) {
      ReportAndExit(launch.failure);
    }
  }
  if (chdir(launch.working_directory) != 0) ReportAndExit(launch.failure);
  execve(launch.program, launch.arguments, launch.environment);
  ReportAndExit(launch.failure);
}

std::vector<Limit> ToLimits(const ChildLimits& limits) {
  std::vector<Limit> result = {{RLIMIT_CORE, {0, 0}}};
  const auto add = [&](int resource, const std::optional<std::uint64_t>& value) {
    if (value) result.push_back({resource, {*value, *value}});
  };
  add(RLIMIT_AS, limits.address_space_bytes);
  add(RLIMIT_DATA, limits.data_bytes);
  add(RLIMIT_CPU, limits.cpu_seconds);
  add(RLIMIT_FSIZE, limits.file_bytes);
  add(RLIMIT_NOFILE, limits.open_files);
  return result;
}

constexpr std::size_t kReadBytes = 16 * 1024;
constexpr int kReadsOfFullPipe = 5;

// Appends what `source` has, up to `limit` bytes in all; closes it at its end.
void Drain(Descriptor& source, std::string& text, std::size_t limit) {
  std::array<char, kReadBytes> buffer{};
  const ssize_t count = read(source.Get(), buffer.data(), buffer.size());
  if (count < 0 && (errno == EINTR || errno == EAGAIN)) return;
  if (count <= 0) {
    source.Close();
    return;
  }
  text.append(buffer.data(), std::min(static_cast<std::size_t>(count), limit - text.size()));
}

// A started child, until it is reaped.
class Child {
 public:
  Child(pid_t pid, Descriptor output, Descriptor errors, const Clock& clock)
      : pid_(pid),
        clock_(clock),
        // Without pidfd_open (before Linux 5.3) the loop looks for the end every few milliseconds.
        pidfd_(static_cast<int>(syscall(SYS_pidfd_open, pid, 0))),
        output_(std::move(output)),
        errors_(std::move(errors)) {}

  /// Waits for the end of the program and of its output.
  Result<ChildResult> Wait(const ChildSpec& spec, const std::stop_token& stop) {
    Descriptor wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    const std::stop_callback on_stop(stop, [&wake] {
      const std::uint64_t one = 1;
      [[maybe_unused]] const ssize_t written = write(wake.Get(), &one, sizeof(one));
    });
    ChildResult result;
    auto deadline = clock_.Monotonic() + spec.deadline;
    bool terminating = false;
    while (!HasEnded()) {
      const bool stopped = stop.stop_requested();
      if (!terminating && (stopped || clock_.Monotonic() >= deadline)) {
        terminating = true;
        result.timed_out = !stopped;
        kill(-pid_, SIGTERM);
        deadline = clock_.Monotonic() + spec.grace;
      } else if (terminating && clock_.Monotonic() >= deadline) {
        kill(-pid_, SIGKILL);
        deadline = clock_.Monotonic() + spec.grace;
      }
      PollOnce(deadline, terminating ? -1 : wake.Get(), spec.max_output_bytes, result);
    }
    Finish(spec.max_output_bytes, result);
    if (terminating && !result.timed_out) {
      return Fail(ErrorCode::kCancelled, "stopped before the program ended");
    }
    return result;
  }

 private:
  // Looks without reaping, so that the process group cannot be given to anyone else yet.
  bool HasEnded() const {
    siginfo_t info{};
    return waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT | WNOHANG) == 0 &&
           info.si_pid == pid_;
  }

  void PollOnce(MonotonicTime until, int wake, std::size_t limit, ChildResult& result) {
    constexpr int kTickMillis = 20;
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(until - clock_.Monotonic()).count();
    int timeout = static_cast<int>(std::clamp<std::int64_t>(left, 0, INT_MAX));
    if (!pidfd_.IsOpen()) timeout = std::min(timeout, kTickMillis);
    // poll() ignores negative descriptors.
    std::array<pollfd, 4> fds{{{output_.Get(), POLLIN, 0},
                               {errors_.Get(), POLLIN, 0},
                               {pidfd_.Get(), POLLIN, 0},
                               {wake, POLLIN, 0}}};
    if (poll(fds.data(), fds.size(), timeout) <= 0) return;
    if (fds[0].revents != 0) Drain(output_, result.output, limit);
    if (fds[1].revents != 0) Drain(errors_, result.errors, limit);
  }

  // REQUIRES: HasEnded(). Reads what is left in the pipes once the group is gone, then reaps.
  void Finish(std::size_t limit, ChildResult& result) {
    kill(-pid_, SIGKILL);
    for (auto [source, text] : {std::pair{&output_, &result.output}, {&errors_, &result.errors}}) {
      // A descendant that left the group may hold the pipe open and write on: take what a full
      // pipe can hold (64 KiB), and no more.
      for (int reads = 0; reads < kReadsOfFullPipe && source->IsOpen(); ++reads) {
        pollfd fd{source->Get(), POLLIN, 0};
        if (poll(&fd, 1, 0) <= 0) break;
        Drain(*source, *text, limit);
      }
    }
    int status = 0;
    while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    if (WIFEXITED(status)) result.exit_code = WEXITSTATUS(status);
    if (WIFSIGNALED(status)) result.signal = WTERMSIG(status);
  }

  const pid_t pid_;
  const Clock& clock_;
  Descriptor pidfd_;
  Descriptor output_;
  Descriptor errors_;
};

}  // namespace

Result<ChildResult> RunChild(const ChildSpec& spec, const Clock& clock,
                             const std::stop_token& stop) {
  auto output = MakePipe();
  if (!output) return Fail(std::move(output.error()));
  auto errors = MakePipe();
  if (!errors) return Fail(std::move(errors.error()));
  auto failure = MakePipe();
  if (!failure) return Fail(std::move(failure.error()));
  std::optional<MemoryFile> input;
  if (!spec.input.empty()) {
    auto file = MemoryFile::Make(spec.input);
    if (!file) return Fail(std::move(file.error()));
    input = std::move(*file);
  }

  std::vector<std::string> arguments = {spec.program};
  arguments.insert(arguments.end(), spec.arguments.begin(), spec.arguments.end());
  std::vector<std::string> environment = spec.environment;
  const std::vector<char*> argument_pointers = Pointers(arguments);
  const std::vector<char*> environment_pointers = Pointers(environment);
  Launch launch;
  launch.program = spec.program.c_str();
  launch.arguments = argument_pointers.data();
  launch.environment = environment_pointers.data();
  launch.working_directory = spec.working_directory.c_str();
  launch.limits = ToLimits(spec.limits);
  if (input) launch.input = input->Descriptor();
  launch.output = output->write.Get();
  launch.errors = spec.shows_errors ? STDERR_FILENO : errors->write.Get();
  launch.failure = failure->write.Get();
  launch.parent = getpid();

  const pid_t pid = fork();
  if (pid < 0) return Fail(SystemError("cannot start a process", errno));
  if (pid == 0) ExecChild(launch);
  setpgid(pid, pid);  // Both sides do it, so that it holds whoever runs first.
  output->write.Close();
  errors->write.Close();
  failure->write.Close();

  int number = 0;
  const ssize_t reported = read(failure->read.Get(), &number, sizeof(number));
  if (reported == static_cast<ssize_t>(sizeof(number))) {
    waitpid(pid, nullptr, 0);
    return Fail(SystemError(("cannot run " + spec.program).c_str(), number));
  }
  return Child(pid, std::move(output->read), std::move(errors->read), clock).Wait(spec, stop);
}

}  // namespace committest
