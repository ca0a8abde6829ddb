#include <algorithm>
#include <array>
#include <exception>
#include <utility>

#include "common/base/strings.h"
#include "common/http/connection.h"
#include "common/http/endpoint.h"
#include "common/http/network.h"
#include "common/http/patience.h"
#include "common/http/response_reader.h"
#include "common/http/slotted_client.h"
#include "common/http/tunnel.h"

namespace committest::http {
namespace {

// A large answer comes in pieces of this size, an answer about an unchanged repository in one.
constexpr std::size_t kPieceBytes = 16 * 1024;
// Of 1xx answers before the answer itself; no server needs more than one.
constexpr int kMaxInterim = 4;

bool IsToken(std::string_view text) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::ranges::all_of(text, [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kMarks.find(c) != kMarks.npos;
  });
}

bool HasControl(std::string_view text) {
  return std::ranges::any_of(
      text, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7F'; });
}

bool IsTarget(std::string_view target) {
  return target.starts_with('/') &&
         std::ranges::all_of(target, [](char c) { return c > ' ' && c < '\x7F'; });
}

// Where requests go.
struct Route {
  Endpoint endpoint;
  std::string authority;
  const Proxy* proxy = nullptr;

  // Whether the proxy gets the requests themselves.
  bool IsForwarded() const { return proxy != nullptr && !endpoint.is_tls; }
};

// The header block of `request`, as it goes over the wire.
Result<std::string> HeaderBlock(const Request& request, const Route& route,
                                const std::string& user_agent) {
  if (!IsTarget(request.target) || !IsToken(request.method)) {
    return Fail(ErrorCode::kInvalidArgument, "the request's target is not a valid URI");
  }
  std::string block = request.method;
  block.append(" ").append(route.IsForwarded() ? "http://" + route.authority : "");
  block.append(request.target).append(" HTTP/1.1\r\nHost: ").append(route.authority);
  block.append("\r\nUser-Agent: ").append(user_agent).append("\r\n");
  if (route.IsForwarded() && !route.proxy->authorization.IsEmpty()) {
    block.append("Proxy-Authorization: ").append(route.proxy->authorization.Reveal());
    block.append("\r\n");
  }
  for (const auto& [name, value] : request.headers) {
    if (!IsToken(name) || HasControl(value)) {
      return Fail(ErrorCode::kInvalidArgument, "header " + OneLine(name) + " has a line break");
    }
    const std::string lower = Lower(name);
    // Host is the endpoint's, and the length is that of the body.
    if (lower == "host" || lower == "content-length" || lower == "transfer-encoding") {
      return Fail(ErrorCode::kInvalidArgument, "a " + name + " header cannot be given");
    }
    block.append(name).append(": ").append(value).append("\r\n");
  }
  if (!request.body.empty() || request.method == "POST") {
    block.append("Content-Length: ").append(std::to_string(request.body.size())).append("\r\n");
  }
  return block.append("\r\n");
}

// One call, which may take two connections.
struct Call {
  const Request& request;
  const std::string bytes;  // All of the request.
  const Limits& limits;
  const HeadSink& on_head;
  const ByteSink& sink;
  Patience& patience;
  bool is_sent = false;      // Some of it may have reached the server.
  bool is_answered = false;  // Some of an answer has come.
};

Status ReadAnswer(Call& call, Connection& connection, bool& can_go_on) {
  std::array<char, kPieceBytes> piece{};
  std::string rest;
  for (int interim = 0; interim <= kMaxInterim; ++interim) {
    ResponseReader reader(call.on_head, call.sink, call.limits.body_bytes,
                          call.request.method == "HEAD");
    if (!rest.empty()) {
      if (auto taken = reader.Take(rest); !taken) return taken;
    }
    while (!reader.IsDone()) {
      const auto size = connection.Read(piece.data(), piece.size(), call.patience);
      if (!size) return Fail(size.error());
      if (*size > 0) call.is_answered = true;
      auto taken = *size == 0 ? reader.TakeEnd() : reader.Take({piece.data(), *size});
      if (!taken) return taken;
    }
    can_go_on = reader.CanGoOn();
    if (!reader.IsInterim()) return {};
    if (reader.HttpStatus() == 101) break;
    rest = reader.TakeRest();
  }
  return Fail(ErrorCode::kDataLoss, "the server does not come to its answer");
}

class GuardedClient final : public SlottedClient {
 public:
  GuardedClient(ClientOptions options, const Endpoint& endpoint, std::shared_ptr<Network> network,
                const Clock& clock)
      : SlottedClient(std::move(options), clock),
        network_(std::move(network)),
        route_{endpoint, endpoint.Authority(), network_->proxies.For(endpoint)} {}
  ~GuardedClient() override { network_->idle.Drop(this); }
  GuardedClient(const GuardedClient&) = delete;
  GuardedClient& operator=(const GuardedClient&) = delete;

 private:
  Status Perform(const Request& request, const Limits& limits, MonotonicTime deadline,
                 const HeadSink& on_head, const ByteSink& sink,
                 const std::stop_token& stop) override {
    Status status;
    bool is_sent = false;
    try {
      auto block = HeaderBlock(request, route_, options_.user_agent);
      if (block) {
        Patience patience(clock_, deadline, limits.idle, stop);
        const HeadSink judged = [&](int code, const Headers& headers) {
          return JudgeHead(code, headers, on_head);
        };
        Call call{request, std::move(*block) + request.body, limits, judged, sink, patience};
        status = SendOnce(call, network_->idle.Take(this));
        is_sent = call.is_sent;
      } else {
        status = Fail(std::move(block.error()));
      }
    } catch (const std::exception& e) {
      return Fail(ErrorCode::kInternal, options_.endpoint + ": exception in a sink: " + e.what());
    } catch (...) {
      return Fail(ErrorCode::kInternal, options_.endpoint + ": unknown exception in a sink");
    }
    if (status) return status;
    Error error = Context(options_.endpoint, std::move(status.error()));
    if (!is_sent && error.reason.empty()) error.reason = kNotSent;
    return Fail(std::move(error));
  }

  Status JudgeHead(int code, const Headers& headers, const HeadSink& on_head) const {
    if (!route_.IsForwarded() || code != kProxyAuthenticationRequired) {
      return on_head(code, headers);
    }
    return Fail(ProxyFailure(*route_.proxy,
                             {ErrorCode::kUnavailable, kProxyWantsCredentials, {}, std::nullopt}));
  }

  // On `rested` if it still lives, else, or when it dies before it answers, on a new connection.
  Status SendOnce(Call& call, std::unique_ptr<Connection> rested) {
    if (auto alive = call.patience.Check(); !alive) return alive;
    if (rested && rested->IsQuiet()) {
      auto status = Exchange(call, std::move(rested));
      const bool has_died = !status && status.error().code == ErrorCode::kUnavailable;
      if (!has_died || call.is_answered) return status;
    }
    auto connection = Connect(call.patience);
    if (!connection) return Fail(std::move(connection.error()));
    return Exchange(call, std::move(*connection));
  }

  Status Exchange(Call& call, std::unique_ptr<Connection> connection) {
    if (call.limits.permit && !call.request.body.empty()) {
      if (auto permitted = call.limits.permit(); !permitted) return permitted;
    }
    call.is_sent = true;
    if (auto written = connection->Write(call.bytes, call.patience); !written) return written;
    bool can_go_on = false;
    if (auto read = ReadAnswer(call, *connection, can_go_on); !read) return read;
    if (can_go_on) network_->idle.Put(this, std::move(connection));
    return {};
  }

  Result<std::unique_ptr<Connection>> Connect(Patience& patience) {
    const Endpoint& endpoint = route_.endpoint;
    auto connection = route_.proxy == nullptr
                          ? ConnectDirectly(patience)
                          : ConnectThrough(*route_.proxy, endpoint, network_->addresses, patience);
    if (!connection || !endpoint.is_tls) return connection;
    const auto context = network_->tls.For(options_.tls);
    if (!context) return Fail(context.error());
    auto shaken = (*connection)->StartTls(*context, endpoint.host, session_, patience);
    if (!shaken) return Fail(std::move(shaken.error()));
    return connection;
  }

  Result<std::unique_ptr<Connection>> ConnectDirectly(Patience& patience) const {
    const Endpoint& endpoint = route_.endpoint;
    const auto addresses =
        network_->addresses.Find(endpoint.host, patience.Deadline(), patience.Stop());
    if (!addresses) return Fail(addresses.error());
    return Connection::Open(*addresses, endpoint.port, patience);
  }

  const std::shared_ptr<Network> network_;
  const Route route_;
  const std::shared_ptr<TlsSession> session_ = std::make_shared<TlsSession>();
};

}  // namespace

Result<std::unique_ptr<Client>> MakeGuardedClient(ClientOptions options,
                                                  std::shared_ptr<Network> network,
                                                  const Clock& clock) {
  auto endpoint = ParseEndpoint(options.endpoint);
  if (!endpoint) return Fail(std::move(endpoint.error()));
  return std::make_unique<GuardedClient>(std::move(options), *endpoint, std::move(network), clock);
}

}  // namespace committest::http
