#include "common/git/url_policy.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "common/base/strings.h"

namespace committest::git {
namespace {

constexpr std::size_t kMaxUrlBytes = 2048;
constexpr std::size_t kMaxHostBytes = 253;  // RFC 1035
constexpr std::size_t kMaxLabelBytes = 63;  // RFC 1035
constexpr std::uint16_t kHttpPort = 80;
constexpr std::uint16_t kHttpsPort = 443;
constexpr std::uint16_t kSshPort = 22;
constexpr std::size_t kMaxUserBytes = 64;

bool IsAlphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// Without the characters that a configuration file, a shell or a URL parser could take for more
// than themselves.
bool IsPathCharacter(char c) {
  return IsAlphanumeric(c) ||
         std::string_view("/._~-+@:,!$&()=*%").find(c) != std::string_view::npos;
}

bool IsHostLabel(std::string_view label) {
  return !label.empty() && label.size() <= kMaxLabelBytes && IsAlphanumeric(label.front()) &&
         IsAlphanumeric(label.back()) && std::ranges::all_of(label, [](char c) {
           return IsAlphanumeric(c) || c == '-' || c == '_';
         });
}

bool IsHostName(std::string_view host) {
  if (host.empty() || host.size() > kMaxHostBytes) return false;
  if (host.ends_with('.')) host.remove_suffix(1);
  const auto labels = Split(host, '.');
  return std::ranges::all_of(labels, IsHostLabel);
}

bool IsIpv6Literal(std::string_view host) {
  return host.size() >= 2 && host.size() <= 45 && std::ranges::all_of(host, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') ||
                  c == ':' || c == '.';
         });
}

tl::unexpected<Error> Refuse(std::string why) {
  return Fail(ErrorCode::kInvalidArgument, "url " + std::move(why));
}

std::string Shown(std::string_view url) { return "'" + Redact(Truncate(OneLine(url), 200)) + "'"; }

// "https" of "https://…"; kInvalidArgument for what is not supported, by name where it has one.
Result<std::string> CheckScheme(std::string_view url, const UrlPolicy& policy) {
  const auto end = url.find("://");
  if (end == std::string_view::npos) {
    return Refuse("is " + Shown(url) + ", expected https://host/path or ssh://user@host/path");
  }
  std::string scheme = Lower(url.substr(0, end));
  if (scheme == "https" || scheme == "ssh") return scheme;
  if (scheme == "http") {
    if (policy.allow_http) return scheme;
    return Refuse("uses http, which this installation does not allow, expected https://…");
  }
  if (scheme == "git+ssh" || scheme == "ssh+git") {
    return Refuse("uses " + scheme + ", expected ssh://user@host/path");
  }
  return Refuse("is " + Shown(url) + ", expected https://…");
}

std::uint16_t PortOf(std::string_view scheme) {
  if (scheme == "ssh") return kSshPort;
  return scheme == "https" ? kHttpsPort : kHttpPort;
}

// Takes "user@" from the front of an ssh URL's authority; of the others there must be none.
Status TakeUser(std::string_view& authority, GitUrl& url) {
  const auto at = authority.find('@');
  if (url.scheme != "ssh") {
    if (at == std::string_view::npos) return {};
    return Refuse("holds a user name or password, expected https://host/path");
  }
  const std::string_view user = authority.substr(0, at == std::string_view::npos ? 0 : at);
  const auto is_allowed = [](char c) {
    return IsAlphanumeric(c) || c == '_' || c == '.' || c == '-';
  };
  // Never a '-' in front, which ssh would take for an option.
  if (user.empty() || user.size() > kMaxUserBytes || user.front() == '-' ||
      !std::ranges::all_of(user, is_allowed)) {
    return Refuse(
        "names no user of letters, digits, '_', '.' and '-' for ssh, expected "
        "ssh://user@host/path without a password");
  }
  url.user = user;
  authority.remove_prefix(at + 1);
  return {};
}

std::optional<std::uint16_t> ParsePort(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc{} || end != text.data() + text.size() || port == 0) return std::nullopt;
  return port;
}

// "host", "host:port" or "[v6]:port" into `url`.
Status ParseAuthority(std::string_view authority, GitUrl& url) {
  url.port = PortOf(url.scheme);
  std::string_view host = authority;
  std::string_view port;
  bool has_port = false;
  if (authority.starts_with('[')) {
    const auto close = authority.find(']');
    host = authority.substr(1, close == std::string_view::npos ? close : close - 1);
    if (close == std::string_view::npos || !IsIpv6Literal(host)) {
      return Refuse("has a host that is no IPv6 address");
    }
    port = authority.substr(close + 1);
    has_port = !port.empty();
    if (has_port && !port.starts_with(':')) return Refuse("has something between host and port");
    if (has_port) port.remove_prefix(1);
  } else if (const auto colon = authority.find(':'); colon != std::string_view::npos) {
    host = authority.substr(0, colon);
    port = authority.substr(colon + 1);
    has_port = true;
  }
  if (!authority.starts_with('[') && !IsHostName(host)) {
    return Refuse("has a host that is neither a name nor an address");
  }
  if (has_port) {
    const auto number = ParsePort(port);
    if (!number) return Refuse("has a port that is not 1 to 65535");
    url.port = *number;
  }
  url.host = Lower(host);
  return {};
}

Status CheckPath(std::string_view path) {
  if (path.find_first_not_of('/') == std::string_view::npos) {
    return Refuse("names no repository, expected https://host/path");
  }
  if (!std::ranges::all_of(path, IsPathCharacter)) {
    return Refuse("has a path with characters other than letters, digits and /._~-+@:,!$&()=*%");
  }
  const auto components = Split(path, '/');
  if (std::ranges::any_of(components, [](const std::string& c) { return c == ".." || c == "."; })) {
    return Refuse("has '.' or '..' in its path");
  }
  return {};
}

}  // namespace

std::string GitUrl::Origin() const {
  const bool is_default = port == PortOf(scheme);
  const std::string shown_host = host.find(':') == std::string::npos ? host : "[" + host + "]";
  return scheme + "://" + (user.empty() ? "" : user + "@") + shown_host +
         (is_default ? "" : ":" + std::to_string(port));
}

std::string GitUrl::ToString() const { return Origin() + path; }

Result<GitUrl> CheckUrl(std::string_view url, const UrlPolicy& policy) {
  if (url.size() > kMaxUrlBytes) return Refuse("is longer than 2048 bytes");
  if (!std::ranges::all_of(url, [](char c) { return c > ' ' && c < '\x7f'; })) {
    return Refuse("has characters that are not printable ASCII");
  }
  if (url.starts_with('-')) return Refuse("begins with '-', expected https://…");
  auto scheme = CheckScheme(url, policy);
  if (!scheme) return Fail(std::move(scheme.error()));
  GitUrl result;
  result.scheme = std::move(*scheme);
  url.remove_prefix(result.scheme.size() + 3);
  const auto slash = url.find('/');
  std::string_view authority = url.substr(0, slash);
  std::string_view path = slash == std::string_view::npos ? "" : url.substr(slash);
  if (auto status = TakeUser(authority, result); !status) return Fail(status.error());
  if (auto status = ParseAuthority(authority, result); !status) return Fail(status.error());
  if (auto status = CheckPath(path); !status) return Fail(status.error());
  if (result.scheme == "ssh" && path.find('%') != std::string_view::npos) {
    // git decodes it, and servers do not agree on what it means.
    return Refuse("has '%' in the path of an ssh address");
  }
  while (path.ends_with('/')) path.remove_suffix(1);
  result.path = path;
  return result;
}

}  // namespace committest::git
