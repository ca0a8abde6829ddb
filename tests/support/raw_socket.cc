#include "tests/support/raw_socket.h"

#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#include <utility>

namespace committest::testing {
namespace {

void SetTimeout(int descriptor, std::chrono::milliseconds timeout) {
  const timeval value{.tv_sec = timeout.count() / 1000,
                      .tv_usec = static_cast<suseconds_t>(timeout.count() % 1000 * 1000)};
  setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &value, sizeof(value));
  setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &value, sizeof(value));
}

int Connect(std::uint16_t port) {
  const int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) abort();
  return descriptor;
}

}  // namespace

RawSocket::RawSocket(std::uint16_t port, std::chrono::milliseconds timeout)
    : RawSocket(Connect(port), timeout) {}

RawSocket::RawSocket(int descriptor, std::chrono::milliseconds timeout) : descriptor_(descriptor) {
  SetTimeout(descriptor_, timeout);
}

RawSocket::RawSocket(RawSocket&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      received_(std::move(other.received_)),
      closed_(other.closed_) {}

RawSocket::~RawSocket() {
  if (descriptor_ >= 0) close(descriptor_);
}

bool RawSocket::Send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

bool RawSocket::ReceiveMore() {
  std::array<char, 16384> buffer{};
  const ssize_t got = recv(descriptor_, buffer.data(), buffer.size(), 0);
  if (got > 0) {
    received_.append(buffer.data(), static_cast<std::size_t>(got));
    return true;
  }
  closed_ = got == 0 || errno != EAGAIN;
  return false;
}

std::string RawSocket::ReceiveUntil(std::string_view end) {
  for (;;) {
    if (const auto at = received_.find(end); at != std::string::npos) {
      std::string head = received_.substr(0, at + end.size());
      received_.erase(0, head.size());
      return head;
    }
    if (!ReceiveMore()) return std::exchange(received_, {});
  }
}

std::string RawSocket::Receive(std::size_t count) {
  while (received_.size() < count && ReceiveMore()) {
  }
  std::string bytes = received_.substr(0, count);
  received_.erase(0, count);
  return bytes;
}

std::string RawSocket::ReceiveAll() {
  while (ReceiveMore()) {
  }
  return std::exchange(received_, {});
}

bool RawSocket::IsClosedByPeer() {
  ReceiveAll();
  return closed_;
}

}  // namespace committest::testing
