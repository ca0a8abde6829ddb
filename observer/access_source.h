#pragma once

#include "common/base/result.h"
#include "observer/credentials.h"
#include "observer/git_remote.h"
#include "observer/secret_source.h"
#include "observer/url_policy.h"

namespace committest::observer {

/// Says how a repository is accessed, from the Secret that it names. Thread-safe.
class AccessSource {
 public:
  /// Whether the credentials may be some seconds old, or were refused and must be read anew.
  enum class Freshness { kKnown, kFresh };

  /// Must outlive this.
  explicit AccessSource(SecretSource& secrets) : secrets_(secrets) {}

  /// Access without credentials when the repository names no Secret.
  ///
  /// Errors with the reason CredentialsInvalid: the Secret, or its use for `url`, is wrong; with
  /// CredentialsUnavailable: it cannot be had now. The messages name it and hold no value.
  Result<Access> Get(const RemoteRepository& repository, const GitUrl& url, Freshness freshness);

 private:
  SecretSource& secrets_;
};

}  // namespace committest::observer
