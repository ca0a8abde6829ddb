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
#include "common/git/credentials.h"
#include "common/git/url_policy.h"
#include "common/http/resolver.h"
#include "common/kube/object.h"
#include "observer/git_fetch.h"
#include "observer/git_remote.h"
#include "observer/history.h"

namespace committest::observer {

struct MirrorOptions {
  std::filesystem::path data_dir;  ///< Exists and is ours alone.
  GitFetchOptions git;
  /// For all of one look's fetches together.
  std::chrono::milliseconds fetch_deadline{60'000};
  /// The largest file that a fetch may write.
  std::uint64_t file_bytes = std::uint64_t{2} << 30U;
};

/// The bare mirrors under one folder, one per ObservedRepository, and the histories read from them.
///
/// A mirror holds commits, and of their folders and files only what `Details` had to look at:
/// `--filter=tree:0` leaves out all trees and blobs, so that even the
/// first fetch is small (some 250 bytes a commit), and still every question about ancestry has an
/// exact answer. Commits that follow on those come with the folders that they change (`blob:none`), so
/// that one fetch is enough for most; servers that refuse `tree:0` mostly take that. A shallow fetch (`--depth`) would be smaller at first, but behind its boundary
/// nobody can tell what a merged branch forked from, how many commits lie before the cursor, or
/// whether a branch was rewritten. A server that ignores filters sends everything; one that refuses
/// them is asked again with less of a filter.
///
/// All network work is done by `GitFetch`. The wanted commits are asked for by object name; where
/// the server refuses that, by the ref's name.
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
  Result<std::vector<HistoryAnswer>> History(const kube::ObjectKey& repository,
                                             const git::GitUrl& url, const git::Access& access,
                                             const std::vector<HistoryQuery>& queries) const;
  /// As `GitRemote::Details`.
  Result<DetailsAnswer> Details(const kube::ObjectKey& repository, const git::GitUrl& url,
                                const git::Access& access,
                                const std::vector<DetailsQuery>& queries) const;
  /// As `GitRemote::Forget`.
  void Forget(const kube::ObjectKey& repository) const;

  /// Where the mirror of `repository` is.
  std::filesystem::path PathOf(const kube::ObjectKey& repository) const;

 private:
  struct Look;

  Result<std::vector<HistoryAnswer>> Answer(const Look& look) const;
  Status FetchTips(const Look& look, const std::vector<HistoryQuery>& missing) const;
  Status FetchOneByOne(const Look& look, const std::vector<HistoryQuery>& missing) const;
  Status Fetch(const Look& look, const std::vector<std::string>& refspecs) const;
  bool Follows(const Look& look) const;
  Result<bool> FetchWithFolders(const Look& look, const std::vector<std::string>& refspecs) const;
  Status FetchMissing(const Look& look, const std::vector<DetailsStep>& steps,
                      std::set<std::string>& oversized) const;
  Status FetchObjects(const Look& look, const std::vector<std::string>& ids,
                      std::uint64_t file_bytes) const;
  Status FetchFiles(const Look& look, const std::vector<std::string>& ids,
                    std::set<std::string>& oversized) const;
  Status FetchWhole(const Look& look, const std::vector<DetailsQuery>& queries) const;
  Status RunGit(const Look& look, const std::vector<FetchRequest>& attempts) const;

  const MirrorOptions options_;
  const GitFetch git_;
  const HistoryReader& reader_;
  const Clock& clock_;
};

}  // namespace committest::observer
