#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace committest::runner {

/// Keeps the head and the tail of an endless output.
///
/// Flow: bytes go through unchanged until `head` of them have passed; then one line says that
/// output is being left out, and only the last `tail` bytes are remembered; `Finish` writes them
/// behind a line that says how much is missing. What fits into head and tail together comes out
/// whole. Not thread-safe.
class OutputLimiter {
 public:
  using Sink = std::function<void(std::string_view)>;

  /// `sink` gets what is to be shown, in order. REQUIRES: tail_bytes > 0.
  OutputLimiter(std::uint64_t head_bytes, std::size_t tail_bytes, Sink sink);

  void Feed(std::string_view bytes);
  /// Writes the tail. Call once, after the last `Feed`.
  void Finish();

  /// Bytes that were fed, and bytes of them that `Finish` leaves out.
  std::uint64_t Total() const { return total_; }
  std::uint64_t Omitted() const { return total_ - head_used_ - tail_.size(); }

 private:
  void FeedTail(std::string_view bytes);

  std::uint64_t head_bytes_;
  std::size_t tail_bytes_;
  Sink sink_;
  std::uint64_t total_ = 0;
  std::uint64_t head_used_ = 0;
  std::string tail_;            ///< A ring once it has reached `tail_bytes_`.
  std::size_t tail_start_ = 0;  ///< Its oldest byte.
  bool announced_ = false;
};

}  // namespace committest::runner
