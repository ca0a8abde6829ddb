#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/api/run_summary.h"
#include "common/base/result.h"

namespace committest::runner {

/// A larger report is refused: the parsed form takes several times its size in memory.
inline constexpr std::size_t kMaxReportBytes = std::size_t{16} * 1024 * 1024;
/// More report files than this are refused.
inline constexpr std::size_t kMaxReportFiles = 64;
/// `<testsuite>` elements may stand this deep in each other.
inline constexpr int kMaxSuiteDepth = 32;

/// What the reports of one run say.
struct JunitReport {
  api::TestCounts counts;
  std::vector<api::TestFailure> failures;  ///< The first `api::kMaxFailures`, in report order.
  std::int64_t failures_omitted = 0;
  std::string not_built;  ///< The first thing that could not be built, with the reason, or empty.
  /// How long the tests took by what names the part of a unit they are in; only where it was asked for.
  std::map<std::string, double> part_seconds = {};

  bool operator==(const JunitReport&) const = default;
};

/// Reads one JUnit XML report. Pure; never expands entities, refuses document types.
///
/// Counts come from the `<testcase>` elements, never from the attributes of a suite, which no
/// framework has to keep right. A test case with `<failure>` failed, else with `<error>` errored,
/// else with `<skipped>` (or status "notrun" or "disabled", as GoogleTest and CTest write) was
/// skipped, else passed. pytest's expected failures, `<skipped type="pytest.xfail">`, passed, as
/// unittest's do. What CTest did not run for another reason than that the test asked for it (no
/// program, a failed fixture) errored. Texts come out as one line of valid UTF-8.
///
/// `part_attribute` of a test case, unless it is nullptr, names its part in `part_seconds`.
///
/// kDataLoss says what is wrong: not XML, cut off, a zero byte, another root element, suites too
/// deep, too large.
Result<JunitReport> ParseJunit(std::string_view xml, const char* part_attribute = nullptr);

/// Adds the counts and failures of `other` to `report`.
void Add(JunitReport& report, JunitReport other);

}  // namespace committest::runner
