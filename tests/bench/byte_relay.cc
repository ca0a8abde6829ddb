#include "tests/bench/byte_relay.h"

#include <arpa/inet.h>
#include <array>
#include <cstdlib>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

namespace committest::bench {
namespace {

sockaddr_in Loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

void SetNoDelay(int descriptor) {
  const int yes = 1;
  setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
}

int ConnectTo(std::uint16_t port) {
  const int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = Loopback(port);
  if (connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    abort();
  SetNoDelay(descriptor);
  return descriptor;
}

// Passes on what there is; zero at the end.
std::size_t PassOn(int from, int to) {
  std::array<char, 65536> piece{};
  const ssize_t size = recv(from, piece.data(), piece.size(), 0);
  if (size <= 0) return 0;
  for (ssize_t sent = 0; sent < size;) {
    const ssize_t now =
        send(to, piece.data() + sent, static_cast<std::size_t>(size - sent), MSG_NOSIGNAL);
    if (now <= 0) return 0;
    sent += now;
  }
  return static_cast<std::size_t>(size);
}

}  // namespace

ByteRelay::ByteRelay(std::uint16_t target)
    : target_(target), listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address = Loopback(0);
  socklen_t size = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  if (bind(listener_, generic, size) != 0 || listen(listener_, 16) != 0) abort();
  if (getsockname(listener_, generic, &size) != 0) abort();
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { Run(); });
}

ByteRelay::~ByteRelay() {
  stopping_ = true;
  thread_.join();
  close(listener_);
}

void ByteRelay::Run() {
  // The listener, then pairs of connections.
  std::vector<pollfd> watched{{listener_, POLLIN, 0}};
  while (!stopping_) {
    if (poll(watched.data(), watched.size(), 100) <= 0) continue;
    for (std::size_t i = watched.size(); i-- > 1;) {
      if (watched[i].revents == 0) continue;
      const std::size_t pair = i % 2 == 1 ? i + 1 : i - 1;
      const std::size_t size = PassOn(watched[i].fd, watched[pair].fd);
      bytes_ += size;
      if (size > 0) continue;
      const std::size_t first = i % 2 == 1 ? i : pair;
      close(watched[first].fd);
      close(watched[first + 1].fd);
      const auto at = watched.begin() + static_cast<std::ptrdiff_t>(first);
      watched.erase(at, at + 2);
      i = first;
    }
    if (watched[0].revents == 0) continue;
    const int client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client < 0) continue;
    SetNoDelay(client);
    watched.push_back({client, POLLIN, 0});
    watched.push_back({ConnectTo(target_), POLLIN, 0});
  }
  for (std::size_t i = 1; i < watched.size(); ++i) close(watched[i].fd);
}

}  // namespace committest::bench
