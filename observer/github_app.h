#pragma once

#include <map>
#include <stop_token>
#include <string>
#include <string_view>

#include "common/base/clock.h"
#include "common/base/mutex.h"
#include "common/base/result.h"
#include "common/base/secret_text.h"
#include "common/git/credentials.h"
#include "common/http/message.h"
#include "observer/http_refs.h"

namespace committest::observer {

/// By what a GitHub App proves that it is one: a JWT, signed with its key (RS256), for the next nine
/// minutes; a minute is taken off its beginning for clocks that differ. kInvalidArgument when the key
/// cannot sign.
Result<SecretText> MakeAppJwt(const git::GithubAppCredentials& app, WallTime now);

/// What GitHub gives an App for one installation of it.
struct InstallationToken {
  SecretText token;
  WallTime expires;
};

/// What GitHub's answer to the request for a token means. `secret_name` is for messages, which hold
/// nothing of the answer. With the reason CredentialsInvalid: the App or the installation is wrong.
Result<InstallationToken> ParseTokenAnswer(std::string_view secret_name,
                                           const http::Response& answer);

/// Gets tokens for GitHub Apps and keeps them until five minutes before their end. They may read the
/// contents of repositories and nothing else, whatever the App may do. Thread-safe.
class GithubTokens {
 public:
  /// `clock` must outlive this.
  GithubTokens(HttpClientFactory make_client, const Clock& clock, std::stop_token stop)
      : make_client_(std::move(make_client)), clock_(clock), stop_(std::move(stop)) {}

  /// A token, sent for to `app.api_url` alone, which `CheckFit` has found right. `ca_pem`: the only
  /// authorities that vouch for that host; empty: the installation's. With `refused`, the one that
  /// is kept is not good any more and is replaced, at most once a minute.
  Result<SecretText> Get(std::string_view secret_name, const git::GithubAppCredentials& app,
                         const std::string& ca_pem, bool refused) EXCLUDES(mutex_);

 private:
  struct Kept {
    InstallationToken token;
    MonotonicTime issued;
  };

  Result<InstallationToken> Ask(std::string_view secret_name, const git::GithubAppCredentials& app,
                                const std::string& ca_pem);

  const HttpClientFactory make_client_;
  const Clock& clock_;
  const std::stop_token stop_;
  Mutex mutex_;
  std::map<std::string, Kept> tokens_ GUARDED_BY(mutex_);  ///< By a hash of the App's credentials.
};

}  // namespace committest::observer
