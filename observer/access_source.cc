#include "observer/access_source.h"

#include <utility>

#include "common/api/reasons.h"

namespace committest::observer {

Result<Access> AccessSource::Get(const RemoteRepository& repository, const GitUrl& url,
                                 Freshness freshness) {
  const std::string& name = repository.credentials_secret_name;
  if (name.empty()) return Access{};
  const kube::ObjectKey key{repository.key.namespace_, name};
  auto secret = freshness == Freshness::kFresh ? secrets_.GetFresh(key) : secrets_.Get(key);
  if (!secret) {
    Error error = std::move(secret.error());
    error.reason = error.code == ErrorCode::kDataLoss ? api::reason::kCredentialsInvalid
                                                      : api::reason::kCredentialsUnavailable;
    return Fail(std::move(error));
  }
  auto credentials = ParseCredentials(name, *secret);
  if (!credentials) return Fail(std::move(credentials.error()));
  if (auto fit = CheckFit(name, *credentials, url); !fit) return Fail(std::move(fit.error()));
  return AccessBy(name, *credentials);
}

}  // namespace committest::observer
