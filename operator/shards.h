#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/api/commit_test.h"
#include "operator/ending.h"
#include "operator/pod_view.h"

// The Pods of an attempt as one: what is decided of an attempt does not know how many there are.

namespace committest::op {

/// The verdict on one attempt: that of verdict.h on its Pods, or, of a CommitTest in shards, on the
/// Pods of each shard, folded into one ending. Pure and total. nullopt: no evidence yet.
///
/// A Pod belongs to the shard that the Job controller's index names. The first row that matches
/// counts; where several shards match, the first of them.
///
/// | the shards                                                 | ending
/// |------------------------------------------------------------|-------
/// | one ends with a retry, though others may still run         | that retry: the attempt is lost
/// | one has no ending yet                                      | not yet
/// | one was started twice, and its results disagree            | Error ResultLost
/// | one ends as ConfigurationError                             | that
/// | one ends as CommitGone                                     | that
/// | one ends as TimedOut                                       | that
/// | one ends as OutOfMemory                                    | that
/// | one ends as SetupFailed                                    | that
/// | one ends as ReportInvalid                                  | that
/// | (from here on all ended as TestsFailed, NoTestsFound or Passed)
/// | one says that it is another shard, or nothing of shards    | Error ReportInvalid
/// | one ran tests without a plan                               | Error ReportInvalid
/// | two have different plans, or do not make up all units      | Error ReportInvalid
/// | one ends as TestsFailed                                    | Failed TestsFailed
/// | one ends as NoTestsFound, and none executed a test         | Error NoTestsFound
/// | flaky > 0 in all together                                  | Passed PassedWithFlakes
/// | otherwise                                                  | Passed TestsPassed
///
/// A shard without tests is thus no more than a shard too many, unless all are: but it must have the
/// others' plan. So a Passed means that every unit ran in exactly one shard, as far as the runners say
/// the truth.
///
/// The summary is that of all shards, if each left one that can be believed: counts are sums, the
/// duration is the longest one's, failures are those of the first shards. Pod, node and exit code are
/// those of the shard that decided, else of the first one; the times are from the first start to the
/// last end. While others still run there is no exit code, so that their Job is deleted.
std::optional<Ending> JudgeAttempt(const api::CommitTestSpec& spec,
                                   const std::vector<PodView>& pods);

/// How far a shard is that has not ended.
struct Front {
  std::int64_t index = 0;
  /// Of its Pods the one that runs, else the first; nullptr: it has none. Points into the Pods.
  const PodView* pod = nullptr;
};

/// Of each shard that has not ended, in their order. An attempt in one Pod has one, ended or not.
std::vector<Front> FrontsOf(const api::CommitTestSpec& spec, const std::vector<PodView>& pods);

/// "shard 3 of 4: " and `message`; `message` alone if there are no shards. `index` counts from 0.
std::string InShard(const api::CommitTestSpec& spec, std::int64_t index, std::string_view message);

}  // namespace committest::op
