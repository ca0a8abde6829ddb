#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/mutex.h"
#include "common/base/recent_map.h"
#include "common/base/result.h"
#include "common/git/credentials.h"
#include "common/git/url_policy.h"
#include "common/http/client.h"
#include "observer/git_remote.h"
#include "observer/ls_refs.h"

namespace committest::observer {

/// Makes the client of one endpoint ("https://host:port"). `ca_pem` holds the only authorities that
/// it trusts; empty: those of the installation.
using HttpClientFactory = std::function<Result<std::unique_ptr<http::Client>>(
    const std::string& endpoint, const std::string& ca_pem)>;

struct HttpRefsOptions {
  /// For one listing, however many requests it takes.
  std::chrono::milliseconds deadline{10'000};
  /// Of one answer: some 200,000 refs. A v0 server sends all its refs each time.
  std::size_t max_answer_bytes = std::size_t{16} * 1024 * 1024;
};

/// Lists the refs of remote repositories over smart HTTP.
///
/// What a server can do is asked once per repository and remembered, so that a look at an unchanged
/// repository is one POST of some hundred bytes on a connection that is kept; after any error it is
/// asked again. Servers without protocol v2 answer the first question with all their refs; with
/// them each look is that GET.
///
/// Thread-safe. Clients are made per endpoint and authorities, and kept. Both they and what is known
/// of servers are forgotten when they were not used for `kServersRemembered`, at the latest for
/// twice as long. Credentials are no part of a client: they go with each request, to the origin of the
/// repository's URL and nowhere else.
class HttpRefs {
 public:
  HttpRefs(HttpRefsOptions options, HttpClientFactory make_client, const Clock& clock,
           std::stop_token stop);

  /// As `GitRemote::ListRefs`. Redirects are refused: the message says so (security rule S6).
  Result<RemoteRefs> List(const git::GitUrl& url, const git::Access& access,
                          const std::vector<RefPattern>& patterns) EXCLUDES(mutex_);

  /// How many clients and servers are remembered, together.
  std::size_t Remembered() const EXCLUDES(mutex_);

 private:
  struct Look;

  Result<RemoteRefs> ListFresh(const Look& look);
  Result<RemoteRefs> Ask(const Look& look, const ServerCapabilities& server);
  Result<std::string> Send(const Look& look, http::Request request);
  Result<std::shared_ptr<http::Client>> ClientOf(const std::string& origin,
                                                 const std::string& ca_pem) EXCLUDES(mutex_);

  const HttpRefsOptions options_;
  const HttpClientFactory make_client_;
  const Clock& clock_;
  const std::stop_token stop_;
  mutable Mutex mutex_;
  RecentMap<std::string, std::shared_ptr<http::Client>> clients_
      GUARDED_BY(mutex_);  ///< By origin and authorities.
  RecentMap<std::string, ServerCapabilities> servers_ GUARDED_BY(mutex_);  ///< v2 only; by URL.
};

/// What an HTTP answer other than 200 means to the observer.
Error ErrorOfAnswer(const http::Response& response);

}  // namespace committest::observer
