#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "observer/commit_details.h"
#include "observer/commit_source.h"

namespace committest::observer {

/// Reads a local repository with git's own commands, for repositories with SHA-256, which libgit2
/// (1.5) does not know. Each command is a child process with deadline and limits that may not reach
/// the network; commits are read by the thousand, so that ten thousand take some 50 ms.
class GitCommands final : public CommitSource, public TreeSource {
 public:
  /// `clock` must run, and outlive this.
  GitCommands(std::string path, const Clock& clock);

  Result<ObjectKind> KindOf(const std::string& id) override;
  Result<CommitNode> Node(const std::string& id) override;
  Result<Commit> Describe(const std::string& id) override;

  Result<std::optional<CommitRoot>> Root(const std::string& commit) override;
  Result<std::optional<std::vector<TreeEntry>>> Tree(const std::string& id) override;
  Result<std::optional<std::string>> Blob(const std::string& id, std::size_t max_bytes) override;

  /// As `HistoryReader::PruneRefs`.
  Status PruneRefs(const std::string& prefix, std::size_t limit,
                   const std::vector<std::string>& keep) const;

 private:
  struct Record {
    CommitNode node;
    Commit commit;
  };

  Result<std::string> Run(const std::vector<std::string>& arguments) const;
  Result<const Record*> Load(const std::string& id);
  void Remember(std::string_view record);

  const std::string path_;
  const Clock& clock_;
  const MonotonicTime deadline_;
  std::unordered_map<std::string, Record> records_;
};

}  // namespace committest::observer
