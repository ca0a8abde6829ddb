#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace committest::http {

/// Where a client sends its requests to.
struct Endpoint {
  bool is_tls = false;
  std::string host;  ///< As given; an IPv6 address without its brackets.
  std::uint16_t port = 0;

  /// For the Host header: the port only when it is not the scheme's own, IPv6 in brackets.
  std::string Authority() const;
  bool operator==(const Endpoint&) const = default;
};

/// Reads "http[s]://host[:port]", with nothing behind it and no user name. kInvalidArgument
/// otherwise; the message holds no password.
Result<Endpoint> ParseEndpoint(std::string_view text);

}  // namespace committest::http
