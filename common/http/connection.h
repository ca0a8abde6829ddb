#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/http/address.h"
#include "common/http/patience.h"
#include "common/http/tls_context.h"

struct ssl_st;

namespace committest::http {

/// A TCP connection, with TLS once `StartTls` has succeeded. All waits are bounded by the
/// `Patience` of the call, so one connection may serve many. Used by one thread at a time.
///
/// Errors: kUnavailable refused or cut; kDeadlineExceeded and kCancelled by the patience.
class Connection {
 public:
  /// Connects to the first of `addresses` that answers. REQUIRES: not empty.
  static Result<std::unique_ptr<Connection>> Open(const std::vector<IpAddress>& addresses,
                                                  std::uint16_t port, Patience& patience);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Shakes hands with `host`, a name or an IP address, which the peer's certificate must be for.
  /// `session`: continued if there is one, and told the new one; must outlive the connection.
  Status StartTls(const TlsContexts::Ptr& context, const std::string& host,
                  std::shared_ptr<TlsSession> session, Patience& patience);

  Status Write(std::string_view bytes, Patience& patience);
  /// What there is, at least one byte; 0 when the peer has ended in good order.
  Result<std::size_t> Read(char* buffer, std::size_t size, Patience& patience);

  /// Whether the peer has neither closed the connection nor sent what nobody asked for.
  bool IsQuiet() const;

 private:
  explicit Connection(int descriptor) : descriptor_(descriptor) {}

  static Result<std::unique_ptr<Connection>> OpenOne(const IpAddress& address, std::uint16_t port,
                                                     Patience& patience);
  /// After a TLS call that returned `result`: waits for what it needs, or says what failed.
  Status AwaitTls(int result, Patience& patience);

  int descriptor_;  ///< Its address is what OpenSSL's side knows.
  std::shared_ptr<TlsSession> session_;
  TlsContexts::Ptr context_;
  std::unique_ptr<ssl_st, void (*)(ssl_st*)> ssl_{nullptr, nullptr};
};

}  // namespace committest::http
