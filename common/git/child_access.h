#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "common/git/credentials.h"
#include "common/git/ssh.h"
#include "common/process/memory_file.h"

namespace committest::git {

/// What belongs to an access and is the same for all repositories.
struct ChildAccessOptions {
  /// PEM with the authorities that vouch for hosts whose credentials name none; empty: the system's.
  std::string ca_file;
  std::string ssh_wrapper = "/usr/bin/committest-ssh";  ///< What git runs in place of ssh.
  /// For ssh: where to connect to, when the host's name has been resolved; empty: where it leads.
  std::string ssh_address;
  std::chrono::seconds connect_timeout{10};  ///< For ssh.
};

/// How a git child process reaches one repository: through its environment, which only processes of
/// the same user can read, and through files in memory. Holds secrets; must outlive the child.
struct ChildAccess {
  /// "NAME=value". GIT_ALLOW_PROTOCOL lets nothing but the URL's scheme through.
  std::vector<std::string> environment;
  std::optional<MemoryFile> ca;
  std::optional<SshSession> ssh;
};

/// kUnavailable as of `MemoryFile`. REQUIRES: `CheckFit` passed for `url`.
Result<ChildAccess> GrantAccess(const ChildAccessOptions& options, const GitUrl& url,
                                const Access& access);

}  // namespace committest::git
