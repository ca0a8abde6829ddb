#pragma once

#include <functional>
#include <vector>

#include "common/git/url_policy.h"
#include "common/http/proxy.h"
#include "observer/access_source.h"
#include "observer/git_remote.h"
#include "observer/http_refs.h"
#include "observer/mirror.h"
#include "observer/ssh_refs.h"

namespace committest::observer {

/// The real `GitRemote`: lists over HTTP in this process, or over ssh in a child process; fetches by
/// `git` in child processes.
///
/// Credentials that a server refuses are read anew once, at once, so that a Secret that was changed
/// counts without waiting; nothing is asked twice with the same ones. What a server says is freed
/// of them before it goes on, in whatever form it repeats them; the same goes for those of a proxy,
/// through which https:// and http:// are asked where there is one, and ssh:// never.
class NetworkGitRemote final : public GitRemote {
 public:
  /// All must outlive this.
  NetworkGitRemote(git::UrlPolicy policy, const http::ProxySettings& proxies, AccessSource& access,
                   HttpRefs& http_refs, SshRefs& ssh_refs, const Mirrors& mirrors)
      : policy_(policy),
        proxies_(proxies),
        access_(access),
        http_refs_(http_refs),
        ssh_refs_(ssh_refs),
        mirrors_(mirrors) {}

  Result<RemoteRefs> ListRefs(const RemoteRepository& repository,
                              const std::vector<RefPattern>& patterns) override;
  Result<std::vector<HistoryAnswer>> History(const RemoteRepository& repository,
                                             const std::vector<HistoryQuery>& queries) override;
  Result<DetailsAnswer> Details(const RemoteRepository& repository,
                                const std::vector<DetailsQuery>& queries) override;
  void Forget(const kube::ObjectKey& repository) override { mirrors_.Forget(repository); }

 private:
  template <typename T>
  Result<T> With(const RemoteRepository& repository,
                 const std::function<Result<T>(const git::GitUrl&, const git::Access&)>& ask);
  Result<git::Access> AccessTo(const RemoteRepository& repository, const git::GitUrl& url,
                               const http::Proxy* proxy, AccessSource::Freshness freshness);

  const git::UrlPolicy policy_;
  const http::ProxySettings& proxies_;
  AccessSource& access_;
  HttpRefs& http_refs_;
  SshRefs& ssh_refs_;
  const Mirrors& mirrors_;
};

}  // namespace committest::observer
