#include "operator/confirm.h"

#include "operator/attempts.h"
#include "operator/shards.h"

namespace committest::op {

bool EndsByCacheAlone(const Observed& observed, const Decision& decision) {
  const api::CommitTest& commit_test = observed.commit_test;
  if (observed.pods_are_live || commit_test.status.result) return false;
  if (commit_test.spec.cancel_requested) return false;
  const CurrentAttempt current = CurrentAttemptOf(commit_test);
  if (JobUidOf(current, observed.job, commit_test).empty()) return false;
  const api::Attempt* ended = LastEnded(decision.next_status);
  const bool ends = ended != nullptr && ended->number == current.number;
  return ends && !JudgeAttempt(commit_test.spec, observed.pods);
}

}  // namespace committest::op
