#include "common/http/session.h"

#include <array>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
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
// Bodies are read in pieces of this size.
constexpr std::size_t kPieceBytes = std::size_t{16} * 1024;
// Closing takes a moment on a thread of the server's.
constexpr int kBeingClosed = 16;

std::string ToString(beast::string_view text) { return {text.data(), text.size()}; }

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
class BeastSession final : public Session, public std::enable_shared_from_this<BeastSession> {
 public:
  BeastSession(tcp::socket&& socket, std::string peer, std::shared_ptr<SharedBySessions> shared)
      : shared_(std::move(shared)),
        peer_(std::move(peer)),
        stream_(std::move(socket)),
        timer_(stream_.get_executor()) {}
  ~BeastSession() override {
    EndWait();
    GiveBack();
    shared_->connections.Remove(peer_);
  }
  BeastSession(const BeastSession&) = delete;
  BeastSession& operator=(const BeastSession&) = delete;

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

  void Shed() override {
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

  const std::shared_ptr<SharedBySessions> shared_;
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

}  // namespace

bool Connections::Add(const std::string& peer, const ServerOptions& options) {
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

void Connections::Remove(const std::string& peer) {
  const MutexLock lock(mutex_);
  --all_;
  const auto it = by_peer_.find(peer);
  if (--it->second == 0) by_peer_.erase(it);
}

Connections::Waiting::iterator Connections::BeginWait(std::weak_ptr<Session> session) {
  const MutexLock lock(mutex_);
  return waiting_.insert(waiting_.end(), std::move(session));
}

void Connections::EndWait(Waiting::iterator place) {
  const MutexLock lock(mutex_);
  waiting_.erase(place);
}

std::shared_ptr<Session> Connections::OneToClose(const ServerOptions& options) {
  const MutexLock lock(mutex_);
  if (all_ <= options.max_connections || waiting_.empty()) return nullptr;
  waiting_.splice(waiting_.end(), waiting_, waiting_.begin());
  return waiting_.back().lock();
}

void StartSession(tcp::socket&& socket, std::string peer,
                  std::shared_ptr<SharedBySessions> shared) {
  std::make_shared<BeastSession>(std::move(socket), std::move(peer), std::move(shared))->Read();
}

}  // namespace committest::http
