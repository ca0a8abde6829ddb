#pragma once

#include <string>
#include <vector>

#include "observer/git_remote.h"
#include "observer/http_refs.h"
#include "observer/mirror.h"
#include "observer/url_policy.h"

namespace committest::observer {

/// The real `GitRemote`: lists over HTTP in this process, fetches by `git` in child processes.
class GitOverHttp final : public GitRemote {
 public:
  /// Both must outlive this.
  GitOverHttp(UrlPolicy policy, HttpRefs& refs, const Mirrors& mirrors)
      : policy_(policy), refs_(refs), mirrors_(mirrors) {}

  Result<RemoteRefs> ListRefs(const std::string& url,
                              const std::vector<RefPattern>& patterns) override {
    const auto checked = CheckUrl(url, policy_);
    if (!checked) return Fail(checked.error());
    return refs_.List(*checked, patterns);
  }

  Result<std::vector<HistoryAnswer>> History(const kube::ObjectKey& repository,
                                             const std::string& url,
                                             const std::vector<HistoryQuery>& queries) override {
    return mirrors_.History(repository, url, queries);
  }

  void Forget(const kube::ObjectKey& repository) override { mirrors_.Forget(repository); }

 private:
  const UrlPolicy policy_;
  HttpRefs& refs_;
  const Mirrors& mirrors_;
};

}  // namespace committest::observer
