#include "observer/network_git_remote.h"

#include <utility>

#include "common/api/reasons.h"

namespace committest::observer {
namespace {

const http::Proxy* ProxyFor(const git::GitUrl& url, const http::ProxySettings& proxies) {
  if (url.scheme == "ssh") return nullptr;
  return proxies.For({url.scheme == "https", url.host, url.port});
}

// `error` of an access, with whose credentials and through whom it was, and without the credentials;
// and what to do about it if the people who installed us are who can do it.
Error Explain(const git::Access& access, const http::Proxy* proxy, Error error) {
  if (error.reason == api::reason::kAddressRefused) {
    error.message +=
        "; if it is a Git server of yours, start the observer with --allow-private-addresses "
        "(observer.allowPrivateAddresses of the chart)";
    return error;
  }
  if (proxy != nullptr && error.reason != api::reason::kProxyFailed) {
    error.message += ", asked through the proxy " + proxy->Name();
  }
  if (access.secret_name.empty()) {
    error.message = access.Scrub(error.message);
    return error;
  }
  if (error.code == ErrorCode::kUnauthenticated) {
    error.message =
        "the Git server does not accept the credentials in Secret " + access.secret_name;
  } else if (error.code == ErrorCode::kPermissionDenied || error.code == ErrorCode::kNotFound) {
    error.message += ", asked with the credentials in Secret " + access.secret_name;
  }
  error.message = access.Scrub(error.message);
  return error;
}

}  // namespace

Result<git::Access> NetworkGitRemote::AccessTo(const RemoteRepository& repository,
                                               const git::GitUrl& url, const http::Proxy* proxy,
                                               AccessSource::Freshness freshness) {
  auto access = access_.Get(repository, url, freshness);
  if (!access || proxy == nullptr) return access;
  access->proxy_url = proxy->url;
  access->secrets.insert(access->secrets.end(), proxy->secrets.begin(), proxy->secrets.end());
  return access;
}

template <typename T>
Result<T> NetworkGitRemote::With(
    const RemoteRepository& repository,
    const std::function<Result<T>(const git::GitUrl&, const git::Access&)>& ask) {
  const auto url = git::CheckUrl(repository.url, policy_);
  if (!url) return Fail(url.error());
  const http::Proxy* const proxy = ProxyFor(*url, proxies_);
  auto access = AccessTo(repository, *url, proxy, AccessSource::Freshness::kKnown);
  if (!access) return Fail(std::move(access.error()));
  auto answer = ask(*url, *access);
  if (!answer && answer.error().code == ErrorCode::kUnauthenticated &&
      !access->secret_name.empty()) {
    auto fresh = AccessTo(repository, *url, proxy, AccessSource::Freshness::kFresh);
    if (!fresh) return Fail(std::move(fresh.error()));
    if (*fresh != *access) {
      access = std::move(fresh);
      answer = ask(*url, *access);
    }
  }
  if (!answer) return Fail(Explain(*access, proxy, std::move(answer.error())));
  return answer;
}

Result<RemoteRefs> NetworkGitRemote::ListRefs(const RemoteRepository& repository,
                                              const std::vector<RefPattern>& patterns) {
  return With<RemoteRefs>(repository, [&](const git::GitUrl& url, const git::Access& access) {
    return access.ssh ? ssh_refs_.List(url, access, patterns)
                      : http_refs_.List(url, access, patterns);
  });
}

Result<std::vector<HistoryAnswer>> NetworkGitRemote::History(
    const RemoteRepository& repository, const std::vector<HistoryQuery>& queries) {
  return With<std::vector<HistoryAnswer>>(
      repository, [&](const git::GitUrl& url, const git::Access& access) {
        return mirrors_.History(repository.key, url, access, queries);
      });
}

Result<DetailsAnswer> NetworkGitRemote::Details(const RemoteRepository& repository,
                                                const std::vector<DetailsQuery>& queries) {
  return With<DetailsAnswer>(repository, [&](const git::GitUrl& url, const git::Access& access) {
    return mirrors_.Details(repository.key, url, access, queries);
  });
}

}  // namespace committest::observer
