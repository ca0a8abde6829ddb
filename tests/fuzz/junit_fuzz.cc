// A report that tests have written, or something that pretends to be one.
#include <algorithm>

#include "runner-image/junit.h"
#include "tests/fuzz/fuzz.h"

namespace committest::runner {
namespace {

using fuzz::Expect;

std::int64_t Occurrences(std::string_view text, std::string_view word) {
  std::int64_t count = 0;
  for (auto at = text.find(word); at != std::string_view::npos; at = text.find(word, at + 1)) {
    ++count;
  }
  return count;
}

bool IsClean(const api::TestFailure& failure) {
  return fuzz::IsCleanLine(failure.name, 4096) && fuzz::IsCleanLine(failure.file, 4096) &&
         fuzz::IsCleanLine(failure.message, api::kMaxFailureMessageBytes);
}

void CheckReport(const JunitReport& report) {
  const api::TestCounts& counts = report.counts;
  Expect(std::min({counts.passed, counts.failed, counts.errored, counts.skipped}) >= 0,
         "no count is negative");
  Expect(counts.total == counts.Executed() + counts.skipped, "the counts add up");
  const std::int64_t bad = counts.failed + counts.errored;
  Expect(report.failures.size() <= api::kMaxFailures &&
             static_cast<std::int64_t>(report.failures.size()) + report.failures_omitted == bad,
         "each failure is listed or counted");
  Expect(std::ranges::all_of(report.failures, IsClean), "the failures can be shown to people");
}

}  // namespace
}  // namespace committest::runner

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace committest::runner;
  using committest::fuzz::Expect;
  const std::string_view text = committest::fuzz::Text(data, size);
  const auto report = ParseJunit(text);
  if (!report) {
    Expect(committest::fuzz::IsCleanLine(report.error().message, 1024),
           "the error can be shown to people");
    return 0;
  }
  CheckReport(*report);
  const auto& counts = report->counts;
  // Of wider characters than UTF-8's, which XML may use, only the reader knows.
  if (text.find('\0') == std::string_view::npos) {
    Expect(counts.total <= Occurrences(text, "<testcase"), "no test that the report does not hold");
    Expect(counts.failed <= Occurrences(text, "<failure"), "no failure that it does not hold");
    const std::string_view end = committest::Trim(text);
    if (end.ends_with("</testsuites>") || end.ends_with("</testsuite>")) {
      Expect(!ParseJunit(end.substr(0, end.size() - 1)), "what was cut off is not believed");
    }
  }
  JunitReport twice = *report;
  Add(twice, *report);
  CheckReport(twice);
  Expect(twice.counts.total == 2 * counts.total, "reports add up");
  return 0;
}
