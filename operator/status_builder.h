#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "common/api/commit_test.h"
#include "common/base/clock.h"
#include "operator/ending.h"
#include "operator/runner_defaults.h"

namespace committest::op {

/// Builds the whole next status of a CommitTest from its present one. Every method may be called
/// again with the same arguments without a further change, which is what keeps the operator silent
/// when nothing happens.
class StatusBuilder {
 public:
  /// `commit_test` must outlive the builder. `now` is for new timestamps only.
  StatusBuilder(const api::CommitTest& commit_test, WallTime now);

  /// Records the attempt `number` as open with its Job, unless it is recorded already; its Job is
  /// never changed afterwards. The oldest attempts beyond `kMaxAttempts` are forgotten.
  void RecordAttempt(std::int64_t number, const std::string& job_name, const std::string& job_uid);
  /// It waits for a slot: Admitted is False for `reason`.
  void NotAdmitted(const std::string& reason, const std::string& message);
  /// The container of the open attempt runs: Started is True. Evidence that is empty leaves what is
  /// recorded; `trouble` is said beside it.
  void Running(const Evidence& evidence, const std::string& trouble = {});
  /// Started is False for `reason`.
  void NotStarted(const std::string& reason, const std::string& message);
  /// Closes the open attempt, if there is one.
  void CloseAttempt(const Ending& ending);
  /// The verdict: result, conditions, counts, failures, texts. `defaults` are those of the Pod.
  /// REQUIRES: no result is set.
  void Finish(const Ending& ending, const RunnerDefaults& defaults);

  /// The status, with its conditions in the order in which a CommitTest goes through them.
  api::CommitTestStatus Take();

 private:
  api::Attempt* Open();
  void Describe();
  void Admit();
  void Condition(const char* type, const char* status, const std::string& reason,
                 const std::string& message);
  void TakeSummary(const Ending& ending);

  const api::CommitTest& commit_test_;
  const WallTime now_;
  api::CommitTestStatus status_;
};

}  // namespace committest::op
