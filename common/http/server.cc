#include "common/http/server.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <list>
#include <map>
#include <optional>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include "common/base/log.h"
#include "common/base/mutex.h"
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
// Bodies are read in pieces of this size.
constexpr std::size_t kPieceBytes = std::size_t{16} * 1024;
// Of an IPv6 address: what one client is given at least (RFC 6177).
constexpr int kClientPrefixBytes = 8;

class Session;

// The connections there are: how many, in all and of each client, and which of them wait for a
// request. Thread-safe.
class Connections {
 public:
  using Waiting = std::list<std::weak_ptr<Session>>;

  // Counts one more, unless that is too many; the caller then owes one `Remove`.
  bool Add(const std::string& peer, const ServerOptions& options) EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    const int most = options.max_connections + (waiting_.empty() ? 0 : kBeingClosed);
    if (all_ >= most) return false;
    int& of_peer = by_peer_[peer];
    // No entry is left behind: one that has reached the limit is not new.
    if (of_peer >= options.max_connections_per_peer) return false;
    ++of_peer;
    ++all_;
    return true;
  }

  void Remove(const std::string& peer) EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    --all_;
    const auto it = by_peer_.find(peer);
    if (--it->second == 0) by_peer_.erase(it);
  }

  Waiting::iterator BeginWait(std::weak_ptr<Session> session) EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    return waiting_.insert(waiting_.end(), std::move(session));
  }

  void EndWait(Waiting::iterator place) EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    waiting_.erase(place);
  }

  // Whoever has waited longest, if there is one connection too many; null if not. It stays in the
  // line until it ends its wait, but goes to the end, so that the next call gives another.
  std::shared_ptr<Session> OneToClose(const ServerOptions& options) EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    if (all_ <= options.max_connections || waiting_.empty()) return nullptr;
    waiting_.splice(waiting_.end(), waiting_, waiting_.begin());
    return waiting_.back().lock();
  }

 private:
  // Closing takes a moment on a thread of the server's.
  static constexpr int kBeingClosed = 16;

  Mutex mutex_;
  int all_ GUARDED_BY(mutex_) = 0;
  std::map<std::string, int> by_peer_ GUARDED_BY(mutex_);
  Waiting waiting_ GUARDED_BY(mutex_);
};

struct Shared {
  ServerOptions options;
  Handler handler;
  Gate gate;
  Connections connections;
  std::atomic<std::uint64_t> body_bytes{0};
};

std::string ToString(beast::string_view text) { return {text.data(), text.size()}; }

std::string PeerOf(const tcp::socket& socket) {
  beast::error_code error;
  const asio::ip::address address = socket.remote_endpoint(error).address();
  if (error) return {};
  if (address.is_v4()) return address.to_string();
  asio::ip::address_v6 v6 = address.to_v6();
  if (v6.is_v4_mapped()) return asio::ip::make_address_v4(asio::ip::v4_mapped, v6).to_string();
  auto bytes = v6.to_bytes();
  std::fill(bytes.begin() + kClientPrefixBytes, bytes.end(), std::uint8_t{0});
  return asio::ip::address_v6(bytes).to_string() + "/64";
}

using Head = wire::request<wire::buffer_body>;

Request RequestOf(const Head& message, std::string peer) {
  Request request;
  request.method = ToString(message.method_string());
  request.target = ToString(message.target());
  request.peer = std::move(peer);
  for (const auto& field : message) {
    std::string& value = request.headers[Lower(ToString(field.name_string()))];
    if (!value.empty()) value.append(", ");
    value.append(ToString(field.value()));
  }
  return request;
}

Response Plain(int status, std::string text) {
  return {status, {{"content-type", "text/plain; charset=utf-8"}}, std::move(text) + "\n"};
}

// What the method or the target alone refuses.
std::optional<Response> Unfit(const Request& request) {
  if (request.method != "GET" && request.method != "HEAD" && request.method != "POST") {
    Response response = Plain(405, "method not allowed");
    response.headers["allow"] = "GET, HEAD, POST";
    return response;
  }
  if (!request.target.starts_with('/')) return Plain(400, "bad request target");
  return std::nullopt;
}

// What `answer` gives, which is code of the server's owner.
template <typename Function>
std::invoke_result_t<Function, const Request&> Guarded(const Function& answer,
                                                       const Request& request) {
  try {
    return answer(request);
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

// One connection. Kept alive by the operation that is under way, and by the timer of its deadline.
class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(tcp::socket&& socket, std::string peer, std::shared_ptr<Shared> shared)
      : shared_(std::move(shared)),
        peer_(std::move(peer)),
        stream_(std::move(socket)),
        timer_(stream_.get_executor()) {}
  ~Session() {
    EndWait();
    GiveBack();
    shared_->connections.Remove(peer_);
  }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  void Read() {
    parser_.emplace();
    parser_->header_limit(shared_->options.header_bytes);
    parser_->body_limit(shared_->options.body_bytes);
    request_ = {};
    EndWait();
    place_ = shared_->connections.BeginWait(weak_from_this());
    SetDeadline(shared_->options.deadline);
    wire::async_read_header(stream_, buffer_, *parser_,
                            [self = shared_from_this()](const beast::error_code& error,
                                                        std::size_t) { self->OnHead(error); });
  }

  // Ends the wait for a request, from any thread.
  void Shed() {
    asio::post(stream_.get_executor(), [self = shared_from_this()] {
      if (self->place_) self->stream_.close();
    });
  }

 private:
  void EndWait() {
    if (place_) shared_->connections.EndWait(*place_);
    place_.reset();
  }

  void OnHead(const beast::error_code& error) {
    if (error) return OnTrouble(error);
    request_ = RequestOf(parser_->get(), peer_);
    auto refusal = Unfit(request_);
    if (!refusal && shared_->gate) refusal = Guarded(shared_->gate, request_);
    if (refusal) return Write(std::move(*refusal), /*keep_alive=*/false, IsHead());
    ReadBody();
  }

  void ReadBody() {
    if (parser_->is_done()) return OnWhole();
    auto& body = parser_->get().body();
    body.data = piece_.data();
    body.size = piece_.size();
    wire::async_read_some(stream_, buffer_, *parser_,
                          [self = shared_from_this()](const beast::error_code& error, std::size_t) {
                            self->OnPiece(error);
                          });
  }

  void OnPiece(const beast::error_code& error) {
    // Only says that the piece is full.
    if (error && error != wire::error::need_buffer) return OnTrouble(error);
    const std::size_t size = piece_.size() - parser_->get().body().size;
    if (!Take(size)) {
      Response busy = Plain(503, "too much is being read at the same time");
      busy.headers["retry-after"] = "1";
      return Write(std::move(busy), /*keep_alive=*/false, false);
    }
    request_.body.append(piece_.data(), size);
    ReadBody();
  }

  void OnWhole() {
    EndWait();
    const bool keep_alive = parser_->get().keep_alive();
    const bool is_head = IsHead();
    Response response = Guarded(shared_->handler, request_);
    request_ = {};
    GiveBack();
    Write(std::move(response), keep_alive, is_head);
  }

  void OnTrouble(const beast::error_code& error) {
    if (timed_out_) {
      const bool has_begun = parser_->got_some() || buffer_.size() > 0;
      if (has_begun) Write(Plain(408, "the request took too long"), /*keep_alive=*/false, false);
      return;
    }
    if (auto refusal = Refusal(error)) Write(std::move(*refusal), /*keep_alive=*/false, false);
    // Else the last reference goes, and the socket with it.
  }

  void Write(Response response, bool keep_alive, bool is_head) {
    EndWait();
    response_ = {};
    response_.version(11);
    response_.result(static_cast<unsigned>(response.status));
    for (const auto& [name, value] : response.headers) response_.set(name, value);
    response_.keep_alive(keep_alive);
    response_.content_length(response.body.size());
    if (!is_head) response_.body() = std::move(response.body);
    SetDeadline(shared_->options.deadline);
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
    SetDeadline(kLinger);
    Drain();
  }

  void Drain() {
    stream_.async_read_some(asio::buffer(piece_), [self = shared_from_this()](
                                                      const beast::error_code& error, std::size_t) {
      if (!error && !self->timed_out_) self->Drain();
    });
  }

  // Ends the operation that is under way when its time is over. Holds the session weakly, so that
  // a connection that has ended is not kept for it.
  void SetDeadline(std::chrono::milliseconds duration) {
    timed_out_ = false;
    const std::uint64_t deadline = ++deadline_;
    timer_.expires_after(duration);
    timer_.async_wait([weak = weak_from_this(), deadline](const beast::error_code& error) {
      const auto self = weak.lock();
      // One that was replaced when it was due already is told without an error.
      if (error || !self || self->deadline_ != deadline) return;
      self->timed_out_ = true;
      self->stream_.cancel();
    });
  }

  bool IsHead() const { return parser_->get().method() == wire::verb::head; }

  // Takes so many bytes of what all connections may hold together.
  bool Take(std::size_t size) {
    if (shared_->body_bytes.fetch_add(size) + size > shared_->options.total_body_bytes) {
      shared_->body_bytes.fetch_sub(size);
      return false;
    }
    taken_ += size;
    return true;
  }
  void GiveBack() { shared_->body_bytes.fetch_sub(std::exchange(taken_, 0)); }

  const std::shared_ptr<Shared> shared_;
  const std::string peer_;
  beast::tcp_stream stream_;
  asio::steady_timer timer_;
  std::uint64_t deadline_ = 0;  // Counts them.
  bool timed_out_ = false;
  std::optional<Connections::Waiting::iterator> place_;  // While it waits for a request.
  beast::flat_buffer buffer_;
  std::optional<wire::request_parser<wire::buffer_body>> parser_;
  Request request_;
  std::uint64_t taken_ = 0;
  wire::response<wire::string_body> response_;
  std::array<char, kPieceBytes> piece_{};
};

class BeastServer final : public Server {
 public:
  BeastServer(ServerOptions options, Handler handler, Gate gate)
      : shared_(std::make_shared<Shared>()), engine_(std::make_unique<Engine>()) {
    shared_->options = std::move(options);
    shared_->handler = std::move(handler);
    shared_->gate = std::move(gate);
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
    // Small answers must not wait for the client to acknowledge the one before.
    beast::error_code ignored;
    static_cast<void>(socket.set_option(tcp::no_delay(true), ignored));
    std::string peer = PeerOf(socket);
    if (shared_->connections.Add(peer, shared_->options)) {
      std::make_shared<Session>(std::move(socket), std::move(peer), shared_)->Read();
      if (const auto longest = shared_->connections.OneToClose(shared_->options)) longest->Shed();
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

Result<std::unique_ptr<Server>> Server::Start(ServerOptions options, Handler handler, Gate gate) {
  try {
    auto server =
        std::make_unique<BeastServer>(std::move(options), std::move(handler), std::move(gate));
    if (Status listening = server->Listen(); !listening) return Fail(listening.error());
    server->Run();
    return server;
  } catch (const std::exception& e) {
    return Fail(ErrorCode::kInternal, std::string("HTTP server: ") + e.what());
  }
}

}  // namespace committest::http
