#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "observer/commit_details.h"
#include "observer/git_remote.h"

namespace committest::observer {

/// Reads commits of local bare repositories with libgit2, those of repositories with SHA-256 by git's
/// own commands; never touches the network or a working tree, and no configuration but the
/// repository's own. The only user of libgit2.
///
/// Thread-safe: each call opens the repository for itself, as libgit2's objects must not be shared
/// between threads. One instance lives for as long as histories are read.
class HistoryReader {
 public:
  HistoryReader();
  ~HistoryReader();
  HistoryReader(const HistoryReader&) = delete;
  HistoryReader& operator=(const HistoryReader&) = delete;

  /// Whether the repository at `path` holds the object `id`. False also when it cannot be opened.
  bool Contains(const std::string& path, const std::string& id) const;

  /// The commits that can be reached from `query.to` but not from `query.from`; of a merge, with
  /// `History::kFirstParent`, those of the first parent only. At most `query.limit`, the newest,
  /// oldest first, and how many more there are. For the other cases see `Relation`.
  ///
  /// Both sides are walked by commit time until they have met, as Git itself does: clocks that were
  /// wrong by more than a day may leave an old commit among the new ones, never the reverse. The
  /// repository's `shallow` file bounds the walk (libgit2 1.5 does not know it).
  ///
  /// After `kMaxVisited` commits the walk ends and the answer is what was found so far.
  ///
  /// Errors: kNotFound: `query.to` is not in the repository; kDataLoss: the repository cannot be
  /// opened, or an object is missing or corrupt.
  Result<HistoryAnswer> Read(const std::string& path, const HistoryQuery& query) const;

  /// A step for each query, as `ReadDetails` says; see there for the errors, too.
  Result<std::vector<DetailsStep>> Details(const std::string& path,
                                           const std::vector<DetailsQuery>& queries) const;

  /// If there are more than `limit` refs under `prefix`, deletes those that are not in `keep`.
  Status PruneRefs(const std::string& path, const std::string& prefix, std::size_t limit,
                   const std::vector<std::string>& keep) const;

  /// 2 million commits: twice Linux. About 100 bytes and 2 µs each.
  static constexpr std::size_t kMaxVisited = 2'000'000;

 private:
  const SystemClock
      clock_;  // For the deadlines of child processes, which the kernel's time drives.
};

}  // namespace committest::observer
