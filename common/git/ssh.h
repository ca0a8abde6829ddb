#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/git/credentials.h"
#include "common/git/url_policy.h"
#include "common/process/memory_file.h"

namespace committest::git {

/// Key and known hosts of one access by ssh, as `ssh` takes them: files in memory that go with this.
class SshSession {
 public:
  /// kUnavailable as of `MemoryFile`.
  static Result<SshSession> Open(const SshCredentials& credentials);

  /// The options of `ssh`: this key and no other, no agent, no passwords and no questions; a host is
  /// who the known hosts say or is not talked to; no configuration file is read, nothing is
  /// forwarded, no other program runs. It connects to `address`, which was judged before, and takes
  /// it for the host of `url`.
  std::vector<std::string> Options(const GitUrl& url, const std::string& address,
                                   std::chrono::seconds connect_timeout) const;

 private:
  SshSession(MemoryFile key, MemoryFile known_hosts)
      : key_(std::move(key)), known_hosts_(std::move(known_hosts)) {}

  MemoryFile key_;
  MemoryFile known_hosts_;
};

/// Everything behind the options: port, user and host, and the command that serves `url`'s
/// repository. REQUIRES: url passed `CheckUrl` and its scheme is ssh.
std::vector<std::string> SshTarget(const GitUrl& url);

/// What the standard error of `ssh`, alone or below git, means; nullopt when it is nothing of ssh's.
/// kUnauthenticated: the key was refused; kPermissionDenied with the reason HostKeyRefused: the host
/// is not the one that is known; kInvalidArgument with the reason CredentialsInvalid: ssh cannot
/// read the key; kNotFound: no such repository; kDeadlineExceeded; kUnavailable. `secret_name` is
/// for messages.
std::optional<Error> SshFailure(std::string_view secret_name, std::string_view errors);

/// The variable with which `committest-ssh`, which git runs in place of ssh, gets ssh's options, one
/// a line.
inline constexpr std::string_view kSshOptionsVariable = "COMMITTEST_SSH_OPTIONS";

}  // namespace committest::git
