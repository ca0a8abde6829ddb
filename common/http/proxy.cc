#include "common/http/proxy.h"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <utility>

#include "common/base/strings.h"
#include "common/http/address.h"

namespace committest::http {
namespace {

constexpr std::string_view kScheme = "http://";
// Shorter ones would hide half of each message that they are scrubbed from.
constexpr std::size_t kMinScrubbedBytes = 4;

// "%40" to "@". nullopt for bytes that must be written so (RFC 3986, 3.2.1), for a percent sign
// without two digits behind it, and for control characters.
std::optional<std::string> DecodeUserInfo(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned value = static_cast<unsigned char>(text[i]);
    if (text[i] == '%') {
      const std::string_view digits = text.substr(i + 1, 2);
      const auto [end, error] =
          std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
      const bool is_number = error == std::errc{} && end == digits.data() + digits.size();
      if (!is_number || digits.size() != 2) return std::nullopt;
      i += 2;
    } else if (value > '~' || std::string_view("/?#@ ").find(text[i]) != std::string_view::npos) {
      return std::nullopt;
    }
    if (value < ' ' || value == 0x7F) return std::nullopt;
    decoded.push_back(static_cast<char>(value));
  }
  return decoded;
}

void AddCredentials(Proxy& proxy, const std::string& user_and_password) {
  std::string encoded = EncodeBase64(user_and_password);
  proxy.authorization = SecretText("Basic " + encoded);
  proxy.secrets.emplace_back(std::move(encoded));
  std::string password = user_and_password.substr(user_and_password.find(':') + 1);
  if (password.size() >= kMinScrubbedBytes) proxy.secrets.emplace_back(std::move(password));
}

std::optional<Proxy> ParseProxy(std::string_view url) {
  const bool has_scheme = Lower(url.substr(0, kScheme.size())) == kScheme;
  std::string_view rest = url.substr(has_scheme ? kScheme.size() : 0);
  Proxy proxy;
  std::string user_info;
  if (const auto at = rest.rfind('@'); at != std::string_view::npos) {
    user_info = rest.substr(0, at);
    // With a colon git does not ask for a password, and Basic is defined only so.
    if (user_info.find(':') == std::string::npos) user_info.push_back(':');
    const auto decoded = DecodeUserInfo(user_info);
    if (!decoded) return std::nullopt;
    AddCredentials(proxy, *decoded);
    rest.remove_prefix(at + 1);
    user_info.push_back('@');
  }
  auto endpoint = ParseEndpoint(std::string(kScheme).append(rest));
  if (!endpoint) return std::nullopt;
  proxy.host = std::move(endpoint->host);
  proxy.port = endpoint->port;
  // With the port, because git would take 1080 where none is given.
  proxy.url = SecretText(std::string(kScheme).append(user_info).append(proxy.Name()));
  return proxy;
}

// Scheme and host, and no more: whatever is misplaced behind them may be a password.
std::string Shown(std::string_view url) {
  std::string shown;
  if (const auto scheme = url.find("://"); scheme != std::string_view::npos) {
    shown = url.substr(0, scheme + 3);
    url.remove_prefix(scheme + 3);
  }
  if (const auto at = url.rfind('@'); at != std::string_view::npos) {
    shown.append("***@");
    url.remove_prefix(at + 1);
  }
  const auto end = url.find_first_of(":/?#");
  shown.append(url.substr(0, end)).append(end == std::string_view::npos ? "" : "…");
  return Truncate(OneLine(shown), 200);
}

// An entry of no_proxy, taken apart.
struct Exception {
  std::string_view host;
  std::string_view port;  // Empty: every one.
};

Exception TakeApart(std::string_view entry) {
  if (entry.starts_with('[')) {
    const auto close = entry.find(']');
    if (close == std::string_view::npos) return {entry, {}};
    const std::string_view behind = entry.substr(close + 1);
    return {entry.substr(1, close - 1), behind.starts_with(':') ? behind.substr(1) : behind};
  }
  const auto colon = entry.find(':');
  if (colon == std::string_view::npos || colon != entry.rfind(':')) return {entry, {}};
  return {entry.substr(0, colon), entry.substr(colon + 1)};
}

bool NamesHost(std::string_view excepted, std::string_view host) {
  if (excepted.starts_with('*')) excepted.remove_prefix(1);
  if (excepted.starts_with('.')) excepted.remove_prefix(1);
  if (excepted.ends_with('.')) excepted.remove_suffix(1);
  if (host.ends_with('.')) host.remove_suffix(1);
  if (excepted.empty() || !host.ends_with(excepted)) return false;
  return host.size() == excepted.size() || host[host.size() - excepted.size() - 1] == '.';
}

bool Excepts(std::string_view entry, const Endpoint& endpoint) {
  if (entry == "*") return true;
  const Exception exception = TakeApart(entry);
  if (!exception.port.empty() && exception.port != std::to_string(endpoint.port)) return false;
  const auto literal = ParseIpAddress(endpoint.host);
  if (!literal) return NamesHost(exception.host, Lower(endpoint.host));
  const auto range = ParseAddressRange(exception.host);
  return range && range->Contains(*literal);
}

std::vector<std::string> EntriesOf(std::string_view list) {
  std::string text = Lower(list);
  std::ranges::replace_if(text, [](char c) { return c == ' ' || c == '\t' || c == '\n'; }, ',');
  std::vector<std::string> entries = Split(text, ',');
  std::erase(entries, "");
  return entries;
}

}  // namespace

std::string Proxy::Name() const {
  const bool is_v6 = host.find(':') != std::string::npos;
  return (is_v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

const Proxy* ProxySettings::For(const Endpoint& endpoint) const {
  const std::optional<Proxy>& proxy = endpoint.is_tls ? https : http;
  if (!proxy) return nullptr;
  const bool is_excepted = std::ranges::any_of(
      exceptions, [&](const std::string& entry) { return Excepts(entry, endpoint); });
  return is_excepted ? nullptr : &*proxy;
}

Result<ProxySettings> ReadProxySettings(
    const std::function<std::string(const std::string& name)>& variable) {
  ProxySettings settings;
  const auto set = [&](const char* lower, const char* upper,
                       std::optional<Proxy>& proxy) -> Status {
    const std::string from_lower = variable(lower);
    const std::string value = from_lower.empty() ? variable(upper) : from_lower;
    if (value.empty()) return {};
    proxy = ParseProxy(Trim(value));
    if (proxy) return {};
    return Fail(ErrorCode::kInvalidArgument,
                std::string(from_lower.empty() ? upper : lower) + " is '" + Shown(Trim(value)) +
                    "', expected http://[user:password@]host[:port], with special characters of "
                    "user and password percent-encoded");
  };
  if (auto status = set("http_proxy", "HTTP_PROXY", settings.http); !status) {
    return Fail(std::move(status.error()));
  }
  if (auto status = set("https_proxy", "HTTPS_PROXY", settings.https); !status) {
    return Fail(std::move(status.error()));
  }
  const std::string exceptions = variable("no_proxy");
  settings.exceptions = EntriesOf(exceptions.empty() ? variable("NO_PROXY") : exceptions);
  return settings;
}

}  // namespace committest::http
