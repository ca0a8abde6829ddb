#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/api/commit_test.h"
#include "common/api/run_summary.h"
#include "common/base/clock.h"

namespace committest::op {

/// What the kubelet said of the runner container that ended, or of the one that runs.
struct Evidence {
  std::string pod_name;
  std::string node_name;
  std::optional<std::int64_t> exit_code;
  std::optional<WallTime> started_at;
  std::optional<WallTime> finished_at;
};

/// How an attempt ended, and what that says of the CommitTest. It is the CommitTest's verdict
/// unless `retryable`; then another attempt follows as long as the limit allows.
struct Ending {
  api::TestResult result = api::TestResult::kError;
  std::string reason;                              ///< Of common/api/reasons.h.
  std::string message;                             ///< One sentence for people, not yet cut.
  std::optional<api::FailureClass> failure_class;  ///< Absent for Passed.
  bool retryable = false;                          ///< Only ever for kInfrastructure.
  std::optional<api::RunSummary> summary;          ///< Only if it was valid.
  std::optional<Evidence> evidence;
};

/// An infrastructure failure of the attempt: retried.
inline Ending InfrastructureEnding(std::string reason, std::string message) {
  Ending ending;
  ending.reason = std::move(reason);
  ending.message = std::move(message);
  ending.failure_class = api::FailureClass::kInfrastructure;
  ending.retryable = true;
  return ending;
}

/// A final Error of `failure_class`.
inline Ending ErrorEnding(std::string reason, std::string message,
                          api::FailureClass failure_class) {
  Ending ending;
  ending.reason = std::move(reason);
  ending.message = std::move(message);
  ending.failure_class = failure_class;
  return ending;
}

/// A final Failed: the tested commit's fault.
inline Ending FailedEnding(std::string reason, std::string message) {
  Ending ending;
  ending.result = api::TestResult::kFailed;
  ending.reason = std::move(reason);
  ending.message = std::move(message);
  ending.failure_class = api::FailureClass::kTest;
  return ending;
}

}  // namespace committest::op
