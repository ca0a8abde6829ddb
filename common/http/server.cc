#include "common/http/server.h"

#include <array>
#include <atomic>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include "common/base/log.h"
#include "common/base/strings.h"

namespace committest::http {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace wire = boost::beast::http;
using asio::ip::tcp;

// How long a refused client may go on sending before its connection is reset. Closing at once would
// make its kernel drop the answer that says why.
constexpr std::chrono::seconds kLinger{1};
// After a failed accept (no free descriptors), so that it does not spin.
constexpr std::chrono::milliseconds kAcceptPause{100};

struct Shared {
  ServerOptions options;
  Handler handler;
  std::atomic<int> connections{0};
};

std::string ToString(beast::string_view text) { return {text.data(), text.size()}; }

Request RequestOf(wire::request<wire::string_body>&& message) {
  Request request;
  request.method = ToString(message.method_string());
  request.target = ToString(message.target());
  for (const auto& field : message) {
    std::string& value = request.headers[Lower(ToString(field.name_string()))];
    if (!value.empty()) value.append(", ");
    value.append(ToString(field.value()));
  }
  request.body = std::move(message.body());
  return request;
}

Response Plain(int status, std::string text) {
  return {status, {{"content-type", "text/plain; charset=utf-8"}}, std::move(text) + "\n"};
}

Response Answer(const Handler& handler, const Request& request) {
  if (request.method != "GET" && request.method != "HEAD" && request.method != "POST") {
    Response response = Plain(405, "method not allowed");
    response.headers["allow"] = "GET, HEAD, POST";
    return response;
  }
  if (!request.target.starts_with('/')) return Plain(400, "bad request target");
  try {
    return handler(request);
  } catch (const std::exception& e) {
    log::Error("HTTP handler failed", {{"target", PathOf(request.target)}, {"error", e.what()}});
  } catch (...) {
    log::Error("HTTP handler failed", {{"target", PathOf(request.target)}});
  }
  return Plain(500, "internal error");
}

// The answer to a request that could not be read; nullopt when there is nobody to answer.
std::optional<Response> Refusal(const beast::error_code& error) {
  if (error == wire::error::header_limit) return Plain(431, "header fields too large");
  if (error == wire::error::body_limit) return Plain(413, "body too large");
  if (error == wire::error::end_of_stream || error == wire::error::partial_message) {
    return std::nullopt;
  }
  // Everything else of this category is a request that does not parse.
  if (error.category() == wire::make_error_code(wire::error::bad_method).category()) {
    return Plain(400, "bad request");
  }
  return std::nullopt;
}

// One connection. Kept alive by the operation that is under way; each has the deadline.
class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(tcp::socket&& socket, std::shared_ptr<Shared> shared)
      : shared_(std::move(shared)), stream_(std::move(socket)) {
    ++shared_->connections;
  }
  ~Session() { --shared_->connections; }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  void Read() {
    parser_.emplace();
    parser_->header_limit(shared_->options.header_bytes);
    parser_->body_limit(shared_->options.body_bytes);
    stream_.expires_after(shared_->options.deadline);
    wire::async_read(stream_, buffer_, *parser_,
                     [self = shared_from_this()](const beast::error_code& error, std::size_t) {
                       self->OnRead(error);
                     });
  }

 private:
  void OnRead(const beast::error_code& error) {
    if (error) {
      if (const auto refusal = Refusal(error)) Write(*refusal, /*keep_alive=*/false, false);
      return;  // Else the last reference goes, and the socket with it.
    }
    auto message = parser_->release();
    const bool keep_alive = message.keep_alive();
    const bool is_head = message.method() == wire::verb::head;
    Write(Answer(shared_->handler, RequestOf(std::move(message))), keep_alive, is_head);
  }

  void Write(Response response, bool keep_alive, bool is_head) {
    response_ = {};
    response_.version(11);
    response_.result(static_cast<unsigned>(response.status));
    for (const auto& [name, value] : response.headers) response_.set(name, value);
    response_.keep_alive(keep_alive);
    response_.content_length(response.body.size());
    if (!is_head) response_.body() = std::move(response.body);
    stream_.expires_after(shared_->options.deadline);
    wire::async_write(
        stream_, response_,
        [self = shared_from_this(), keep_alive](const beast::error_code& error, std::size_t) {
          if (error) return;
          if (keep_alive) {
            self->Read();
          } else {
            self->Linger();
          }
        });
  }

  void Linger() {
    beast::error_code ignored;
    static_cast<void>(stream_.socket().shutdown(tcp::socket::shutdown_send, ignored));
    stream_.expires_after(kLinger);
    Drain();
  }

  void Drain() {
    stream_.async_read_some(asio::buffer(rest_), [self = shared_from_this()](
                                                     const beast::error_code& error, std::size_t) {
      if (!error) self->Drain();
    });
  }

  const std::shared_ptr<Shared> shared_;
  beast::tcp_stream stream_;
  beast::flat_buffer buffer_;
  std::optional<wire::request_parser<wire::string_body>> parser_;
  wire::response<wire::string_body> response_;
  std::array<char, 4096> rest_{};
};

class BeastServer final : public Server {
 public:
  BeastServer(ServerOptions options, Handler handler)
      : shared_(std::make_shared<Shared>()), engine_(std::make_unique<Engine>()) {
    shared_->options = std::move(options);
    shared_->handler = std::move(handler);
  }
  ~BeastServer() override { BeastServer::Stop(); }
  BeastServer(const BeastServer&) = delete;
  BeastServer& operator=(const BeastServer&) = delete;

  Status Listen() {
    const ServerOptions& options = shared_->options;
    const std::string where = options.address + " port " + std::to_string(options.port);
    beast::error_code error;
    const auto address = asio::ip::make_address(options.address, error);
    if (error) return Fail(ErrorCode::kInvalidArgument, where + ": not an IP address");
    const tcp::endpoint endpoint(address, options.port);
    try {
      tcp::acceptor& acceptor = engine_->acceptor;
      acceptor.open(endpoint.protocol());
      acceptor.set_option(tcp::acceptor::reuse_address(true));
      acceptor.bind(endpoint);
      acceptor.listen(asio::socket_base::max_listen_connections);
      port_ = acceptor.local_endpoint().port();
    } catch (const boost::system::system_error& e) {
      return Fail(ErrorCode::kUnavailable, where + ": " + e.what());
    }
    return {};
  }

  void Run() {
    Accept();
    for (int i = 0; i < shared_->options.threads; ++i)
      threads_.emplace_back([this] { engine_->io.run(); });
  }

  void Stop() override {
    if (!engine_) return;
    engine_->io.stop();
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
    engine_.reset();  // And with it the sessions, which only its pending operations keep alive.
  }

  std::uint16_t Port() const override { return port_; }

 private:
  void Accept() {
    engine_->acceptor.async_accept(asio::make_strand(engine_->io),
                                   [this](const beast::error_code& error, tcp::socket socket) {
                                     OnAccept(error, std::move(socket));
                                   });
  }

  void OnAccept(const beast::error_code& error, tcp::socket socket) {
    if (error) {
      engine_->pause.expires_after(kAcceptPause);
      engine_->pause.async_wait([this](const beast::error_code&) { Accept(); });
      return;
    }
    if (shared_->connections < shared_->options.max_connections) {
      std::make_shared<Session>(std::move(socket), shared_)->Read();
    }
    Accept();
  }

  struct Engine {
    asio::io_context io;
    tcp::acceptor acceptor{io};
    asio::steady_timer pause{io};
  };

  const std::shared_ptr<Shared> shared_;
  std::unique_ptr<Engine> engine_;
  std::uint16_t port_ = 0;
  std::vector<std::thread> threads_;
};

}  // namespace

Result<std::unique_ptr<Server>> Server::Start(ServerOptions options, Handler handler) {
  try {
    auto server = std::make_unique<BeastServer>(std::move(options), std::move(handler));
    if (Status listening = server->Listen(); !listening) return Fail(listening.error());
    server->Run();
    return server;
  } catch (const std::exception& e) {
    return Fail(ErrorCode::kInternal, std::string("HTTP server: ") + e.what());
  }
}

}  // namespace committest::http
