#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "observer/git_remote.h"

namespace committest::observer {

// What a commit holds, read from a mirror that has no more than what was asked for before: pure,
// but for its source.

struct CommitRoot {
  std::string tree;
  std::string first_parent;  ///< Empty at a root.
};

struct TreeEntry {
  std::string name;
  std::uint32_t mode = 0;  ///< As Git has it: 0100644, 0040000 ...
  std::string id;

  bool IsFolder() const { return (mode & 0170000U) == 0040000U; }
  bool IsFile() const { return (mode & 0170000U) == 0100000U; }
  bool operator==(const TreeEntry&) const = default;
};

/// The folders and files of one local repository. Used by one thread. Each gives nothing for an
/// object that is not there, and kDataLoss for one that cannot be read.
class TreeSource {
 public:
  virtual ~TreeSource() = default;

  virtual Result<std::optional<CommitRoot>> Root(const std::string& commit) = 0;
  virtual Result<std::optional<std::vector<TreeEntry>>> Tree(const std::string& id) = 0;
  /// Of a file with more than `max_bytes`, `max_bytes` + 1 of any bytes.
  virtual Result<std::optional<std::string>> Blob(const std::string& id, std::size_t max_bytes) = 0;
};

/// Either the details of a commit, or what has to be fetched to say more.
struct DetailsStep {
  std::optional<CommitDetails> details;
  std::vector<std::string> missing_trees;
  std::vector<std::string> missing_files;  ///< Blobs: at most one.
};

/// Answers `query` as far as `source` allows. Folders that did not change, or in which nothing
/// counts, are neither read nor missing; neither is anything once it is known that the commit
/// counts. A change that is spread over more than `kMaxChangedTrees` folders, or deeper than
/// `kMaxTreeDepth`, counts; so does one against a commit that is not there.
///
/// Called again after each fetch of what is missing it comes to an end: each level of folders
/// takes one fetch.
///
/// kNotFound: the commit is not there; kDataLoss: an object cannot be read.
Result<DetailsStep> ReadDetails(TreeSource& source, const DetailsQuery& query);

inline constexpr std::size_t kMaxChangedTrees = 2'000;
inline constexpr std::size_t kMaxTreeDepth = 40;

}  // namespace committest::observer
