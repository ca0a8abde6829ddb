#include "common/http/connection.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

namespace committest::http {
namespace {

// For each address. A peer that drops packets must not take the time in which the next one answers.
constexpr std::chrono::milliseconds kConnectTimeout{3'000};
// Names with more addresses than this are not meant for trying them all.
constexpr std::size_t kMaxAddresses = 4;

std::string ErrnoText(int error) { return std::generic_category().message(error); }

Error Closed() { return {ErrorCode::kUnavailable, "connection closed", {}, std::nullopt}; }

bool WouldBlock(int error) { return error == EAGAIN || error == EINTR; }

socklen_t FillSocketAddress(const IpAddress& address, std::uint16_t port, sockaddr_storage& out) {
  if (address.is_v4) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    std::memcpy(&v4.sin_addr, address.bytes.data(), sizeof v4.sin_addr);
    std::memcpy(&out, &v4, sizeof v4);
    return sizeof v4;
  }
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port);
  std::memcpy(&v6.sin6_addr, address.bytes.data(), sizeof v6.sin6_addr);
  std::memcpy(&out, &v6, sizeof v6);
  return sizeof v6;
}

// OpenSSL's own BIO of a socket writes without MSG_NOSIGNAL, and a peer that has gone would end the
// process.
int BioWrite(BIO* bio, const char* data, int size) {
  const int descriptor = *static_cast<const int*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  const ssize_t sent = send(descriptor, data, static_cast<std::size_t>(size), MSG_NOSIGNAL);
  if (sent < 0 && WouldBlock(errno)) BIO_set_retry_write(bio);
  return static_cast<int>(sent);
}

int BioRead(BIO* bio, char* data, int size) {
  const int descriptor = *static_cast<const int*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  const ssize_t received = recv(descriptor, data, static_cast<std::size_t>(size), 0);
  if (received < 0 && WouldBlock(errno)) BIO_set_retry_read(bio);
  return static_cast<int>(received);
}

long BioControl(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

const BIO_METHOD* SocketMethod() {
  static const std::unique_ptr<BIO_METHOD, decltype(&BIO_meth_free)> kMethod = [] {
    std::unique_ptr<BIO_METHOD, decltype(&BIO_meth_free)> method(
        BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket without signals"),
        &BIO_meth_free);
    BIO_meth_set_write(method.get(), &BioWrite);
    BIO_meth_set_read(method.get(), &BioRead);
    BIO_meth_set_ctrl(method.get(), &BioControl);
    return method;
  }();
  return kMethod.get();
}

// Whom the certificate must be for; names also go into the handshake, for servers of many.
bool ExpectHost(SSL* ssl, const std::string& host) {
  if (ParseIpAddress(host)) {
    return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host.c_str()) == 1;
  }
  SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  // SSL_set_tlsext_host_name without its cast.
  return SSL_set1_host(ssl, host.c_str()) == 1 &&
         SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                  const_cast<char*>(host.c_str())) == 1;
}

Error TlsFailure(const SSL* ssl) {
  const unsigned long code = ERR_peek_last_error();
  ERR_clear_error();
  if (const long verdict = SSL_get_verify_result(ssl); verdict != X509_V_OK) {
    return {ErrorCode::kUnavailable,
            std::string("the server's certificate is refused: ") +
                X509_verify_cert_error_string(verdict),
            {},
            std::nullopt};
  }
  const char* const reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  if (reason == nullptr || ERR_GET_REASON(code) == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
    return Closed();
  }
  return {ErrorCode::kUnavailable, std::string("TLS: ") + reason, {}, std::nullopt};
}

}  // namespace

Result<std::unique_ptr<Connection>> Connection::Open(const std::vector<IpAddress>& addresses,
                                                     std::uint16_t port, Patience& patience) {
  Result<std::unique_ptr<Connection>> connection = Fail(Closed());
  for (std::size_t i = 0; i < std::min(addresses.size(), kMaxAddresses); ++i) {
    connection = OpenOne(addresses[i], port, patience);
    if (connection || connection.error().code != ErrorCode::kUnavailable) break;
  }
  return connection;
}

Result<std::unique_ptr<Connection>> Connection::OpenOne(const IpAddress& address,
                                                        std::uint16_t port, Patience& patience) {
  sockaddr_storage where{};
  const socklen_t size = FillSocketAddress(address, port, where);
  const int descriptor = socket(address.is_v4 ? AF_INET : AF_INET6,
                                SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP);
  if (descriptor < 0) {
    return Fail(ErrorCode::kUnavailable, "no socket: " + ErrnoText(errno));
  }
  std::unique_ptr<Connection> connection(new Connection(descriptor));
  const int yes = 1;
  setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  if (connect(descriptor, reinterpret_cast<const sockaddr*>(&where), size) == 0) return connection;
  int failure = errno;
  if (failure == EINPROGRESS || failure == EINTR) {
    if (auto ready = patience.Wait(descriptor, POLLOUT, kConnectTimeout); !ready) {
      if (!patience.Check()) return Fail(std::move(ready.error()));
      return Fail(ErrorCode::kUnavailable, "the address does not answer");
    }
    socklen_t length = sizeof failure;
    getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &failure, &length);
    if (failure == 0) return connection;
  }
  return Fail(ErrorCode::kUnavailable, "cannot connect: " + ErrnoText(failure));
}

Connection::~Connection() {
  // A word of farewell if it can be said at once; nobody waits for the answer.
  if (ssl_) SSL_shutdown(ssl_.get());
  ERR_clear_error();
  close(descriptor_);
}

Status Connection::StartTls(const TlsContexts::Ptr& context, const std::string& host,
                            std::shared_ptr<TlsSession> session, Patience& patience) {
  session_ = std::move(session);
  context_ = context;
  std::unique_ptr<SSL, void (*)(SSL*)> ssl(SSL_new(context.get()), &SSL_free);
  BIO* const bio = ssl ? BIO_new(SocketMethod()) : nullptr;
  if (bio == nullptr) return Fail(ErrorCode::kInternal, "OpenSSL has no memory");
  BIO_set_data(bio, &descriptor_);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl.get(), bio, bio);
  SSL_set_ex_data(ssl.get(), 0, session_.get());
  if (!ExpectHost(ssl.get(), host)) {
    return Fail(ErrorCode::kInvalidArgument, "no certificate can be for " + host);
  }
  if (const auto last = session_->Last()) SSL_set_session(ssl.get(), last.get());
  ssl_ = std::move(ssl);
  for (;;) {
    ERR_clear_error();
    const int result = SSL_connect(ssl_.get());
    if (result == 1) return {};
    if (auto ready = AwaitTls(result, patience); !ready) return ready;
  }
}

Status Connection::AwaitTls(int result, Patience& patience) {
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      return patience.Wait(descriptor_, POLLIN);
    case SSL_ERROR_WANT_WRITE:
      return patience.Wait(descriptor_, POLLOUT);
    default:
      return Fail(TlsFailure(ssl_.get()));
  }
}

Status Connection::Write(std::string_view bytes, Patience& patience) {
  while (!bytes.empty()) {
    std::size_t sent = 0;
    if (ssl_) {
      ERR_clear_error();
      const int result = SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &sent);
      if (result != 1) {
        if (auto ready = AwaitTls(result, patience); !ready) return ready;
        continue;
      }
    } else {
      const ssize_t result = send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (result < 0) {
        if (!WouldBlock(errno)) return Fail(Closed());
        if (auto ready = patience.Wait(descriptor_, POLLOUT); !ready) return ready;
        continue;
      }
      sent = static_cast<std::size_t>(result);
    }
    bytes.remove_prefix(sent);
  }
  return {};
}

Result<std::size_t> Connection::Read(char* buffer, std::size_t size, Patience& patience) {
  if (auto alive = patience.Check(); !alive) return Fail(std::move(alive.error()));
  for (;;) {
    if (ssl_) {
      ERR_clear_error();
      std::size_t received = 0;
      const int result = SSL_read_ex(ssl_.get(), buffer, size, &received);
      if (result == 1) return received;
      if (SSL_get_error(ssl_.get(), result) == SSL_ERROR_ZERO_RETURN) return 0U;
      if (auto ready = AwaitTls(result, patience); !ready) return Fail(std::move(ready.error()));
    } else {
      const ssize_t result = recv(descriptor_, buffer, size, 0);
      if (result >= 0) return static_cast<std::size_t>(result);
      if (!WouldBlock(errno)) return Fail(Closed());
      if (auto ready = patience.Wait(descriptor_, POLLIN); !ready) {
        return Fail(std::move(ready.error()));
      }
    }
  }
}

bool Connection::IsQuiet() const {
  char byte = 0;
  const ssize_t result = recv(descriptor_, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return result < 0 && WouldBlock(errno);
}

}  // namespace committest::http
