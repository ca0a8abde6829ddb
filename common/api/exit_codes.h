#pragma once

namespace committest::api {

/// The runner's exit codes, part of the runner contract (runner-image/CONTRACT.md). The operator
/// takes its verdict from these and from the summary; any other code is the runner's loss.
enum class RunnerExit : int {
  kPassed = 0,
  kTestsFailed = 10,  ///< Also when the time limit was reached (summary.reason says so).
  kCheckoutFailed = 20,
  kCommitGone = 21,
  kNoTests = 30,
  kReportInvalid = 40,
  kInternal = 50,
  kConfiguration = 60,
};

}  // namespace committest::api
