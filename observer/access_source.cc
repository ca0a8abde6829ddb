#include "observer/access_source.h"

#include <utility>
#include <variant>

#include "common/api/reasons.h"

namespace committest::observer {

Result<git::Access> AccessSource::Get(const RemoteRepository& repository, const git::GitUrl& url,
                                      Freshness freshness) {
  const std::string& name = repository.credentials_secret_name;
  if (name.empty() && url.scheme == "ssh") {
    return Fail(ErrorCode::kInvalidArgument,
                "spec.url uses ssh, expected spec.credentialsSecretName with a Secret of type "
                "kubernetes.io/ssh-auth",
                api::reason::kCredentialsInvalid);
  }
  if (name.empty()) return git::Access{};
  const kube::ObjectKey key{repository.key.namespace_, name};
  auto secret = freshness == Freshness::kFresh ? secrets_.GetFresh(key) : secrets_.Get(key);
  if (!secret) {
    Error error = std::move(secret.error());
    error.reason = error.code == ErrorCode::kDataLoss ? api::reason::kCredentialsInvalid
                                                      : api::reason::kCredentialsUnavailable;
    return Fail(std::move(error));
  }
  auto credentials = git::ParseCredentials(name, *secret);
  if (!credentials) return Fail(std::move(credentials.error()));
  if (auto fit = git::CheckFit(name, *credentials, url); !fit) return Fail(std::move(fit.error()));
  if (std::holds_alternative<git::GithubAppCredentials>(credentials->kind)) {
    return ByApp(name, *credentials, url, freshness);
  }
  return git::AccessBy(name, *credentials);
}

Result<git::Access> AccessSource::ByApp(const std::string& name,
                                        const git::Credentials& credentials, const git::GitUrl& url,
                                        Freshness freshness) {
  const auto& app = std::get<git::GithubAppCredentials>(credentials.kind);
  // The Secret's authorities are those of the repository's host.
  const bool is_own_host = app.api_url.starts_with(url.Origin() + "/");
  const auto token =
      tokens_.Get(name, app, is_own_host ? credentials.ca_pem : "", freshness == Freshness::kFresh);
  if (!token) return Fail(token.error());
  return git::AccessByToken(name, credentials, *token);
}

}  // namespace committest::observer
