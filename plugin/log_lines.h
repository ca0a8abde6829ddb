#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/clock.h"

namespace committest::plugin {

/// Turns the bytes of a container's log, read with timestamps, into lines for a terminal. Pure but for
/// the sink.
///
/// A log may be read in several streams, each from `Since()` on: lines that came before are not
/// handed out again. Control characters and escape sequences are removed, except tabs; invalid UTF-8
/// is replaced.
class LogLines {
 public:
  using Sink = std::function<void(const std::string& line)>;
  /// Longer lines come in pieces.
  static constexpr std::size_t kMaxLineBytes = std::size_t{64} * 1024;

  explicit LogLines(Sink sink) : sink_(std::move(sink)) {}

  void Feed(std::string_view bytes);
  /// The stream has ended: hands out an unfinished line when `complete`, and else forgets it, for the
  /// next stream brings it again.
  void EndStream(bool complete);

  /// The time of the last line; nullopt before one.
  std::optional<WallTime> Since() const;

 private:
  void TakeLine(std::string_view line);

  const Sink sink_;
  std::string line_;
  std::string last_time_;  ///< As it was written; all have the same width.
  bool in_pieces_ = false;
};

}  // namespace committest::plugin
