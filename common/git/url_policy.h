#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace committest::git {

/// What the operator of the installation allows.
struct UrlPolicy {
  /// Plain http: only for Git servers inside the cluster; nothing protects it on the way.
  bool allow_http = false;
};

/// A URL that passed `CheckUrl`, taken apart.
struct GitUrl {
  std::string scheme;  ///< "https", "http" or "ssh".
  std::string host;    ///< Lower case; an IPv6 address without its brackets.
  std::uint16_t port = 0;
  std::string path;  ///< Begins with '/', never ends with one.
  std::string user;  ///< Of ssh only.

  /// "https://host:port" or "ssh://user@host:port", the port only when it is not the scheme's own.
  std::string Origin() const;
  /// Origin and path.
  std::string ToString() const;

  bool operator==(const GitUrl&) const = default;
};

/// Judges the URL of a repository before anything is done with it (security rule S6): https, or
/// http if allowed, with no user name or password; ssh with a user name and no password, which needs
/// credentials of its own (`CheckFit`); a host name or IP address as RFC 3986 and RFC 1123
/// write it; printable ASCII without quotes, backslashes, spaces, queries or fragments; no "..";
/// at most 2048 bytes. Everything else, above all file:, ext::, git:, scp-like addresses, local
/// paths and anything that begins with '-', is kInvalidArgument; the message begins with "url", says
/// what was expected and holds no password. Which addresses a name may resolve to is decided when it is resolved.
Result<GitUrl> CheckUrl(std::string_view url, const UrlPolicy& policy);

}  // namespace committest::git
