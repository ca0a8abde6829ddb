#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/base/secret_text.h"
#include "common/http/endpoint.h"

namespace committest::http {

/// An HTTP proxy, which is spoken to without TLS.
struct Proxy {
  std::string host;  ///< A name or an IP address without brackets.
  std::uint16_t port = 0;
  SecretText authorization;         ///< Value of Proxy-Authorization; empty: none.
  SecretText url;                   ///< All of it, for programs that read a variable themselves.
  std::vector<SecretText> secrets;  ///< What must not be seen, in each form in which it is sent.

  /// "host:port", IPv6 in brackets: what may be shown.
  std::string Name() const;
};

/// Which servers are asked through a proxy.
///
/// An entry of `no_proxy` that is ...  | ... excepts from all proxies
/// ------------------------------------|----------------------------------------------------------
/// `*`                                 | every server
/// example.org, .example.org, *.example.org | that name and all below it (as curl; Go tells them apart)
/// 192.0.2.1, 2001:db8::1, [2001:db8::1] | URLs with this very address
/// 10.0.0.0/8, fd00::/8                | URLs with an address of the block; no name is resolved for it
/// any of these but `*` and IPv6 without brackets, with :PORT behind it | only with that port
/// anything else                       | nothing
///
/// Neither case nor a dot at the end of a name matters. Nothing is excepted by itself: not localhost
/// either, which curl does not do, and Go does.
struct ProxySettings {
  std::optional<Proxy> http;            ///< For http:// servers.
  std::optional<Proxy> https;           ///< For https:// servers.
  std::vector<std::string> exceptions;  ///< The entries of no_proxy, in lower case.

  /// Null: the server is asked directly. Lives as long as this. Pure and total.
  const Proxy* For(const Endpoint& endpoint) const;
};

/// Reads https_proxy, http_proxy and no_proxy, each in lower case first, as curl and git do, else in
/// upper case. That goes for HTTP_PROXY, too, which curl leaves alone: in a CGI program a request
/// could set it, and we are none. all_proxy is not read, as in Go. Entries of no_proxy are separated
/// by commas or white space.
///
/// `variable` gives the value of an environment variable, empty when it is not set.
/// kInvalidArgument names the variable, shows its scheme and host at most, and says what was expected.
Result<ProxySettings> ReadProxySettings(
    const std::function<std::string(const std::string& name)>& variable);

}  // namespace committest::http
