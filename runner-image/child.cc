#include "runner-image/child.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

#include "common/base/strings.h"

namespace committest::runner {
namespace {

constexpr int kPipeBytes = 1 << 20;

class Pipe {
 public:
  Pipe() : open_(pipe2(ends_.data(), O_CLOEXEC) == 0) {}
  ~Pipe() {
    CloseRead();
    CloseWrite();
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;

  bool IsOpen() const { return open_; }
  int ReadEnd() const { return ends_[0]; }
  int WriteEnd() const { return ends_[1]; }
  int ReleaseRead() { return std::exchange(ends_[0], -1); }
  void CloseRead() { Close(ends_[0]); }
  void CloseWrite() { Close(ends_[1]); }

 private:
  static void Close(int& fd) {
    if (fd >= 0) close(std::exchange(fd, -1));
  }

  std::array<int, 2> ends_{-1, -1};
  bool open_;
};

std::vector<char*> Pointers(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  for (const std::string& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

void ResetSignals() {
  sigset_t none{};
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  signal(SIGPIPE, SIG_DFL);
}

// Runs in the child; reports errno through `errors` when the program cannot be executed.
[[noreturn]] void Execute(const std::string& directory, char* const* argv, char** environment,
                          int output, int errors) {
  setsid();
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const rlimit no_core{0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  ResetSignals();
  const int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (null >= 0 && dup2(null, 0) == 0 && dup2(output, 1) == 1 && dup2(output, 2) == 2 &&
      chdir(directory.c_str()) == 0) {
    close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
    environ = environment;  // execvp takes PATH from here.
    execvp(argv[0], argv);
  }
  const int error = errno;
  const ssize_t ignored = write(errors, &error, sizeof(error));
  _exit(ignored == 0 ? 126 : 127);
}

std::string CannotStart(const ProcessSpec& spec, int error) {
  return "cannot execute '" + OneLine(Truncate(spec.argv.front(), 200)) +
         "': " + std::strerror(error);  // NOLINT(concurrency-mt-unsafe): the runner has one thread.
}

}  // namespace

Result<Child> StartChild(const ProcessSpec& spec) {
  if (spec.argv.empty()) return Fail(ErrorCode::kInvalidArgument, "the command is empty");
  Pipe output;
  Pipe errors;
  if (!output.IsOpen() || !errors.IsOpen()) {
    return Fail(ErrorCode::kResourceExhausted, CannotStart(spec, errno));
  }
  const std::vector<char*> argv = Pointers(spec.argv);
  std::vector<char*> environment = Pointers(spec.environment);
  const pid_t pid = fork();
  if (pid < 0) return Fail(ErrorCode::kResourceExhausted, CannotStart(spec, errno));
  if (pid == 0) {
    Execute(spec.directory, argv.data(), environment.data(), output.WriteEnd(), errors.WriteEnd());
  }
  output.CloseWrite();
  errors.CloseWrite();
  int error = 0;
  // Ends with the successful exec, which closes the other end.
  ssize_t count = 0;
  while ((count = read(errors.ReadEnd(), &error, sizeof(error))) < 0 && errno == EINTR) {
  }
  if (count == static_cast<ssize_t>(sizeof(error))) {
    waitpid(pid, nullptr, 0);
    return Fail(ErrorCode::kInvalidArgument, CannotStart(spec, error));
  }
  fcntl(output.ReadEnd(), F_SETFL, O_NONBLOCK);
  fcntl(output.ReadEnd(), F_SETPIPE_SZ, kPipeBytes);  // Best effort: fewer wake-ups.
  return Child{pid, output.ReleaseRead()};
}

}  // namespace committest::runner
