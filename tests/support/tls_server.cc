#include "tests/support/tls_server.h"

#include <arpa/inet.h>
#include <array>
#include <cstdlib>
#include <netinet/in.h>
#include <string_view>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

namespace committest::testing {
namespace {

constexpr long kDay = 24L * 60 * 60;

void AddExtension(X509* certificate, int nid, const char* value) {
  const std::unique_ptr<X509_EXTENSION, decltype(&X509_EXTENSION_free)> extension(
      X509V3_EXT_conf_nid(nullptr, nullptr, nid, value), &X509_EXTENSION_free);
  if (!extension || X509_add_ext(certificate, extension.get(), -1) != 1) abort();
}

}  // namespace

TestCertificate::TestCertificate(const std::string& names)
    : key_(EVP_EC_gen("P-256"), &EVP_PKEY_free), certificate_(X509_new(), &X509_free) {
  X509* const certificate = certificate_.get();
  X509_set_version(certificate, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -kDay);
  X509_gmtime_adj(X509_getm_notAfter(certificate), kDay);
  X509_NAME* const subject = X509_get_subject_name(certificate);
  const std::array<unsigned char, 4> common_name{'t', 'e', 's', 't'};
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, common_name.data(),
                             static_cast<int>(common_name.size()), -1, 0);
  X509_set_issuer_name(certificate, subject);
  X509_set_pubkey(certificate, key_.get());
  AddExtension(certificate, NID_basic_constraints, "critical,CA:TRUE");
  AddExtension(certificate, NID_subject_alt_name, names.c_str());
  if (X509_sign(certificate, key_.get(), EVP_sha256()) == 0) abort();
}

std::string TestCertificate::Pem() const {
  const std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new(BIO_s_mem()), &BIO_free);
  if (PEM_write_bio_X509(bio.get(), certificate_.get()) != 1) abort();
  std::string pem(BIO_ctrl_pending(bio.get()), '\0');
  if (BIO_read(bio.get(), pem.data(), static_cast<int>(pem.size())) <= 0) abort();
  return pem;
}

TlsServer::TlsServer(const TestCertificate& certificate, int newest)
    : context_(SSL_CTX_new(TLS_server_method()), &SSL_CTX_free) {
  SSL_CTX_use_certificate(context_.get(), certificate.Certificate());
  SSL_CTX_use_PrivateKey(context_.get(), certificate.Key());
  // 1.1 needs the ciphers that OpenSSL leaves out by default.
  if (newest != 0) {
    SSL_CTX_set_min_proto_version(context_.get(), TLS1_VERSION);
    SSL_CTX_set_max_proto_version(context_.get(), newest);
    SSL_CTX_set_cipher_list(context_.get(), "ALL:@SECLEVEL=0");
  }
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  if (bind(listener_, generic, size) != 0 || listen(listener_, 16) != 0) abort();
  if (getsockname(listener_, generic, &size) != 0) abort();
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { Serve(); });
}

TlsServer::~TlsServer() {
  stopping_ = true;
  shutdown(listener_, SHUT_RDWR);
  if (const int open = open_; open >= 0) shutdown(open, SHUT_RDWR);
  thread_.join();
  close(listener_);
}

void TlsServer::Serve() {
  while (!stopping_) {
    const int descriptor = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (descriptor < 0) return;
    open_ = descriptor;
    ServeOne(descriptor);
    open_ = -1;
    close(descriptor);
  }
}

void TlsServer::ServeOne(int descriptor) {
  constexpr std::string_view kAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
  const std::unique_ptr<SSL, decltype(&SSL_free)> ssl(SSL_new(context_.get()), &SSL_free);
  SSL_set_fd(ssl.get(), descriptor);
  if (SSL_accept(ssl.get()) != 1) return;
  if (SSL_session_reused(ssl.get()) == 1) ++resumed_;
  ++handshakes_;
  std::string request;
  std::array<char, 4096> piece{};
  for (;;) {
    const int size = SSL_read(ssl.get(), piece.data(), static_cast<int>(piece.size()));
    if (size <= 0) return;
    request.append(piece.data(), static_cast<std::size_t>(size));
    if (!request.ends_with("\r\n\r\n")) continue;
    request.clear();
    if (SSL_write(ssl.get(), kAnswer.data(), static_cast<int>(kAnswer.size())) <= 0) return;
  }
}

}  // namespace committest::testing
