#include "common/http/tls_context.h"

#include <optional>
#include <utility>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include "common/http/certificate_store.h"

namespace committest::http {
namespace {

// Far more than the private authorities of one installation; then all start anew.
constexpr std::size_t kMaxContexts = 256;

// Runs when a server has handed out a session, during any read.
int OnNewSession(SSL* ssl, SSL_SESSION* session) {
  auto* const keeper = static_cast<TlsSession*>(SSL_get_ex_data(ssl, 0));
  if (keeper == nullptr) return 0;
  keeper->Keep(TlsSession::Ptr(session, &SSL_SESSION_free));
  return 1;
}

std::unique_ptr<BIO, decltype(&BIO_free)> BioOf(const std::string& text) {
  return {BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), &BIO_free};
}

bool UseChain(SSL_CTX* context, const std::string& pem) {
  const auto bio = BioOf(pem);
  const std::unique_ptr<X509, decltype(&X509_free)> leaf(
      PEM_read_bio_X509_AUX(bio.get(), nullptr, nullptr, nullptr), &X509_free);
  if (!leaf || SSL_CTX_use_certificate(context, leaf.get()) != 1) return false;
  for (;;) {
    X509* const next = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr);
    if (next == nullptr) break;
    if (SSL_CTX_add0_chain_cert(context, next) != 1) {
      X509_free(next);
      return false;
    }
  }
  ERR_clear_error();
  return true;
}

bool UseKey(SSL_CTX* context, const std::string& pem) {
  const auto bio = BioOf(pem);
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(
      PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr), &EVP_PKEY_free);
  return key && SSL_CTX_use_PrivateKey(context, key.get()) == 1;
}

Status Trust(SSL_CTX* context, const std::optional<std::string>& authorities) {
  if (!authorities) {
    if (SSL_CTX_set_default_verify_paths(context) == 1) return {};
    ERR_clear_error();
    return Fail(ErrorCode::kInternal, "the system's authorities cannot be read");
  }
  CertificateStore parser;
  const auto store = parser.For(*authorities);
  if (!store) return Fail(Context("CA", store.error()));
  SSL_CTX_set1_cert_store(context, store->get());
  return {};
}

Result<TlsContexts::Ptr> Make(const std::optional<std::string>& authorities,
                              const std::optional<ClientCertificate>& own) {
  TlsContexts::Ptr context(SSL_CTX_new(TLS_client_method()), &SSL_CTX_free);
  if (!context) return Fail(ErrorCode::kInternal, "OpenSSL has no memory");
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  // Connections rest in a pool most of the time; 34 KB each would be kept for nothing.
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context.get(), &OnNewSession);
  if (auto status = Trust(context.get(), authorities); !status) return Fail(status.error());
  if (own &&
      (!UseChain(context.get(), own->certificate_pem) || !UseKey(context.get(), own->key_pem))) {
    ERR_clear_error();
    return Fail(ErrorCode::kInvalidArgument,
                "the client certificate and its key are not PEM or do not belong together");
  }
  return context;
}

}  // namespace

Result<TlsContexts::Ptr> TlsContexts::For(const TlsOptions& tls) {
  std::optional<std::string> authorities;
  std::optional<ClientCertificate> own;
  std::string key;
  if (tls.ca) {
    auto pem = tls.ca();
    if (!pem) return Fail(Context("CA", std::move(pem.error())));
    authorities = std::move(*pem);
    key = "ca" + *authorities;
  }
  if (tls.client_certificate) {
    auto pair = tls.client_certificate();
    if (!pair) return Fail(Context("client certificate", std::move(pair.error())));
    own = std::move(*pair);
    key.append("\n").append(own->certificate_pem).append("\n").append(own->key_pem);
  }
  const MutexLock lock(mutex_);
  if (const auto it = contexts_.find(key); it != contexts_.end()) return it->second;
  auto context = Make(authorities, own);
  if (!context) return context;
  if (contexts_.size() >= kMaxContexts) contexts_.clear();
  return contexts_[std::move(key)] = std::move(*context);
}

void TlsSession::Keep(Ptr session) {
  const MutexLock lock(mutex_);
  last_ = std::move(session);
}

TlsSession::Ptr TlsSession::Last() const {
  const MutexLock lock(mutex_);
  return last_;
}

}  // namespace committest::http
