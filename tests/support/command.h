#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace committest::testing {

/// How a child process ended.
struct CommandEnd {
  int exit_code = -1;      ///< -1 when a signal ended it.
  int signal = 0;          ///< 0 when it exited by itself.
  bool timed_out = false;  ///< It was killed because `timeout` had passed.
  std::string output;      ///< Standard output and standard error together.
  std::chrono::milliseconds duration{0};
};

/// A child process whose output is collected. Its destructor kills it by its recorded pid.
class Command {
 public:
  struct Options {
    std::map<std::string, std::string> environment;  ///< Exactly these variables.
    std::filesystem::path directory;                 ///< Empty: this process's own.
    std::chrono::milliseconds timeout = std::chrono::seconds(60);
  };

  /// Starts `argv` (found through the PATH of `options.environment`). Throws when that fails.
  Command(std::vector<std::string> argv, Options options);
  ~Command();
  Command(const Command&) = delete;
  Command& operator=(const Command&) = delete;

  int pid() const { return pid_; }
  void Signal(int signal) const;
  /// Reads output until it contains `text`; false when it ended or `timeout` passed before.
  bool WaitForOutput(const std::string& text);
  /// What has been read so far.
  const std::string& Output() const { return end_.output; }
  /// Closes the child's standard input and waits for its end.
  CommandEnd Wait();

 private:
  bool ReadSome();

  int pid_ = -1;
  int input_ = -1;
  int output_ = -1;
  bool waited_ = false;
  std::chrono::steady_clock::time_point start_;
  std::chrono::steady_clock::time_point deadline_;
  CommandEnd end_;
};

/// Starts, waits, and hands back how it ended.
CommandEnd RunCommand(std::vector<std::string> argv, Command::Options options = {});

}  // namespace committest::testing
