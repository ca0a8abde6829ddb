#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "common/base/mutex.h"
#include "tests/support/raw_socket.h"

namespace committest::testing {

/// A server on a free port of loopback that plays one script per connection, in the order in which
/// connections come: the n-th gets the n-th script, further ones the last. Each connection has a
/// thread of its own, and nothing but the bytes that its script sends goes out.
class ScriptedServer {
 public:
  /// Plays one connection, which is closed when it returns.
  using Script = std::function<void(ScriptedServer& server, RawSocket& connection)>;

  explicit ScriptedServer(std::vector<Script> scripts);
  /// Takes no further connection and waits for the scripts that run.
  ~ScriptedServer();
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;

  std::uint16_t Port() const { return port_; }
  /// "http://127.0.0.1:port".
  std::string Url() const;
  /// How many connections have been accepted.
  int Connections() const { return connections_; }
  /// What the scripts have received through `ReadRequest`, in order.
  std::vector<std::string> Requests() const EXCLUDES(mutex_);

  /// Reads one request with its Content-Length body, and remembers it.
  std::string ReadRequest(RawSocket& connection) EXCLUDES(mutex_);

  /// A script that reads one request and answers `answer` as it is.
  static Script Answering(std::string answer);
  /// A script that reads one request and then sends nothing until the client closes.
  static Script Silent();

 private:
  void Serve();

  const std::vector<Script> scripts_;
  int listener_;
  std::uint16_t port_ = 0;
  std::atomic<int> connections_{0};
  mutable Mutex mutex_;
  std::vector<std::string> requests_ GUARDED_BY(mutex_);
  std::vector<std::thread> players_;  // Of the accepting thread until it has ended.
  std::thread acceptor_;
};

/// A port of loopback on which nobody listens.
std::uint16_t UnusedPort();

}  // namespace committest::testing
