#pragma once

#include <chrono>
#include <cstddef>
#include <stop_token>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/mutex.h"
#include "common/base/recent_map.h"
#include "common/base/result.h"
#include "common/git/credentials.h"
#include "common/git/url_policy.h"
#include "common/http/resolver.h"
#include "observer/git_remote.h"
#include "observer/ls_refs.h"

namespace committest::observer {

struct SshRefsOptions {
  std::string program = "/usr/bin/ssh";
  /// For one listing.
  std::chrono::milliseconds deadline{10'000};
  /// As in `HttpRefsOptions`.
  std::size_t max_answer_bytes = std::size_t{16} * 1024 * 1024;
};

/// Lists the refs of remote repositories over ssh: each look is one `ssh` that runs git-upload-pack
/// at the other end. The question goes out with the connection, so that a server with protocol v2
/// sends what was asked for only; one without it sends all its refs.
///
/// Thread-safe.
class SshRefs {
 public:
  /// The references must outlive this.
  SshRefs(SshRefsOptions options, const http::AddressBook& addresses, const Clock& clock,
          std::stop_token stop)
      : options_(std::move(options)),
        addresses_(addresses),
        clock_(clock),
        stop_(std::move(stop)),
        servers_(clock, kServersRemembered, kMaxServersRemembered) {}

  /// As `GitRemote::ListRefs`. REQUIRES: access.ssh.
  Result<RemoteRefs> List(const git::GitUrl& url, const git::Access& access,
                          const std::vector<RefPattern>& patterns) EXCLUDES(mutex_);

 private:
  Result<RemoteRefs> Ask(const git::GitUrl& url, const git::Access& access,
                         const ServerCapabilities& server, const std::vector<RefPattern>& patterns,
                         ServerCapabilities& told);
  Result<std::string> Run(const git::GitUrl& url, const git::Access& access, std::string input);

  const SshRefsOptions options_;
  const http::AddressBook& addresses_;
  const Clock& clock_;
  const std::stop_token stop_;
  Mutex mutex_;
  RecentMap<std::string, ServerCapabilities> servers_ GUARDED_BY(mutex_);  ///< By URL.
};

}  // namespace committest::observer
