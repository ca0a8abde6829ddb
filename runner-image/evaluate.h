#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "common/api/exit_codes.h"
#include "common/api/run_request.h"
#include "common/base/result.h"
#include "runner-image/junit.h"
#include "runner-image/process_end.h"

namespace committest::runner {

/// What is known when every process of the tests has ended.
struct Evidence {
  api::Framework framework = api::Framework::kUnittest;
  bool allow_no_tests = false;
  /// The step before the tests that is the last one that ran ("build"), or empty: the tests ran.
  std::string setup_step = {};
  ProcessEnd end;  ///< Of the tests, or of that step.
  /// The sum of the reports that this run wrote. kNotFound: it wrote none; kDataLoss: unreadable.
  Result<JunitReport> report;
  /// Which of the run's folders had no space left at the end; empty: none.
  std::string full_folder;
  std::int64_t oom_kills = 0;  ///< Processes that the kernel killed for memory during the tests.
  std::chrono::milliseconds time_limit{0};
};

struct Verdict {
  api::RunnerExit exit = api::RunnerExit::kInternal;
  std::string reason;
  std::string message;  ///< One line for people.

  bool operator==(const Verdict&) const = default;
};

/// The verdict on a run whose tests were started. Pure and total; the first row that applies:
///
/// | evidence                                              | exit | reason              |
/// |-------------------------------------------------------|------|---------------------|
/// | the program could not be started                      | 60   | ConfigurationError  |
/// | the runner was told to end                            | 50   | Terminated          |
/// | the time limit passed                                 | 10   | TimedOut            |
/// | the kernel killed processes of the run for memory     | 10   | OutOfMemory         |
/// | a step before the tests did not succeed               | 40   | SetupFailed         |
/// | go, Maven or npm: another code than 0, and no report  | 40   | SetupFailed         |
/// | no report, or an unreadable one                       | 40   | ReportInvalid       |
/// | the report has failed or errored tests                | 10   | TestsFailed         |
/// | a part of the tests does not build                    | 40   | SetupFailed         |
/// | nothing was executed, and that is not allowed         | 30   | NoTestsFound        |
/// | exit code other than 0 (or "no tests", when allowed)  | 40   | ReportInvalid       |
/// | the report has flaky tests                            | 0    | PassedWithFlakes    |
/// | else                                                  | 0    | TestsPassed         |
///
/// So a pass needs exit code 0, a report of this run, no failure in it, and at least one executed
/// test (or `allow_no_tests`). "No tests" of unittest and pytest is their exit code 5. go, Maven and
/// npm build and test in one: when nothing reported, it did not come to the tests.
Verdict Evaluate(const Evidence& evidence);

/// The verdict when discovery found nothing to run; `looked_for` is its message.
Verdict EvaluateNothingFound(bool allow_no_tests, const std::string& looked_for);

}  // namespace committest::runner
