#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/http/resolver.h"
#include "common/kube/object.h"
#include "observer/credentials.h"
#include "observer/git_remote.h"
#include "observer/history.h"
#include "observer/url_policy.h"

namespace committest::observer {

struct MirrorOptions {
  std::filesystem::path data_dir;  ///< Exists and is ours alone.
  std::string git_program = "/usr/bin/git";
  /// `committest-ssh`, which git runs in place of ssh.
  std::string ssh_wrapper = "/usr/bin/committest-ssh";
  /// PEM with the authorities that vouch for hosts without authorities of their own. Empty: the
  /// system's.
  std::string ca_file;
  /// For all of one look's fetches together.
  std::chrono::milliseconds fetch_deadline{60'000};
  /// Of each git process: far above what commit objects need, far below what hurts the node.
  std::uint64_t address_space_bytes = std::uint64_t{4} << 30U;
  /// What it may hold in memory; a million commits take 220 MB.
  std::uint64_t data_bytes = std::uint64_t{512} << 20U;
  std::uint64_t file_bytes = std::uint64_t{2} << 30U;
};

/// What the standard error of a failed `git fetch` means.
/// kNotFound: the server does not give out what was asked for; kUnauthenticated: it wants
/// credentials; kDataLoss: the local repository or what was received is broken; else kUnavailable.
Error ClassifyFetchFailure(std::string_view errors);

/// Whether it means that the server refuses the object filter rather than the fetch.
bool RefusesFilter(std::string_view errors);

/// The bare mirrors under one folder, one per ObservedRepository, and the histories read from them.
///
/// A mirror holds commits, and of their folders and files only what `Details` had to look at:
/// `--filter=tree:0` leaves out all trees and blobs, so that even the
/// first fetch is small (some 250 bytes a commit), and still every question about ancestry has an
/// exact answer. A shallow fetch (`--depth`) would be smaller at first, but behind its boundary
/// nobody can tell what a merged branch forked from, how many commits lie before the cursor, or
/// whether a branch was rewritten. A server that ignores filters sends everything; one that refuses
/// them is asked again with less of a filter.
///
/// All network work is done by `git fetch` in a child process with deadline and limits, without a
/// shell, configuration, hooks, redirects or other protocols than the URL's, and to addresses only that
/// were resolved and judged right before it (reliability rule 10, security rule S6). Credentials are in
/// the environment of that process and of its children, which nobody but its user can read, and are
/// bound to the origin of the URL. The wanted commits are asked for by object name; where
/// the server refuses that, by the ref's name. Each becomes a ref of the mirror whose name is a
/// hash, so that remote names never become file names.
///
/// Nothing here is precious: what a killed process left behind is removed before the next, and a
/// mirror that is missing, broken or of another URL is made anew.
///
/// Thread-safe for different repositories.
class Mirrors {
 public:
  /// The references must outlive this.
  Mirrors(MirrorOptions options, const http::AddressBook& addresses, const HistoryReader& reader,
          const Clock& clock, std::stop_token stop);

  /// As `GitRemote::History`.
  Result<std::vector<HistoryAnswer>> History(const kube::ObjectKey& repository, const GitUrl& url,
                                             const Access& access,
                                             const std::vector<HistoryQuery>& queries) const;
  /// As `GitRemote::Details`.
  Result<DetailsAnswer> Details(const kube::ObjectKey& repository, const GitUrl& url,
                                const Access& access,
                                const std::vector<DetailsQuery>& queries) const;
  /// As `GitRemote::Forget`.
  void Forget(const kube::ObjectKey& repository) const;

  /// Where the mirror of `repository` is.
  std::filesystem::path PathOf(const kube::ObjectKey& repository) const;

 private:
  struct Look;
  struct FetchRequest;

  Status Prepare(const Look& look) const;
  Result<std::vector<HistoryAnswer>> Answer(const Look& look) const;
  Status FetchTips(const Look& look, const std::vector<HistoryQuery>& missing) const;
  Status FetchOneByOne(const Look& look, const std::vector<HistoryQuery>& missing) const;
  Status Fetch(const Look& look, const std::vector<std::string>& refspecs) const;
  Status FetchMissing(const Look& look, const std::vector<DetailsStep>& steps,
                      std::set<std::string>& oversized) const;
  Status FetchObjects(const Look& look, const std::vector<std::string>& ids,
                      std::uint64_t file_bytes) const;
  Status FetchFiles(const Look& look, const std::vector<std::string>& ids,
                    std::set<std::string>& oversized) const;
  Status FetchWhole(const Look& look, const std::vector<DetailsQuery>& queries) const;
  Status RunGit(const Look& look, const FetchRequest& request, std::string& errors) const;

  const MirrorOptions options_;
  const http::AddressBook& addresses_;
  const HistoryReader& reader_;
  const Clock& clock_;
  const std::stop_token stop_;
};

}  // namespace committest::observer
