#include "runner-image/rerun.h"

#include <algorithm>
#include <string_view>

#include "common/base/strings.h"

namespace committest::runner {

namespace {

using api::Framework;

// pytest's name of a test: "tests/test_a.py::TestA::test_one[1.5]", which its report calls
// "tests.test_a.TestA.test_one[1.5]". Empty when it is not named like its file.
std::string NodeId(const api::TestFailure& failure) {
  constexpr std::string_view kSuffix = ".py";
  if (!failure.file.ends_with(kSuffix)) return {};
  std::string module = failure.file.substr(0, failure.file.size() - kSuffix.size());
  std::ranges::replace(module, '/', '.');
  if (!failure.name.starts_with(module + ".")) return {};
  const std::string inner = failure.name.substr(module.size() + 1);
  const auto parameters = std::min(inner.find('['), inner.size());
  return failure.file + "::" + Join(Split(inner.substr(0, parameters), '.'), "::") +
         inner.substr(parameters);
}

}  // namespace

std::vector<std::string> RerunCommand(const TestPlan& plan, const JunitReport& report) {
  if (plan.rerun.empty() || report.failures.empty() || report.failures_omitted > 0) return {};
  std::vector<std::string> argv = plan.rerun;
  for (const api::TestFailure& failure : report.failures) {
    argv.push_back(plan.framework == Framework::kPytest ? NodeId(failure) : failure.name);
    if (argv.back().empty()) return {};
  }
  return argv;
}

std::optional<JunitReport> MergeRerun(const JunitReport& report, const Evidence& again) {
  const ProcessEnd& end = again.end;
  if (!end.exit_code || end.timed_out || end.terminated || again.oom_kills > 0 || !again.report) {
    return std::nullopt;
  }
  const api::TestCounts& second = again.report->counts;
  const bool is_clean = second.failed + second.errored == 0;
  if (second.skipped > 0 || second.total != report.counts.failed + report.counts.errored ||
      is_clean != (*end.exit_code == 0)) {
    return std::nullopt;
  }
  JunitReport merged = *again.report;
  merged.counts = report.counts;
  merged.part_seconds = report.part_seconds;
  merged.counts.passed += second.passed;
  merged.counts.flaky += second.passed;
  merged.counts.failed = second.failed;
  merged.counts.errored = second.errored;
  return merged;
}

}  // namespace committest::runner
