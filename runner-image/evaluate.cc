#include "runner-image/evaluate.h"

#include <utility>

#include "common/api/reasons.h"
#include "common/base/time_format.h"

namespace committest::runner {
namespace {

using api::Framework;
using api::RunnerExit;

// Python's unittest (from 3.12 on) and pytest end with this code when they ran no test.
constexpr int kNoTestsExitCode = 5;

bool IsFrameworkCode(const Evidence& evidence) {
  const bool python =
      evidence.framework == Framework::kUnittest || evidence.framework == Framework::kPytest;
  return python && evidence.end.exit_code == kNoTestsExitCode;
}

std::string Tests(std::int64_t count) {
  return std::to_string(count) + (count == 1 ? " test" : " tests");
}

std::string What(const Evidence& evidence) {
  return evidence.setup_step.empty() ? "the tests" : evidence.setup_step + ", before the tests,";
}

bool BuildsAndTestsInOne(Framework framework) {
  return framework == Framework::kGoTest || framework == Framework::kMaven ||
         framework == Framework::kNpm;
}

// Whether what ran ended before there could be a test.
bool FailedBeforeTests(const Evidence& evidence) {
  if (!evidence.setup_step.empty()) return true;
  return BuildsAndTestsInOne(evidence.framework) && !evidence.report &&
         evidence.report.error().code == ErrorCode::kNotFound && evidence.end.exit_code != 0;
}

Verdict SetupFailed(std::string message) {
  return {RunnerExit::kReportInvalid, api::reason::kSetupFailed, std::move(message)};
}

std::string SetupMessage(const Evidence& evidence) {
  if (!evidence.setup_step.empty()) {
    const bool full = !evidence.full_folder.empty();
    return What(evidence) + " ended with " + DescribeEnd(evidence.end) +
           (full ? ", " + evidence.full_folder + " is full" : "");
  }
  return "it ended with " + DescribeEnd(evidence.end) +
         " before a test reported: " + evidence.report.error().message;
}

std::string TimeoutMessage(const Evidence& evidence) {
  return What(evidence) + " did not end within " + FormatDuration(evidence.time_limit) +
         (evidence.end.killed ? ", ignored SIGTERM and were killed" : " and were ended by SIGTERM");
}

std::string TerminatedMessage(const ProcessEnd& end) {
  return std::string("the runner was told to end before the tests had ended; the tests ") +
         (end.killed ? "did not end within the grace period and were killed"
                     : "ended when they were told to");
}

std::string MissingReportMessage(const Evidence& evidence) {
  std::string message = "the tests ended with " + DescribeEnd(evidence.end);
  if (!evidence.full_folder.empty()) message += ", " + evidence.full_folder + " is full";
  message +=
      evidence.report.error().code == ErrorCode::kNotFound ? ", and they left no report: " : "; ";
  return message + evidence.report.error().message;
}

std::string FailedMessage(const Evidence& evidence, const api::TestCounts& counts) {
  std::string message =
      std::to_string(counts.failed + counts.errored) + " of " + Tests(counts.total) + " failed";
  if (evidence.end.exit_code == 0) message += ", although the exit code is 0";
  return message;
}

std::string NothingExecutedMessage(const Evidence& evidence, const api::TestCounts& counts) {
  if (counts.total > 0) return "every test was skipped (" + std::to_string(counts.total) + ")";
  std::string message = "no test was found";
  if (evidence.framework == Framework::kUnittest) {
    message += " by unittest; if they are pytest tests, set tests.framework to Pytest";
  }
  return message;
}

Verdict ReadReport(const Evidence& evidence) {
  const api::TestCounts& counts = evidence.report->counts;
  if (counts.failed + counts.errored > 0) {
    return {RunnerExit::kTestsFailed, api::reason::kTestsFailed, FailedMessage(evidence, counts)};
  }
  if (!evidence.report->not_built.empty()) return SetupFailed(evidence.report->not_built);
  const bool nothing = counts.Executed() == 0;
  const bool clean =
      evidence.end.exit_code == 0 || (counts.total == 0 && IsFrameworkCode(evidence));
  if (!clean) {
    return {RunnerExit::kReportInvalid, api::reason::kReportInvalid,
            "the report has no failure among " + Tests(counts.total) +
                ", but the tests ended with " + DescribeEnd(evidence.end)};
  }
  if (nothing && !evidence.allow_no_tests) {
    return {RunnerExit::kNoTests, api::reason::kNoTestsFound,
            NothingExecutedMessage(evidence, counts)};
  }
  if (counts.flaky > 0) {
    return {RunnerExit::kPassed, api::reason::kPassedWithFlakes,
            Tests(counts.passed) + " passed, " + std::to_string(counts.flaky) +
                " of them only when run again"};
  }
  return {RunnerExit::kPassed, api::reason::kTestsPassed,
          nothing ? "no test was executed, which is allowed" : Tests(counts.passed) + " passed"};
}

}  // namespace

Verdict Evaluate(const Evidence& evidence) {
  const ProcessEnd& end = evidence.end;
  if (!end.Started()) {
    return {RunnerExit::kConfiguration, api::reason::kConfigurationError,
            What(evidence) + " could not be started: " + end.start_error +
                "; an image that has the program can be set in spec.execution.image"};
  }
  if (end.terminated) {
    return {RunnerExit::kInternal, api::reason::kTerminated, TerminatedMessage(end)};
  }
  if (end.timed_out) {
    return {RunnerExit::kTestsFailed, api::reason::kTimedOut, TimeoutMessage(evidence)};
  }
  if (evidence.oom_kills > 0) {
    return {RunnerExit::kTestsFailed, api::reason::kOutOfMemory,
            "the kernel killed " + std::to_string(evidence.oom_kills) +
                " of the tests' processes because the memory limit was reached; the tests ended "
                "with " +
                DescribeEnd(end)};
  }
  if (FailedBeforeTests(evidence)) return SetupFailed(SetupMessage(evidence));
  if (!evidence.report) {
    return {RunnerExit::kReportInvalid, api::reason::kReportInvalid,
            MissingReportMessage(evidence)};
  }
  return ReadReport(evidence);
}

Verdict EvaluateNothingFound(bool allow_no_tests, const std::string& looked_for) {
  if (allow_no_tests) {
    return {RunnerExit::kPassed, api::reason::kTestsPassed,
            "no tests, which is allowed: " + looked_for};
  }
  return {RunnerExit::kNoTests, api::reason::kNoTestsFound, looked_for};
}

}  // namespace committest::runner
