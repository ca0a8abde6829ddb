#pragma once

#include <atomic>
#include <cstdint>
#include <thread>

namespace committest::bench {

/// Passes on TCP connections to a port of loopback, and counts what goes through in both
/// directions: the bytes of HTTP, without TCP's own.
class ByteRelay {
 public:
  explicit ByteRelay(std::uint16_t target);
  ~ByteRelay();
  ByteRelay(const ByteRelay&) = delete;
  ByteRelay& operator=(const ByteRelay&) = delete;

  std::uint16_t Port() const { return port_; }
  std::uint64_t Bytes() const { return bytes_; }

 private:
  void Run();

  const std::uint16_t target_;
  int listener_;
  std::uint16_t port_ = 0;
  std::atomic<std::uint64_t> bytes_{0};
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace committest::bench
