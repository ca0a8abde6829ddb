// The summary that a runner leaves: as text that nobody vouches for, and as made of such texts.
#include <algorithm>

#include "common/api/run_summary.h"
#include "tests/fuzz/fuzz.h"

namespace committest::api {
namespace {

using fuzz::Expect;

constexpr std::size_t kMaxNameBytes = 200;

bool IsClean(const TestFailure& failure) {
  return fuzz::IsCleanLine(failure.name, kMaxNameBytes) &&
         fuzz::IsCleanLine(failure.file, kMaxNameBytes) &&
         fuzz::IsCleanLine(failure.message, kMaxFailureMessageBytes);
}

void CheckParsed(const RunSummary& summary) {
  const TestCounts& counts = summary.counts;
  Expect(std::min({counts.passed, counts.failed, counts.errored, counts.skipped}) >= 0,
         "no count is negative");
  Expect(counts.total == counts.Executed() + counts.skipped, "the counts add up");
  Expect(summary.duration_ms >= 0, "no duration is negative");
  for (const StageMember& stage : kStageMembers) {
    Expect(summary.stages.*stage.value >= 0, "no stage is negative");
  }
  Expect(fuzz::IsCleanLine(summary.commit, 64) && fuzz::IsCleanLine(summary.reason, 64) &&
             fuzz::IsCleanLine(summary.message, kMaxFailureMessageBytes),
         "the texts can be shown to people");
  Expect(summary.failures.size() <= kMaxFailures && summary.failures_omitted >= 0 &&
             std::ranges::all_of(summary.failures, IsClean),
         "the failures can be shown to people");
  const auto& shard = summary.shard;
  Expect(!shard || (shard->index >= 0 && shard->index < shard->count && shard->units >= 0 &&
                    shard->units <= shard->units_of_all),
         "the shard is one of those that there are");
  Expect(summary.timings.size() <= kMaxReportedTimings &&
             std::ranges::all_of(
                 summary.timings,
                 [](const auto& timing) { return IsUnitKey(timing.first) && timing.second >= 0; }),
         "the timings are of units");
}

// `summary` is encoded within the limit, and reads as it was but for failures that had no room.
void CheckEncoded(const RunSummary& summary) {
  const std::string text = EncodeSummary(summary);
  Expect(text.size() <= kMaxSummaryBytes, "a summary fits");
  const auto again = ParseSummary(text);
  Expect(again.has_value(), "a summary that was written can be read");
  CheckParsed(*again);
  Expect(again->counts == summary.counts, "the counts are kept");
  Expect(again->shard == summary.shard, "the shard is kept");
  Expect(again->failures_omitted - summary.failures_omitted ==
             static_cast<std::int64_t>(summary.failures.size() - again->failures.size()),
         "failures that are left out are counted");
  Expect(EncodeSummary(*again) == text, "a summary that was read is written the same");
}

// The input's lines as the texts of a summary.
RunSummary SummaryOf(std::string_view text) {
  RunSummary summary;
  for (std::string* field : {&summary.commit, &summary.framework, &summary.reason, &summary.message,
                             &summary.runner_version}) {
    *field = fuzz::TakeLine(text);
  }
  while (!text.empty() && summary.failures.size() < 30) {
    TestFailure failure;
    for (std::string* field : {&failure.name, &failure.file, &failure.message}) {
      *field = fuzz::TakeLine(text);
    }
    summary.failures.push_back(std::move(failure));
    ++summary.counts.failed;
    ++summary.counts.total;
  }
  return summary;
}

}  // namespace
}  // namespace committest::api

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace committest::api;
  const std::string_view text = committest::fuzz::Text(data, size);
  CheckEncoded(SummaryOf(text));
  const auto summary = ParseSummary(text);
  if (!summary) {
    committest::fuzz::Expect(committest::fuzz::IsCleanLine(summary.error().message, 1024),
                             "the error can be shown to people");
    return 0;
  }
  CheckParsed(*summary);
  // Beyond this, the sum with those left out would be refused; no run has so many.
  if (summary->failures_omitted < 99'000'000) CheckEncoded(*summary);
  return 0;
}
