#include "tests/support/command.h"

#include <algorithm>
#include <array>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdexcept>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

namespace committest::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

std::vector<char*> Pointers(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

[[noreturn]] void Execute(int input, int output, const std::string& directory, char* const* argv,
                          char* const* environment) {
  // A closed standard input of the test runner must not become the child's.
  setpgid(0, 0);
  dup2(input, 0);
  dup2(output, 1);
  dup2(output, 2);
  if (!directory.empty() && chdir(directory.c_str()) != 0) _exit(126);
  // execvp looks PATH up in `environ`, so that the child's own PATH decides.
  environ = const_cast<char**>(environment);
  execvp(argv[0], argv);
  _exit(127);
}

int RemainingMs(steady_clock::time_point deadline) {
  const auto left = std::chrono::duration_cast<milliseconds>(deadline - steady_clock::now());
  return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 60'000));
}

}  // namespace

Command::Command(std::vector<std::string> argv, Options options) : start_(steady_clock::now()) {
  deadline_ = start_ + options.timeout;
  std::vector<std::string> environment;
  for (const auto& [name, value] : options.environment) environment.push_back(name + "=" + value);
  const std::vector<char*> argv_pointers = Pointers(argv);
  const std::vector<char*> environment_pointers = Pointers(environment);
  std::array<int, 2> in{};
  std::array<int, 2> out{};
  if (pipe2(in.data(), O_CLOEXEC) != 0 || pipe2(out.data(), O_CLOEXEC) != 0) {
    throw std::runtime_error("pipe2 failed");
  }
  pid_ = fork();
  if (pid_ < 0) throw std::runtime_error("fork failed");
  if (pid_ == 0) {
    Execute(in[0], out[1], options.directory, argv_pointers.data(), environment_pointers.data());
  }
  close(in[0]);
  close(out[1]);
  input_ = in[1];
  output_ = out[0];
}

Command::~Command() {
  if (!waited_) {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  if (input_ >= 0) close(input_);
  close(output_);
}

void Command::Signal(int signal) const { kill(pid_, signal); }

bool Command::ReadSome() {
  pollfd poll_fd{output_, POLLIN, 0};
  while (poll(&poll_fd, 1, RemainingMs(deadline_)) <= 0) {
    if (steady_clock::now() >= deadline_) return false;
  }
  std::array<char, 65536> buffer;
  const ssize_t count = read(output_, buffer.data(), buffer.size());
  if (count <= 0) return false;
  end_.output.append(buffer.data(), static_cast<std::size_t>(count));
  return true;
}

bool Command::WaitForOutput(const std::string& text) {
  while (end_.output.find(text) == std::string::npos) {
    if (!ReadSome()) return false;
  }
  return true;
}

CommandEnd Command::Wait() {
  close(std::exchange(input_, -1));
  while (ReadSome()) {
  }
  if (steady_clock::now() >= deadline_) {
    end_.timed_out = true;
    kill(pid_, SIGKILL);
  }
  int status = 0;
  waitpid(pid_, &status, 0);
  waited_ = true;
  if (WIFEXITED(status)) end_.exit_code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) end_.signal = WTERMSIG(status);
  end_.duration = std::chrono::duration_cast<milliseconds>(steady_clock::now() - start_);
  return end_;
}

CommandEnd RunCommand(std::vector<std::string> argv, Command::Options options) {
  return Command(std::move(argv), std::move(options)).Wait();
}

}  // namespace committest::testing
