#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace committest::testing {

/// A TCP connection over loopback that sends and receives bytes as they are, for tests of what a
/// well-behaved library would not send. Every wait is bounded by the time-out.
class RawSocket {
 public:
  /// Connects to `port` of 127.0.0.1. Aborts when that fails.
  explicit RawSocket(std::uint16_t port,
                     std::chrono::milliseconds timeout = std::chrono::seconds(5));
  /// Takes over the connected socket `descriptor`.
  RawSocket(int descriptor, std::chrono::milliseconds timeout);
  ~RawSocket();
  RawSocket(const RawSocket&) = delete;
  RawSocket& operator=(const RawSocket&) = delete;
  RawSocket(RawSocket&& other) noexcept;
  RawSocket& operator=(RawSocket&&) = delete;

  /// False when the peer has closed the connection.
  bool Send(std::string_view bytes);
  /// What has been received until `end` occurred, `end` included; all there was if the connection
  /// closed or the time ran out before.
  std::string ReceiveUntil(std::string_view end);
  /// The next `count` bytes; fewer if the connection closed or the time ran out before.
  std::string Receive(std::size_t count);
  /// Everything until the peer closes the connection.
  std::string ReceiveAll();
  /// Whether the peer closes the connection (or resets it) within the time-out; what it sends
  /// meanwhile is dropped.
  bool IsClosedByPeer();

 private:
  /// Appends what comes next to `received_`; false at the end, on errors and on time-out.
  bool ReceiveMore();

  int descriptor_;
  std::string received_;
  bool closed_ = false;
};

}  // namespace committest::testing
