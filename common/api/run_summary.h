#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/api/sharding.h"
#include "common/api/stage_times.h"
#include "common/base/result.h"

namespace committest::api {

/// How many tests there were, as their framework counts them. Never negative.
/// total = passed + failed + errored + skipped.
struct TestCounts {
  std::int64_t total = 0;
  std::int64_t passed = 0;
  std::int64_t failed = 0;
  std::int64_t errored = 0;
  std::int64_t skipped = 0;
  std::int64_t flaky = 0;  ///< Of the passed ones: those that passed only when they were run again.

  std::int64_t Executed() const { return passed + failed + errored; }
  bool operator==(const TestCounts&) const = default;
};

/// One failing test.
struct TestFailure {
  std::string name;
  std::string file;
  std::string message;

  bool operator==(const TestFailure&) const = default;
};

/// What a runner says of its run, as JSON in the container's termination message. It is not
/// trusted: it can only explain the exit code, and a pass needs both (see operator/verdict.h).
struct RunSummary {
  std::string commit;     ///< The SHA that is checked out, as `git rev-parse HEAD` says.
  std::string framework;  ///< What ran: "Unittest", "GoTest", "Command".
  TestCounts counts;
  std::int64_t duration_ms = 0;  ///< Of the tests alone.
  StageTimes stages;             ///< What the run did besides.
  std::string reason;            ///< A reason of api/reasons.h, such as TestsFailed or TimedOut.
  std::string message;           ///< One line for people.
  std::vector<TestFailure> failures;
  std::int64_t failures_omitted = 0;
  std::string runner_version;
  std::optional<ShardReport> shard;  ///< Only of a run that is split.
  /// Of the units that ran here, only of a run that is split; at most `kMaxReportedTimings` are kept.
  UnitTimings timings;

  bool operator==(const RunSummary&) const = default;
};

/// Bounds of the list of failures, here and in a CommitTest's status.
inline constexpr std::size_t kMaxFailures = 20;
inline constexpr std::size_t kMaxFailureMessageBytes = 300;

/// A termination message may hold 4096 bytes a container (and 12 KiB a Pod); ours stays at half.
inline constexpr std::size_t kMaxSummaryBytes = 2048;

/// At most `kMaxSummaryBytes` of valid UTF-8 JSON: texts are shortened and failures left out, and
/// counted in `failuresOmitted`, until it fits; timings have the room that is left, the longest first.
/// Never fails, whatever bytes the texts hold.
std::string EncodeSummary(const RunSummary& summary);

/// Tolerant of unknown members, strict on counts: they must be integers, not negative, and add up.
/// kDataLoss says what is wrong. Texts come out as one line each, within the API's bounds.
Result<RunSummary> ParseSummary(std::string_view text);

}  // namespace committest::api
