#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/http/message.h"

namespace committest::http {

/// What one request may cost.
struct Limits {
  /// From the call to the last byte, waiting for a free slot included. Zero: no such limit.
  std::chrono::milliseconds total{15'000};
  /// Silence of the peer: until its status line, then between pieces of the body. Time in which the
  /// sink works does not count.
  std::chrono::milliseconds idle{15'000};
  /// Of the response. Zero: no limit, for streams that are handled piece by piece.
  std::size_t body_bytes = std::size_t{4} * 1024 * 1024;
  /// Asked immediately before a request with a body is handed to the socket, also when the library
  /// sends it again on a fresh connection; an error keeps the body from being sent and is what the
  /// call returns. For fencing: must be quick, and may be called on a thread of the client.
  std::function<Status()> permit;
};

/// The `reason` of errors after which the request has certainly not been acted upon: refused
/// connections, failed handshakes, bodies that were never sent. Any other error of a request that
/// changes something leaves its outcome unknown.
inline constexpr const char* kNotSent = "NotSent";

/// Speaks HTTP/1.1 with one endpoint.
///
/// Two implementations keep this contract: the one over cpprestsdk below, for the Kubernetes API, and
/// `MakeGuardedClient` (network.h), for servers that are not trusted.
///
/// Guarantees: no redirect is followed (3xx are answers like any other), server certificates and host
/// names are always verified; no answer takes more memory than its limit; nothing is thrown. Of the
/// one over cpprestsdk: header blocks and single chunks are buffered whole, bounded by the time
/// limits only, and no proxy is used.
///
/// Errors: kUnavailable refused, cut or failed handshake; kDeadlineExceeded `total` or `idle`;
/// kCancelled `stop`; kResourceExhausted the body is larger than its limit; kDataLoss the answer is
/// not HTTP; kInvalidArgument the request cannot be sent; kInternal a sink threw; whatever a sink or
/// the permit returned.
///
/// Caveat: a request on a pooled connection that the server closes at that moment is sent again by
/// the library, whatever its method. Requests that change something must be safe to repeat.
///
/// Thread-safe. Both calls block the caller's thread, on which alone the sinks run, with
/// back-pressure: nothing more is read before a sink has returned. The client must outlive calls.
class Client {
 public:
  virtual ~Client() = default;

  /// Sends and collects the whole answer.
  virtual Result<Response> Send(const Request& request, const Limits& limits,
                                std::stop_token stop) = 0;

  /// Sends, tells `on_response` the status and headers, then feeds the body to `sink`. Success is a
  /// complete answer, whatever its status.
  virtual Status Stream(const Request& request, const Limits& limits, const ByteSink& sink,
                        const HeadSink& on_response, std::stop_token stop) = 0;
};

/// A client certificate chain and its key, in PEM.
struct ClientCertificate {
  std::string certificate_pem;
  std::string key_pem;
};

/// How an https endpoint is trusted. Callbacks run at each new connection, on any thread; what they
/// return is used for that connection only, so replaced files need no restart.
struct TlsOptions {
  /// PEM with the only trusted authorities. Empty function: the system's roots.
  std::function<Result<std::string>()> ca;
  /// Empty function: no client certificate.
  std::function<Result<ClientCertificate>()> client_certificate;
};

struct ClientOptions {
  /// "https://host:port" or "http://host:port", nothing behind it.
  std::string endpoint;
  TlsOptions tls;
  std::string user_agent = "committest/" COMMITTEST_VERSION;
  /// How many `Send` run at once; the others wait. `Stream` is not counted.
  int max_in_flight = 8;
};

/// A client over cpprestsdk. kInvalidArgument when the endpoint is not as described. `clock` must
/// outlive it. Destroy every client before `main` returns; the destructor cancels what still runs.
Result<std::unique_ptr<Client>> MakeClient(ClientOptions options, const Clock& clock);

/// Sets the number of threads that all clients of the process share (2 to 4 is plenty). Call it
/// once, first in `main`, before any client is made: kInternal later. Without it the library starts
/// 40.
Status InitThreads(int threads);

}  // namespace committest::http
