#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/api/commit_test.h"
#include "common/api/observed_repository.h"
#include "common/base/clock.h"
#include "observer/git_remote.h"

namespace committest::observer {

// What follows from what was seen: pure and total. `SelectRefs` and `Questions` say what has to be
// asked of Git, `MakePlan` what to write to the API.
//
// For each ref, by its entry in the status ("cursor"), what the remote has, and what its history
// answered:
//
//   cursor | remote | history        | CommitTests                       | cursor afterwards
//   -------+--------+----------------+-----------------------------------+------------------
//   none   | Y      | Initial        | the newest initialCommits (1) (3) | Y
//   X      | X      | not asked      | none                              | unchanged
//   X      | Y      | Advanced       | the newest maxBackfill (2)        | Y
//   X      | Y      | Rewritten      | the newest maxBackfill since fork | Y
//   X      | Y      | Rewound        | Y                                 | Y
//   X      | Y      | Unrelated      | Y                                 | Y
//   X      | Y      | CursorMissing  | Y                                 | Y
//   any    | Y      | NotACommit     | none, counted as skipped          | Y
//   any    | Y      | no answer      | none                              | unchanged
//   any    | Y      | any, but facts | none                              | unchanged
//          |        |   are missing  |                                   |
//   X      | gone   | not asked      | none                              | entry removed
//
// (1) With TipOnly the tip alone; with initialCommits 0 none, and the tip counts as skipped. Older
//     commits do not: they were never to be tested.
// (2) With TipOnly the tip alone. Commits that get no CommitTest are in `RefStep::skipped`, those
//     beyond maxBackfill also in the status.
// (3) None if another ref's cursor names the tip's CommitTest, as after a rename.
//
// A commit that asks for no tests, changes nothing that counts, or whose `.committest.yaml` is wrong
// gets a CommitTest all the same, with `spec.notRun`.
//
// A CommitTest that a cursor names has been made, so it is not in a plan again: a branch that is
// renamed or copied does not bring back what somebody has deleted.
//
// CommitTests get no ownerReference: the history of verdicts outlives the ObservedRepository that
// caused it, and deleting a repository by mistake must not delete them. They end by their own TTL.

/// The refs of `remote` that are observed: at most `api::kMaxObservedRefs`, and when there are more,
/// those first that have a cursor already, so that a new ref never displaces an old one.
struct SelectedRefs {
  std::vector<RemoteRef> refs;  ///< Sorted by name.
  std::size_t omitted = 0;      ///< Beyond the limit.
};
SelectedRefs SelectRefs(const std::vector<api::RefStatus>& cursor, const RemoteRefs& remote);

/// One question for each selected ref whose commit is not its cursor's; empty when nothing is new.
std::vector<HistoryQuery> Questions(const api::ObservedRepositorySpec& spec,
                                    const std::vector<api::RefStatus>& cursor,
                                    const std::vector<RemoteRef>& selected);

enum class SkipReason {
  kNone,
  kMaxBackfill,     ///< More new commits than `spec.maxBackfill`.
  kTipOnly,         ///< `spec.commitPolicy` is TipOnly.
  kInitialCommits,  ///< First sight, and `spec.initialCommits` is 0: the next push is awaited.
  kNotACommit,      ///< The ref points to something that cannot be tested.
};
std::string_view SkipReasonName(SkipReason reason);

/// What one ref's change leads to. Its CommitTests are to be created in order; only when all exist
/// may `cursor` take the place of the ref's entry in the status.
struct RefStep {
  std::string ref;
  std::vector<api::CommitTest> create;  ///< Metadata and spec; oldest first.
  api::RefStatus cursor;
  std::int64_t skipped = 0;
  SkipReason skip_reason = SkipReason::kNone;
  Relation relation = Relation::kInitial;
  WallTime tip_time;  ///< When the tip was committed; the epoch if unknown.
};

struct Plan {
  std::vector<RefStep> steps;  ///< Sorted by ref.
  /// The entries that stay whatever becomes of `steps`: those of refs that are still there, as they
  /// are. Refs that are gone have none.
  std::vector<api::RefStatus> kept;
};

/// A question for each commit that may get a CommitTest, if its repository's spec makes more of a
/// commit than its name: each commit once. None for those whose message asks for no tests.
///
/// A commit is compared with its first parent. With TipOnly the tip is compared with the cursor,
/// for it stands for all commits between.
std::vector<DetailsQuery> DetailsQuestions(const api::ObservedRepository& repository,
                                           const std::vector<HistoryAnswer>& answers);

/// How one commit is tested, or why not.
struct CommitFacts {
  api::TestsSpec tests;
  api::ExecutionSpec execution;
  std::optional<api::NotRun> not_run;
  std::string refused_file;  ///< The object's name of a `.committest.yaml` that is wrong.
};
using FactsByCommit = std::map<std::string, CommitFacts, std::less<>>;

/// The CommitTests' names are functions of repository, commit and test configuration, so doing a
/// plan twice, or by two observers, creates each of them once. A commit that several refs reach is
/// in the plan once, at the first ref by name.
///
/// `facts` has those of the commits to which `DetailsQuestions` asked: a ref of which one is not
/// there has no step, so that its cursor stays. `trigger` is what the look was caused by.
Plan MakePlan(const api::ObservedRepository& repository, const std::vector<RemoteRef>& selected,
              const std::vector<HistoryAnswer>& answers, WallTime now,
              const FactsByCommit& facts = {}, api::TriggerType trigger = api::TriggerType::kPoll);

/// What is created in place of `test`, which the API refuses with `message` because of what a
/// `.committest.yaml` has made of it; nothing if it is not that file's doing.
std::optional<api::CommitTest> InsteadOfRefused(const api::ObservedRepository& repository,
                                                const api::CommitTest& test,
                                                const std::string& message);

/// The status entries after the steps whose ref is in `done`: all of `kept`, with the cursors of
/// those steps put in, sorted by name.
std::vector<api::RefStatus> CursorsAfter(const Plan& plan, const std::vector<std::string>& done);

}  // namespace committest::observer
