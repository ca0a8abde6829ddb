#pragma once

#include <map>
#include <memory>
#include <string>

#include "common/base/mutex.h"
#include "common/base/result.h"
#include "common/http/client.h"

struct ssl_ctx_st;
struct ssl_session_st;

namespace committest::http {

/// OpenSSL's contexts, one for each combination of trusted authorities and client certificate, for
/// all endpoints together: a bundle of authorities is parsed once, however many servers are trusted
/// by it, and again only when its text changes. TLS 1.2 at least, peers are always verified.
/// Thread-safe.
class TlsContexts {
 public:
  using Ptr = std::shared_ptr<ssl_ctx_st>;

  /// Asks the callbacks of `tls` and returns what goes with their answers. Errors are theirs, or
  /// kInvalidArgument when a text is not PEM.
  Result<Ptr> For(const TlsOptions& tls) EXCLUDES(mutex_);

 private:
  Mutex mutex_;
  std::map<std::string, Ptr> contexts_ GUARDED_BY(mutex_);
};

/// The last TLS session of one endpoint, so that the next connection to it costs one signature
/// less. Thread-safe.
class TlsSession {
 public:
  using Ptr = std::shared_ptr<ssl_session_st>;

  void Keep(Ptr session) EXCLUDES(mutex_);
  /// Null when there is none.
  Ptr Last() const EXCLUDES(mutex_);

 private:
  mutable Mutex mutex_;
  Ptr last_ GUARDED_BY(mutex_);
};

}  // namespace committest::http
