#pragma once

#include <cstdint>
#include <string>

#include "common/api/condition.h"
#include "operator/decide.h"
#include "tests/support/operator_builders.h"

namespace committest::op {

/// The condition that the decision would write; an empty one if it has none of that type.
inline const api::Condition& ConditionOf(const Decision& decision, const char* type) {
  static const api::Condition kNone{};
  const api::Condition* condition = api::FindCondition(decision.next_status.conditions, type);
  return condition == nullptr ? kNone : *condition;
}

/// "False/Unschedulable"
inline std::string StatusOf(const Decision& decision, const char* type) {
  const api::Condition& condition = ConditionOf(decision, type);
  return condition.status + "/" + condition.reason;
}

/// Whether the decision changes the status.
inline bool Writes(const Observed& observed, const Decision& decision) {
  return !(decision.next_status == observed.commit_test.status);
}

/// An attempt that is recorded, with its Job and no Pod.
inline Observed WithRecordedJob(std::int64_t seconds) {
  api::CommitTest commit_test = ACommitTest();
  AddAttempt(commit_test, 1);
  Observed observed = AnObserved(commit_test, seconds);
  observed.job = AJob(commit_test);
  return observed;
}

/// A Job that was launched a moment ago, not recorded, with one Pod in its first state.
inline Observed WithNewJob(std::int64_t seconds) {
  Observed observed = AnObserved(ACommitTest(), seconds);
  observed.job = AJob(observed.commit_test);
  observed.pods = {APod(*observed.job)};
  return observed;
}

/// The tests run, and the status says so.
inline Observed WithRunningTests(std::int64_t seconds) {
  Observed observed = WithNewJob(seconds);
  observed.pods = {Running(Scheduled(APod(*observed.job)))};
  return AfterWriting(observed, Decide(observed));
}

}  // namespace committest::op
