#pragma once

#include <string>

#include "common/base/result.h"
#include "observer/commit_walk.h"
#include "observer/git_remote.h"

namespace committest::observer {

enum class ObjectKind { kMissing, kCommit, kOther };

/// The objects of one local repository, as far as histories need them. Used by one thread.
class CommitSource {
 public:
  virtual ~CommitSource() = default;

  /// kDataLoss: the object cannot be read.
  virtual Result<ObjectKind> KindOf(const std::string& id) = 0;

  /// The parents and the time of a commit; at a shallow boundary without parents.
  /// kNotFound: it is not there; kDataLoss: it cannot be read.
  virtual Result<CommitNode> Node(const std::string& id) = 0;

  /// What a CommitTest says of a commit. Errors as above.
  virtual Result<Commit> Describe(const std::string& id) = 0;
};

/// The longest texts that `Describe` gives, in bytes.
inline constexpr std::size_t kMaxAuthorBytes = 200;
inline constexpr std::size_t kMaxSubjectBytes = 100;

/// A commit's time is for its author to choose; WallTime holds 292 years before and after 1970.
WallTime BoundedTime(std::int64_t seconds_since_epoch);

}  // namespace committest::observer
