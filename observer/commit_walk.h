#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <queue>
#include <string>
#include <unordered_map>
#include <vector>

#include "common/api/observed_repository.h"
#include "common/base/result.h"

namespace committest::observer {

/// What the walk has to know of a commit.
struct CommitNode {
  std::int64_t time = 0;             ///< Seconds since the epoch, by the committer's clock.
  std::vector<std::string> parents;  ///< Object names; empty at a root and at a shallow boundary.
};

/// Loads one commit; an error ends the walk and is what it returns.
using LoadCommit = std::function<Result<CommitNode>(const std::string& id)>;

/// Finds the commits that one commit reaches and another does not, in one repository: two colours
/// flow from the tip ("new") and from the cursor ("old") to the parents, the newest commit first. A
/// commit is new if only the first colour has reached it. Old flows to all parents; new flows to
/// the first parent only, if the mode says so.
///
/// The walk ends when no commit waits that is new alone, and the old side has come a day further
/// than the oldest new commit: so wrong clocks do harm only if they were wrong by more. A commit
/// that is reached by a colour late is looked at again, hence the order of visits does not matter
/// for the result.
class CommitWalk {
 public:
  CommitWalk(LoadCommit load, api::History mode, std::size_t max_visited)
      : load_(std::move(load)), mode_(mode), max_visited_(max_visited) {}

  /// What the two commits are to each other, and the new ones.
  struct Outcome {
    std::vector<std::string> commits;  ///< Children before parents, else the newest first.
    bool reached_cursor = false;       ///< The cursor is an ancestor of the tip.
    bool reached_tip = false;          ///< The tip is an ancestor of the cursor.
    bool share_history = false;
  };

  /// REQUIRES: both can be loaded; called once per object.
  Result<Outcome> Between(const std::string& cursor, const std::string& tip);

  /// The newest `limit` commits that `tip` reaches, children before parents.
  Result<std::vector<std::string>> Newest(const std::string& tip, std::size_t limit);

 private:
  using Index = std::size_t;
  struct Node {
    std::string id;
    CommitNode commit;
    bool is_new = false;
    bool is_old = false;
    bool is_queued = false;

    bool IsNewAlone() const { return is_new && !is_old; }
  };

  Result<Index> Load(const std::string& id);
  void Enqueue(Index index);
  Index TakeNewest();
  void Paint(Index index, bool is_new, bool is_old);
  Status Spread(Index index);
  bool IsDone() const;
  std::vector<std::string> ChildrenFirst(const std::vector<Index>& members) const;

  const LoadCommit load_;
  const api::History mode_;
  const std::size_t max_visited_;
  std::vector<Node> nodes_;
  std::unordered_map<std::string, Index> index_;
  std::priority_queue<std::pair<std::int64_t, Index>> queue_;  ///< By time, the newest on top.
  std::size_t new_in_queue_ = 0;
  std::int64_t oldest_new_ = INT64_MAX;
};

}  // namespace committest::observer
