#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "runner-image/junit.h"

namespace committest::runner {

/// Reads how tests ended off what they print, and passes on what people are to see. Whatever it is
/// given, it keeps a bounded part of it. What a test prints can at most look like further tests:
/// the exit code, which it cannot change, is asked as well (`Evaluate`).
class OutputReader {
 public:
  virtual ~OutputReader() = default;
  /// What is to be shown of the next bytes; of an unfinished line perhaps later.
  virtual std::string Read(std::string_view bytes) = 0;
  /// What is to be shown of an unfinished last line. Call once, after the last `Read`.
  virtual std::string Finish() = 0;
  /// Call after `Finish`. kNotFound: no test program said anything; kDataLoss: what was printed
  /// contradicts itself, for example because a test ended its program.
  virtual Result<JunitReport> Report() = 0;
};

/// Cuts bytes into lines. What is longer than `kMaxLineBytes` comes in parts.
class LineCutter {
 public:
  static constexpr std::size_t kMaxLineBytes = std::size_t{256} * 1024;

  /// The next line with its end, or an empty view when more bytes are needed. Valid until the next
  /// call of `Next` or `Feed`.
  std::string_view Next();
  void Feed(std::string_view bytes);
  /// What is left when no more comes.
  std::string_view Rest() const { return std::string_view(text_).substr(start_); }

 private:
  std::string text_;
  std::size_t start_ = 0;
};

}  // namespace committest::runner
