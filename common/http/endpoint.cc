#include "common/http/endpoint.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "common/base/strings.h"
#include "common/http/address.h"

namespace committest::http {
namespace {

constexpr std::uint16_t kHttpPort = 80;
constexpr std::uint16_t kHttpsPort = 443;
constexpr std::size_t kMaxHostBytes = 253;

bool IsHostCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '-' || c == '_';
}

std::optional<std::uint16_t> PortOf(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc{} || end != text.data() + text.size() || port == 0) return std::nullopt;
  return port;
}

std::optional<Endpoint> Parse(std::string_view text) {
  Endpoint endpoint;
  endpoint.is_tls = text.starts_with("https://");
  if (!endpoint.is_tls && !text.starts_with("http://")) return std::nullopt;
  text.remove_prefix(endpoint.is_tls ? 8 : 7);
  if (text.ends_with('/')) text.remove_suffix(1);
  const bool is_v6 = text.starts_with('[');
  const auto host_end = is_v6 ? text.find(']') : text.find(':');
  if (is_v6 && host_end == text.npos) return std::nullopt;
  endpoint.host = text.substr(is_v6 ? 1 : 0, is_v6 ? host_end - 1 : host_end);
  const std::string_view rest =
      host_end == text.npos ? std::string_view() : text.substr(host_end + (is_v6 ? 1 : 0));
  endpoint.port = endpoint.is_tls ? kHttpsPort : kHttpPort;
  if (!rest.empty()) {
    const auto port = rest.starts_with(':') ? PortOf(rest.substr(1)) : std::nullopt;
    if (!port) return std::nullopt;
    endpoint.port = *port;
  }
  const auto literal = ParseIpAddress(endpoint.host);
  const bool is_name = !is_v6 && !endpoint.host.empty() && endpoint.host.size() <= kMaxHostBytes &&
                       std::ranges::all_of(endpoint.host, IsHostCharacter);
  if (is_v6 ? !literal || literal->is_v4 : !is_name) return std::nullopt;
  return endpoint;
}

}  // namespace

std::string Endpoint::Authority() const {
  const bool is_v6 = host.find(':') != std::string::npos;
  std::string authority = is_v6 ? "[" + host + "]" : host;
  if (port != (is_tls ? kHttpsPort : kHttpPort)) authority.append(":" + std::to_string(port));
  return authority;
}

Result<Endpoint> ParseEndpoint(std::string_view text) {
  if (auto endpoint = Parse(text)) return *std::move(endpoint);
  return Fail(ErrorCode::kInvalidArgument,
              "'" + Redact(text) + "' is not of the form http[s]://host[:port]");
}

}  // namespace committest::http
