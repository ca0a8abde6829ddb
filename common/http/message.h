#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace committest::http {

/// Header fields with lower-case names. Repeated fields are joined by ", " (RFC 9110, 5.3).
using Headers = std::map<std::string, std::string>;

/// A request, as a client sends it and as a server's handler gets it.
struct Request {
  std::string method = "GET";
  std::string target = "/";  ///< Path and query, percent-encoded: "/a/b?c=d".
  Headers headers;
  std::string body;
  /// What a server's handler gets: who asks. An IPv4 address, or the first 64 bits of an IPv6 one,
  /// all of which belong to one client ("2001:db8:1:2::/64").
  std::string peer;
};

/// An answer, as a server's handler gives it and as a client gets it.
struct Response {
  int status = 200;
  Headers headers;
  std::string body;
};

/// The path of `target`: everything before '?'. Not decoded.
std::string_view PathOf(std::string_view target);

/// Receives a body in the pieces in which it arrives. An error ends the exchange.
using ByteSink = std::function<Status(std::string_view)>;

/// Receives status and headers before the first piece of the body. An error ends the exchange.
using HeadSink = std::function<Status(int status, const Headers& headers)>;

}  // namespace committest::http
