#pragma once

#include <string>

#include "common/base/result.h"
#include "common/git/credentials.h"
#include "common/git/url_policy.h"
#include "observer/git_remote.h"
#include "observer/github_app.h"
#include "observer/secret_source.h"

namespace committest::observer {

/// Says how a repository is accessed, from the Secret that it names; for a GitHub App, by a token that
/// it gets. Thread-safe; blocks while Secrets are read and tokens sent for.
class AccessSource {
 public:
  /// Whether the credentials may be some seconds old, or were refused and must be read anew.
  enum class Freshness { kKnown, kFresh };

  /// Both must outlive this.
  AccessSource(SecretSource& secrets, GithubTokens& tokens) : secrets_(secrets), tokens_(tokens) {}

  /// Access without credentials when the repository names no Secret.
  ///
  /// Errors with the reason CredentialsInvalid: the Secret, or its use for `url`, is wrong; with
  /// CredentialsUnavailable: it cannot be had now. Others are those of a request for a token. The
  /// messages name the Secret and hold no value.
  Result<git::Access> Get(const RemoteRepository& repository, const git::GitUrl& url,
                          Freshness freshness);

 private:
  Result<git::Access> ByApp(const std::string& name, const git::Credentials& credentials,
                            const git::GitUrl& url, Freshness freshness);

  SecretSource& secrets_;
  GithubTokens& tokens_;
};

}  // namespace committest::observer
