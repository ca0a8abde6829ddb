#pragma once

namespace committest::runner {

/// SIGTERM, SIGINT and SIGCHLD of this process as a file descriptor, so that one poll waits for
/// signals, output and deadlines alike. One per process, made before the first child is started;
/// not thread-safe. The runner has one thread.
class SignalInbox {
 public:
  /// Blocks the three signals and ignores SIGPIPE. Throws std::system_error.
  SignalInbox();
  ~SignalInbox();
  SignalInbox(const SignalInbox&) = delete;
  SignalInbox& operator=(const SignalInbox&) = delete;

  /// Readable when a signal has arrived since the last `Drain`.
  int Fd() const { return fd_; }
  void Drain();
  /// The first SIGTERM or SIGINT that `Drain` has seen, or 0.
  int Termination() const { return termination_; }

 private:
  int fd_ = -1;
  int termination_ = 0;
};

}  // namespace committest::runner
