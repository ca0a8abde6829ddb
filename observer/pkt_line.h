#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace committest::observer {

/// What one pkt-line is (Git's gitprotocol-common and gitprotocol-v2).
enum class PktType {
  kEnd,          ///< No pkt-line is left.
  kData,         ///< Four hexadecimal digits of length, then the payload.
  kFlush,        ///< "0000"
  kDelim,        ///< "0001", protocol v2
  kResponseEnd,  ///< "0002", protocol v2
  kError,        ///< A payload "ERR <text>": the server refuses and says why.
};

struct Pkt {
  PktType type = PktType::kEnd;
  /// Of kData: the payload without one trailing line feed. Of kError: the server's text. Points
  /// into the reader's input.
  std::string_view payload;
};

/// The longest pkt-line with its length digits, as Git defines it (LARGE_PACKET_MAX).
inline constexpr std::size_t kMaxPktBytes = 65520;

/// Splits a response into pkt-lines. Never reads outside its input, whatever the bytes are.
class PktReader {
 public:
  /// `input` must outlive the reader and what it returns.
  explicit PktReader(std::string_view input) : rest_(input) {}

  /// kDataLoss when the input is no pkt-line: a length that is not hexadecimal, is 3 (reserved), is
  /// above `kMaxPktBytes` or goes past the end of the input.
  Result<Pkt> Next();

  /// What has not been read yet.
  std::string_view Rest() const { return rest_; }

 private:
  std::string_view rest_;
};

inline constexpr std::string_view kFlushPkt = "0000";
inline constexpr std::string_view kDelimPkt = "0001";

/// `payload` as one pkt-line. REQUIRES: payload.size() <= kMaxPktBytes - 4.
std::string EncodePkt(std::string_view payload);

}  // namespace committest::observer
