#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

namespace committest::runner {

/// Takes what a child process prints.
class OutputTarget {
 public:
  virtual ~OutputTarget() = default;
  virtual void Take(std::string_view bytes) = 0;
  /// A descriptor to wait for before more can be taken, or -1 when more can be taken at once.
  virtual int BlockedOn() const { return -1; }
  /// Called when `BlockedOn()` is writable.
  virtual void Advance() {}
};

/// Keeps the last `max_bytes` of what it is given.
class CapturedOutput final : public OutputTarget {
 public:
  explicit CapturedOutput(std::size_t max_bytes) : max_bytes_(max_bytes) {}
  void Take(std::string_view bytes) override;
  const std::string& Text() const { return text_; }

 private:
  std::size_t max_bytes_;
  std::string text_;
};

/// Writes to a descriptor that someone else may stop reading: it never blocks longer than `Flush`
/// is told to, and a reader that has gone is no error. The descriptor stays open and stays in
/// blocking mode, because others may share it.
class OutputStream final : public OutputTarget {
 public:
  explicit OutputStream(int fd) : fd_(fd) {}

  void Take(std::string_view bytes) override { pending_.append(bytes); }
  int BlockedOn() const override { return pending_.empty() ? -1 : fd_; }
  void Advance() override;
  /// Waits at most `limit` for the reader, then forgets what was not taken.
  void Flush(std::chrono::milliseconds limit);

 private:
  int fd_;
  std::string pending_;
};

}  // namespace committest::runner
