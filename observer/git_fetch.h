#pragma once

#include <cstdint>
#include <filesystem>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/git/credentials.h"
#include "common/git/url_policy.h"
#include "common/http/resolver.h"

namespace committest::observer {

struct GitFetchOptions {
  std::string program = "/usr/bin/git";
  /// `committest-ssh`, which git runs in place of ssh.
  std::string ssh_wrapper = "/usr/bin/committest-ssh";
  /// PEM with the authorities that vouch for hosts without authorities of their own. Empty: the
  /// system's.
  std::string ca_file;
  /// Of each git process: far above what commit objects need, far below what hurts the node.
  std::uint64_t address_space_bytes = std::uint64_t{4} << 30U;
  /// What it may hold in memory; a million commits take 220 MB.
  std::uint64_t data_bytes = std::uint64_t{512} << 20U;
};

/// Where a fetch goes from and to, and until when.
struct FetchTarget {
  std::filesystem::path mirror;
  const git::GitUrl& url;
  const git::Access& access;
  MonotonicTime deadline;
};

/// What is fetched.
struct FetchRequest {
  std::string filter{};  ///< As `--filter` has it; empty: none.
  std::vector<std::string> refspecs{};
  std::uint64_t file_bytes = 0;  ///< The largest file that may be written.
  /// Whether commits and folders are looked through for what a strict reader would refuse. Names are
  /// always compared with the contents.
  bool checked = true;
  /// Objects by their names: the server is told of nothing that is here, so that it leaves nothing
  /// out.
  bool single_objects = false;
  bool again = false;  ///< As if nothing were here.
  /// Whether git may pack all of the mirror into one file afterwards, which `file_bytes` limits, too.
  bool may_repack = true;
};

enum class FetchOutcome { kFetched, kFilterRefused };

/// What the standard error of a failed `git fetch` means.
/// kNotFound: the server does not give out what was asked for; kUnauthenticated: it wants
/// credentials; kDataLoss: the local repository or what was received is broken; else kUnavailable.
Error ClassifyFetchFailure(std::string_view errors);

/// Runs `git fetch` in a child process with deadline and limits, without a shell, configuration,
/// hooks, redirects or other protocols than the URL's, and to addresses only that were resolved and
/// judged right before it (reliability rule 10, security rule S6). Credentials are in the environment of
/// that process and of its children, which nobody but its user can read, and are bound to the origin
/// of the URL; so is the access's proxy with its own, which resolves the host's name in our place.
///
/// Thread-safe for different mirrors.
class GitFetch {
 public:
  /// The references must outlive this. Children die when `stop` is requested.
  GitFetch(GitFetchOptions options, const http::AddressBook& addresses, const Clock& clock,
           std::stop_token stop);

  /// kFilterRefused: the server takes no such filter, and nothing was fetched. Errors: those of
  /// `ClassifyFetchFailure`; kDeadlineExceeded, kCancelled, kResourceExhausted (a limit); those of the
  /// addresses, of the credentials and of ssh.
  Result<FetchOutcome> Run(const FetchTarget& target, const FetchRequest& request) const;

 private:
  /// Where git may connect to; none when that is for a proxy to find out.
  Result<std::vector<http::IpAddress>> JudgedAddresses(const FetchTarget& target) const;

  const GitFetchOptions options_;
  const http::AddressBook& addresses_;
  const Clock& clock_;
  const std::stop_token stop_;
};

}  // namespace committest::observer
