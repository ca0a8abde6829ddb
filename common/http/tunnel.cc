#include "common/http/tunnel.h"

#include <array>
#include <string>
#include <utility>

#include "common/http/network.h"
#include "common/http/response_reader.h"

namespace committest::http {
namespace {

constexpr std::size_t kPieceBytes = 1024;

Status JudgeAnswer(int status, const std::string& target) {
  if (status >= 200 && status < 300) return {};
  if (status == kProxyAuthenticationRequired) {
    return Fail(ErrorCode::kUnavailable, kProxyWantsCredentials);
  }
  return Fail(ErrorCode::kUnavailable,
              "it does not connect to " + target + " (HTTP " + std::to_string(status) + ")");
}

Status OpenTunnel(Connection& connection, const Proxy& proxy, const Endpoint& endpoint,
                  Patience& patience) {
  // As a proxy is named, too: always with the port.
  const std::string target = Proxy{endpoint.host, endpoint.port, {}, {}, {}}.Name();
  std::string block = "CONNECT " + target + " HTTP/1.1\r\nHost: " + target + "\r\n";
  if (!proxy.authorization.IsEmpty()) {
    block += "Proxy-Authorization: " + proxy.authorization.Reveal() + "\r\n";
  }
  if (auto written = connection.Write(block + "\r\n", patience); !written) return written;
  const HeadSink on_head = [&](int status, const Headers&) { return JudgeAnswer(status, target); };
  const ByteSink no_body = [](std::string_view) { return Status(); };
  ResponseReader reader(on_head, no_body, 1, /*has_no_body=*/true);
  std::array<char, kPieceBytes> piece{};
  while (!reader.IsDone()) {
    const auto size = connection.Read(piece.data(), piece.size(), patience);
    if (!size) return Fail(size.error());
    auto taken = *size == 0 ? reader.TakeEnd() : reader.Take({piece.data(), *size});
    if (!taken) return taken;
  }
  if (reader.IsInterim()) return JudgeAnswer(reader.HttpStatus(), target);
  // The server speaks only after us, so whatever else came is the proxy's.
  if (!reader.TakeRest().empty()) {
    return Fail(ErrorCode::kDataLoss, "it sends more than it was asked for");
  }
  return {};
}

}  // namespace

Error ProxyFailure(const Proxy& proxy, Error error) {
  error = Context("the proxy " + proxy.Name(), std::move(error));
  if (error.code != ErrorCode::kCancelled) error.reason = kProxyFailed;
  return error;
}

Result<std::unique_ptr<Connection>> ConnectThrough(const Proxy& proxy, const Endpoint& endpoint,
                                                   const AddressBook& addresses,
                                                   Patience& patience) {
  if (auto judged = addresses.CheckUnresolved(endpoint.host); !judged) {
    return Fail(std::move(judged.error()));
  }
  const auto found = addresses.FindTrusted(proxy.host, patience.Deadline(), patience.Stop());
  if (!found) return Fail(ProxyFailure(proxy, found.error()));
  auto connection = Connection::Open(*found, proxy.port, patience);
  if (!connection) return Fail(ProxyFailure(proxy, std::move(connection.error())));
  if (!endpoint.is_tls) return connection;
  if (auto opened = OpenTunnel(**connection, proxy, endpoint, patience); !opened) {
    return Fail(ProxyFailure(proxy, std::move(opened.error())));
  }
  return connection;
}

}  // namespace committest::http
