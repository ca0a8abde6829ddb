#include "common/http/server.h"

#include <algorithm>
#include <exception>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/beast/core/error.hpp>

#include "common/http/session.h"

namespace committest::http {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using asio::ip::tcp;

// After a failed accept (no free descriptors), so that it does not spin.
constexpr std::chrono::milliseconds kAcceptPause{100};
// Of an IPv6 address: what one client is given at least (RFC 6177).
constexpr int kClientPrefixBytes = 8;

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

class BeastServer final : public Server {
 public:
  BeastServer(ServerOptions options, Handler handler, Gate gate)
      : shared_(std::make_shared<SharedBySessions>()), engine_(std::make_unique<Engine>()) {
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
      StartSession(std::move(socket), std::move(peer), shared_);
      if (const auto longest = shared_->connections.OneToClose(shared_->options)) longest->Shed();
    }
    Accept();
  }

  struct Engine {
    asio::io_context io;
    tcp::acceptor acceptor{io};
    asio::steady_timer pause{io};
  };

  const std::shared_ptr<SharedBySessions> shared_;
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
