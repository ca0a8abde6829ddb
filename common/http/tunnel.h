#pragma once

#include <memory>

#include "common/base/result.h"
#include "common/http/connection.h"
#include "common/http/endpoint.h"
#include "common/http/patience.h"
#include "common/http/proxy.h"
#include "common/http/resolver.h"

namespace committest::http {

/// The status by which a proxy, and no server, says that it wants a user name and a password.
inline constexpr int kProxyAuthenticationRequired = 407;
inline constexpr const char* kProxyWantsCredentials = "it wants credentials, or others (HTTP 407)";

/// What a proxy could not do, in words that name it and not its credentials.
/// The reason is `kProxyFailed`, but of kCancelled.
Error ProxyFailure(const Proxy& proxy, Error error);

/// Connects to `proxy` and, for https, has it connect to `endpoint`: then the bytes of the connection
/// are that server's, and nothing but the name of `endpoint` and the proxy's own credentials was sent
/// in clear. The proxy's address is not judged: whoever started this process gave it; that of
/// `endpoint` is as far as that can be without resolving (`AddressBook::CheckUnresolved`).
///
/// Errors: as of `ProxyFailure`, whatever the proxy refuses among them (kUnavailable); and as of
/// `CheckUnresolved`.
Result<std::unique_ptr<Connection>> ConnectThrough(const Proxy& proxy, const Endpoint& endpoint,
                                                   const AddressBook& addresses,
                                                   Patience& patience);

}  // namespace committest::http
