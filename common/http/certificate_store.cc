#include "common/http/certificate_store.h"

#include <limits>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

namespace committest::http {
namespace {

// Far more than any bundle of authorities; keeps the length within OpenSSL's int.
constexpr std::size_t kMaxPemBytes = std::size_t{4} * 1024 * 1024;

Result<CertificateStore::Ptr> Parse(const std::string& pem) {
  if (pem.size() > kMaxPemBytes) {
    return Fail(ErrorCode::kInvalidArgument, "the CA bundle is larger than 4 MiB");
  }
  const std::unique_ptr<BIO, decltype(&BIO_free)> bio(
      BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), &BIO_free);
  CertificateStore::Ptr store(X509_STORE_new(), &X509_STORE_free);
  if (!bio || !store) return Fail(ErrorCode::kInternal, "OpenSSL has no memory");
  int count = 0;
  for (;;) {
    const std::unique_ptr<X509, decltype(&X509_free)> certificate(
        PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr), &X509_free);
    if (!certificate) break;
    if (X509_STORE_add_cert(store.get(), certificate.get()) != 1) {
      ERR_clear_error();
      return Fail(ErrorCode::kInvalidArgument, "the CA bundle holds an unusable certificate");
    }
    ++count;
  }
  const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  ERR_clear_error();
  if (count == 0 || !at_end) {
    return Fail(ErrorCode::kInvalidArgument, "the CA bundle is not a list of PEM certificates");
  }
  return store;
}

}  // namespace

Result<CertificateStore::Ptr> CertificateStore::For(const std::string& pem) {
  const MutexLock lock(mutex_);
  if (store_ && pem == pem_) return store_;
  auto parsed = Parse(pem);
  if (!parsed) return parsed;
  pem_ = pem;
  store_ = *parsed;
  return store_;
}

}  // namespace committest::http
