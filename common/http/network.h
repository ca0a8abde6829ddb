#pragma once

#include <cstddef>
#include <memory>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/http/address.h"
#include "common/http/client.h"
#include "common/http/connection_pool.h"
#include "common/http/proxy.h"
#include "common/http/resolver.h"
#include "common/http/tls_context.h"

namespace committest::http {

struct NetworkOptions {
  AddressPolicy addresses;
  /// Connections at rest, of all clients together.
  std::size_t max_idle_connections = 256;
  /// Git servers close theirs after 5 to 75 s.
  std::chrono::seconds max_idle_time{60};
  ProxySettings proxies;
  /// Null: the machine's own.
  std::shared_ptr<Resolver> resolver;
};

/// What the clients of strangers' servers share: how names become addresses and which of them are
/// allowed, through which proxies they are asked, connections at rest, TLS contexts. Thread-safe.
struct Network {
  /// `clock` must outlive it.
  Network(const NetworkOptions& options, const Clock& clock)
      : proxies(options.proxies),
        addresses(options.addresses,
                  options.resolver ? options.resolver : std::shared_ptr(MakeSystemResolver())),
        idle(options.max_idle_connections, options.max_idle_time, clock) {}

  const ProxySettings proxies;
  const AddressBook addresses;
  ConnectionPool idle;
  TlsContexts tls;
};

/// The `reason` of errors which are a proxy's: it cannot be reached, it wants other credentials, or it
/// does not connect to the server. The message names its host and port.
inline constexpr const char* kProxyFailed = "ProxyFailed";

/// A client for servers that are not trusted, over sockets, OpenSSL and Boost.Beast's parser.
///
/// As `Client`, and beyond it: header blocks, chunk headers and trailers are limited to 16 KiB;
/// connections go to addresses only that the network's policy allows, judged after the name was
/// resolved (kPermissionDenied, reason `kAddressRefused`); no thread is used but the caller's, and
/// for lookups; IPv6 addresses in brackets are endpoints too. A connection that was at rest and
/// turns out closed before the first byte of an answer is replaced once, whatever the method.
///
/// Through the proxy that the network's settings name for the endpoint, https is spoken in a tunnel
/// (CONNECT), so that the proxy sees host and port alone, and http requests are handed to it whole. The
/// proxy resolves the name, so the policy judges nothing but addresses that stand in the URL.
///
/// kInvalidArgument when the endpoint is not of the form http[s]://host[:port]. `clock` must outlive
/// the client.
Result<std::unique_ptr<Client>> MakeGuardedClient(ClientOptions options,
                                                  std::shared_ptr<Network> network,
                                                  const Clock& clock);

}  // namespace committest::http
