#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "common/api/commit_test.h"
#include "common/base/clock.h"
#include "common/kube/object.h"

// Whose turn it is: pure.

namespace committest::op {

/// A refused launch is not tried again sooner, unless a Job of its namespace has gone.
inline constexpr std::chrono::seconds kRefusalPause{15};

/// An ObservedRepository by namespace and name; the name is empty for CommitTests that name none.
using RepositoryKey = kube::ObjectKey;

/// An unfinished CommitTest, as far as its turn depends on it.
struct Contender {
  kube::ObjectKey key;
  std::string uid;
  std::string repository;  ///< Name, or empty.
  std::string ref;
  std::int64_t priority = 0;
  WallTime since;           ///< When its commit was detected, else when it was created.
  bool observed = false;    ///< The observer made it, so a newer commit may supersede it.
  bool holds_slot = false;  ///< It was launched, or may be launched at any moment.
  bool suspended = false;
  bool held_back = false;  ///< Its launch was refused a short while ago.

  RepositoryKey Repository() const { return {key.namespace_, repository}; }
};

/// What an ObservedRepository says about the turns of its CommitTests.
struct RepositoryLimits {
  std::int64_t max = 0;  ///< How many may run; 0: no limit.
  bool cancel_older = false;
  std::string problem;  ///< Why the rest cannot be relied on, or empty.

  bool operator==(const RepositoryLimits&) const = default;
};

/// The newest CommitTest that the observer made for a ref of a repository.
struct NewestOfRef {
  WallTime since;
  std::string name;
};

struct QueueInput {
  std::vector<Contender> contenders;
  std::map<RepositoryKey, RepositoryLimits> repositories;
  std::map<std::pair<RepositoryKey, std::string>, NewestOfRef> newest;
  /// Why a namespace's quota has just refused a launch, in the server's words.
  std::map<std::string, std::string> refusing_namespaces;
  std::int64_t cluster_max = 0;  ///< How many may run in all; 0: no limit.
};

enum class Turn {
  kAdmitted,            ///< It has a slot, and may be launched.
  kQueued,              ///< Another's turn.
  kHeldBack,            ///< Refused a short while ago: not yet again.
  kRepositoryNotReady,  ///< Its repository's limits cannot be read.
  kSuperseded,          ///< A newer commit of its ref has come, and the repository wants only that.
};

/// Which limit a waiting CommitTest waits for.
enum class Bound { kRepository, kCluster, kQuota };

struct Place {
  Turn turn = Turn::kAdmitted;
  std::int64_t position = 0;  ///< Of kQueued: in the line of its repository, from 1.
  Bound bound = Bound::kRepository;
  std::int64_t limit = 0;  ///< Of kQueued, unless it waits for a quota.
  /// Of kQueued for a quota and of kRepositoryNotReady: the reason in words; of kSuperseded: the
  /// name of the newer CommitTest.
  std::string detail;

  bool operator==(const Place&) const = default;
};

/// Everybody's place. Total.
///
/// | the CommitTest                                             | its turn             |
/// |------------------------------------------------------------|----------------------|
/// | has a newer one of its ref, and policy CancelOlder         | kSuperseded          |
/// | holds a slot                                               | kAdmitted            |
/// | is suspended                                               | kQueued, position 0  |
/// | belongs to a repository that cannot be read                | kRepositoryNotReady  |
/// | was refused a short while ago                              | kHeldBack            |
/// | is in a namespace whose quota refuses                      | kQueued for it       |
/// | is next in its line while its repository and the cluster   | kAdmitted            |
/// |   are below their limits                                   |                      |
/// | otherwise                                                  | kQueued              |
///
/// A repository's line is ordered by priority, then age, then name. Free slots go one by one to the
/// repository that holds the fewest, so that no repository can keep another one waiting; priority
/// counts within a repository only.
std::map<kube::ObjectKey, Place> PlanQueue(const QueueInput& input);

/// When the commit of a CommitTest was detected, else when the CommitTest was created: the order in
/// which they wait, and in which they count as new.
WallTime SeenTime(const api::CommitTest& commit_test);

/// How many positions are shown as one around `position`.
std::int64_t PositionStep(std::int64_t position);
/// The last position of the range that is shown for `position`: itself up to 10, then the end of
/// its ten, of its hundred from 100 on. Few of a thousand waiting ones are thus written to when one
/// of them leaves.
std::int64_t CoarsePosition(std::int64_t position);

}  // namespace committest::op
