#pragma once

#include <memory>
#include <string>

#include "common/base/mutex.h"
#include "common/base/result.h"

struct x509_store_st;

namespace committest::http {

/// Turns PEM into an OpenSSL certificate store, and keeps the last one: the same text is parsed
/// once, however many connections are opened with it. Thread-safe.
class CertificateStore {
 public:
  using Ptr = std::shared_ptr<x509_store_st>;

  /// A store that trusts exactly the certificates in `pem`. kInvalidArgument when there is none or
  /// one cannot be read.
  Result<Ptr> For(const std::string& pem) EXCLUDES(mutex_);

 private:
  Mutex mutex_;
  std::string pem_ GUARDED_BY(mutex_);
  Ptr store_ GUARDED_BY(mutex_);
};

}  // namespace committest::http
