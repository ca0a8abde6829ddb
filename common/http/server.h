#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "common/base/result.h"
#include "common/http/message.h"

namespace committest::http {

/// Answers one request. Called on the server's threads, by as many at once as it has; what it
/// throws becomes a 500.
using Handler = std::function<Response(const Request&)>;

/// Looks at a request when its header has been read and its body has not: an answer refuses it, and
/// closes the connection. Called like a `Handler`; `body` is empty.
using Gate = std::function<std::optional<Response>(const Request& head)>;

/// Bounds, the first three of them for one connection.
struct ServerOptions {
  std::string address = "0.0.0.0";                      ///< IPv4 or IPv6 address to listen on.
  std::uint16_t port = 0;                               ///< 0: a free one, see `Port`.
  std::uint32_t header_bytes = 16 * 1024;               ///< More is answered with 431.
  std::uint64_t body_bytes = std::uint64_t{64} * 1024;  ///< More is answered with 413.
  /// For reading a whole request, from its first byte or from the end of the last one on, and again
  /// for writing its answer. Then the connection is closed; a request that has begun gets a 408.
  std::chrono::milliseconds deadline{10'000};
  /// For one more, the connection is closed that has waited longest for a whole request. When none
  /// waits, the new one is closed at once.
  int max_connections = 256;
  int max_connections_per_peer = 256;  ///< More of one client (`Request::peer`) are closed at once.
  /// Of the bodies that are being read or handled, of all connections; more is answered with 503.
  std::uint64_t total_body_bytes = std::uint64_t{64} * 1024 * 1024;
  int threads = 1;
};

/// A small HTTP/1.1 server for health, metrics, webhooks and pages. It takes GET, HEAD and POST
/// (405), keeps connections open, and answers what is not HTTP with 400.
///
/// Owned and stopped by one thread.
class Server {
 public:
  /// Listens and serves until `Stop` or destruction. kUnavailable: the address cannot be bound.
  static Result<std::unique_ptr<Server>> Start(ServerOptions options, Handler handler,
                                               Gate gate = {});

  /// Closes all connections and joins the threads; running handlers end first. May be repeated.
  virtual void Stop() = 0;
  /// The port that is listened on.
  virtual std::uint16_t Port() const = 0;

  virtual ~Server() = default;
};

}  // namespace committest::http
