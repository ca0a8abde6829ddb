#pragma once

#include <atomic>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <string>

#include <boost/asio/ip/tcp.hpp>

#include "common/base/mutex.h"
#include "common/http/server.h"

namespace committest::http {

/// One connection of the server, whatever it is doing.
class Session {
 public:
  virtual ~Session() = default;
  /// Ends the wait for a request, from any thread.
  virtual void Shed() = 0;
};

/// The connections there are: how many, in all and of each client, and which of them wait for a
/// request. Thread-safe.
class Connections {
 public:
  using Waiting = std::list<std::weak_ptr<Session>>;

  /// Counts one more, unless that is too many; the caller then owes one `Remove`.
  bool Add(const std::string& peer, const ServerOptions& options) EXCLUDES(mutex_);
  void Remove(const std::string& peer) EXCLUDES(mutex_);

  Waiting::iterator BeginWait(std::weak_ptr<Session> session) EXCLUDES(mutex_);
  void EndWait(Waiting::iterator place) EXCLUDES(mutex_);

  /// Whoever has waited longest, if there is one connection too many; null if not. It stays in the
  /// line until it ends its wait, but goes to the end, so that the next call gives another.
  std::shared_ptr<Session> OneToClose(const ServerOptions& options) EXCLUDES(mutex_);

 private:
  Mutex mutex_;
  int all_ GUARDED_BY(mutex_) = 0;
  std::map<std::string, int> by_peer_ GUARDED_BY(mutex_);
  Waiting waiting_ GUARDED_BY(mutex_);
};

/// What all connections of a server share.
struct SharedBySessions {
  ServerOptions options;
  Handler handler;
  Gate gate;
  Connections connections;
  std::atomic<std::uint64_t> body_bytes{0};  ///< Taken of `ServerOptions::total_body_bytes`.
};

/// Serves `socket`, which `Connections::Add` has counted for `peer`, by operations of the socket's
/// executor; what is under way keeps the connection alive, and nothing else does.
void StartSession(boost::asio::ip::tcp::socket&& socket, std::string peer,
                  std::shared_ptr<SharedBySessions> shared);

}  // namespace committest::http
