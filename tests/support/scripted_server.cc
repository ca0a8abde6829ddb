#include "tests/support/scripted_server.h"

#include <algorithm>
#include <arpa/inet.h>
#include <cstdlib>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace committest::testing {
namespace {

constexpr std::chrono::seconds kTimeout{10};

// A socket bound to a free port of loopback, and that port.
std::pair<int, std::uint16_t> BindLoopback() {
  const int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  if (bind(descriptor, generic, size) != 0) abort();
  if (getsockname(descriptor, generic, &size) != 0) abort();
  return {descriptor, ntohs(address.sin_port)};
}

std::size_t ContentLength(const std::string& head) {
  constexpr std::string_view kName = "Content-Length:";
  const auto at = head.find(kName);
  return at == std::string::npos ? 0 : std::stoul(head.substr(at + kName.size()));
}

}  // namespace

ScriptedServer::ScriptedServer(std::vector<Script> scripts) : scripts_(std::move(scripts)) {
  std::tie(listener_, port_) = BindLoopback();
  if (scripts_.empty() || listen(listener_, 64) != 0) abort();
  acceptor_ = std::thread([this] { Serve(); });
}

ScriptedServer::~ScriptedServer() {
  shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  for (std::thread& player : players_) player.join();
  close(listener_);
}

std::string ScriptedServer::Url() const { return "http://127.0.0.1:" + std::to_string(port_); }

void ScriptedServer::Serve() {
  for (;;) {
    const int descriptor = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (descriptor < 0) return;
    const auto number = static_cast<std::size_t>(connections_++);
    const Script& script = scripts_[std::min(number, scripts_.size() - 1)];
    players_.emplace_back([this, descriptor, &script] {
      RawSocket connection(descriptor, kTimeout);
      script(*this, connection);
    });
  }
}

std::string ScriptedServer::ReadRequest(RawSocket& connection) {
  std::string request = connection.ReceiveUntil("\r\n\r\n");
  if (request.empty()) return request;
  request += connection.Receive(ContentLength(request));
  const MutexLock lock(mutex_);
  requests_.push_back(request);
  return request;
}

std::vector<std::string> ScriptedServer::Requests() const {
  const MutexLock lock(mutex_);
  return requests_;
}

ScriptedServer::Script ScriptedServer::Answering(std::string answer) {
  return [answer = std::move(answer)](ScriptedServer& server, RawSocket& connection) {
    server.ReadRequest(connection);
    connection.Send(answer);
  };
}

ScriptedServer::Script ScriptedServer::Silent() {
  return [](ScriptedServer& server, RawSocket& connection) {
    server.ReadRequest(connection);
    connection.IsClosedByPeer();
  };
}

std::uint16_t UnusedPort() {
  const auto [descriptor, port] = BindLoopback();
  close(descriptor);
  return port;
}

}  // namespace committest::testing
