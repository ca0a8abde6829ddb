#include "common/api/run_summary.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/api/strict_reader.h"
#include "common/base/strings.h"

namespace committest::api {
namespace {

using nlohmann::json;

constexpr std::int64_t kMaxCount = 100'000'000;
constexpr std::size_t kMaxNameBytes = 200;

json ToJson(const TestFailure& failure, std::size_t message_bytes) {
  return {{"name", Truncate(OneLine(failure.name), kMaxNameBytes)},
          {"file", Truncate(OneLine(failure.file), kMaxNameBytes)},
          {"message", Truncate(OneLine(failure.message), message_bytes)}};
}

json ToJson(const RunSummary& summary, std::size_t failures, std::size_t message_bytes) {
  json list = json::array();
  for (std::size_t i = 0; i < failures; ++i) {
    list.push_back(ToJson(summary.failures[i], message_bytes));
  }
  const auto omitted = summary.failures.size() - failures;
  json value = {{"commit", Truncate(OneLine(summary.commit), 64)},
                {"framework", Truncate(OneLine(summary.framework), 32)},
                {"total", summary.counts.total},
                {"passed", summary.counts.passed},
                {"failed", summary.counts.failed},
                {"errored", summary.counts.errored},
                {"skipped", summary.counts.skipped},
                {"flaky", summary.counts.flaky},
                {"durationMilliseconds", summary.duration_ms},
                {"reason", Truncate(OneLine(summary.reason), 64)},
                {"message", Truncate(OneLine(summary.message), kMaxFailureMessageBytes)},
                {"failures", std::move(list)},
                {"failuresOmitted", summary.failures_omitted + static_cast<std::int64_t>(omitted)},
                {"runnerVersion", Truncate(OneLine(summary.runner_version), 32)}};
  for (const auto& [name, stage] : kStageMembers) {
    if (summary.stages.*stage != 0) value[name] = summary.stages.*stage;
  }
  if (summary.shard) value["shard"] = ToJson(*summary.shard);
  return value;
}

// The summary's text with as many of its failures as fit. First the messages get shorter, then
// failures are left out: a name alone is worth more than nothing, and the first failing test is
// worth most.
json FittingToJson(const RunSummary& summary) {
  const std::size_t most = std::min(summary.failures.size(), kMaxFailures);
  for (std::size_t failures = most;; --failures) {
    for (const std::size_t message_bytes :
         {kMaxFailureMessageBytes, std::size_t{120}, std::size_t{40}}) {
      if (message_bytes < kMaxFailureMessageBytes && failures > 3) break;
      json value = ToJson(summary, failures, message_bytes);
      if (value.dump().size() <= kMaxSummaryBytes || failures == 0) return value;
    }
  }
}

// The longest units first, and units that took as long by their keys.
std::vector<std::pair<std::string, std::int64_t>> LongestOf(const UnitTimings& timings) {
  std::vector<std::pair<std::string, std::int64_t>> longest(timings.begin(), timings.end());
  std::ranges::sort(longest, {},
                    [](const auto& entry) { return std::pair(-entry.second, entry.first); });
  if (longest.size() > kMaxReportedTimings) longest.resize(kMaxReportedTimings);
  return longest;
}

TestCounts ReadCounts(StrictReader& reader) {
  TestCounts counts;
  counts.total = reader.Int("total", 0, 0, kMaxCount);
  counts.passed = reader.Int("passed", 0, 0, kMaxCount);
  counts.failed = reader.Int("failed", 0, 0, kMaxCount);
  counts.errored = reader.Int("errored", 0, 0, kMaxCount);
  counts.skipped = reader.Int("skipped", 0, 0, kMaxCount);
  counts.flaky = reader.Int("flaky", 0, 0, kMaxCount);
  if (counts.total != counts.Executed() + counts.skipped) {
    reader.Refuse("total", "is not the sum of passed, failed, errored and skipped");
  }
  if (counts.flaky > counts.passed) reader.Refuse("flaky", "is more than passed");
  return counts;
}

std::string Text(StrictReader& reader, std::string_view key, std::size_t max_bytes) {
  return Truncate(OneLine(reader.String(key)), max_bytes);
}

std::vector<TestFailure> ReadFailures(StrictReader& reader) {
  std::vector<TestFailure> failures;
  const json* list = reader.Array("failures", kMaxFailures);
  if (list == nullptr) return failures;
  for (const json& item : *list) {
    StrictReader entry(item, "failures[" + std::to_string(failures.size()) + "]");
    failures.push_back({Text(entry, "name", kMaxNameBytes), Text(entry, "file", kMaxNameBytes),
                        Text(entry, "message", kMaxFailureMessageBytes)});
    reader.Take(entry.Finish(UnknownMembers::kIgnore));
  }
  return failures;
}

}  // namespace

std::string EncodeSummary(const RunSummary& summary) {
  json value = FittingToJson(summary);
  std::string text = value.dump();
  for (const auto& [unit, milliseconds] : LongestOf(summary.timings)) {
    value["timings"][unit] = milliseconds;
    std::string longer = value.dump();
    if (longer.size() > kMaxSummaryBytes) break;
    text = std::move(longer);
  }
  return text;
}

Result<RunSummary> ParseSummary(std::string_view text) {
  if (Trim(text).empty()) return Fail(ErrorCode::kDataLoss, "the runner left no summary");
  const json value = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (value.is_discarded()) {
    return Fail(ErrorCode::kDataLoss, "the runner's summary is not valid JSON");
  }
  StrictReader reader(value, "summary");
  RunSummary summary;
  summary.commit = Text(reader, "commit", 64);
  summary.framework = Text(reader, "framework", 32);
  summary.counts = ReadCounts(reader);
  summary.duration_ms = reader.Int("durationMilliseconds", 0, 0, INT64_MAX);
  for (const auto& [name, stage] : kStageMembers) {
    summary.stages.*stage = reader.Int(name, 0, 0, INT64_MAX);
  }
  summary.reason = Text(reader, "reason", 64);
  summary.message = Text(reader, "message", kMaxFailureMessageBytes);
  summary.failures = ReadFailures(reader);
  summary.failures_omitted = reader.Int("failuresOmitted", 0, 0, kMaxCount);
  summary.runner_version = Text(reader, "runnerVersion", 32);
  if (const json* shard = reader.Object("shard")) {
    summary.shard = reader.Take(ParseShardReport(*shard, "summary.shard"));
  }
  summary.timings = ReadUnitTimings(reader, "timings", kMaxReportedTimings);
  if (auto status = reader.Finish(UnknownMembers::kIgnore); !status) {
    return Fail(ErrorCode::kDataLoss, std::move(status.error().message));
  }
  return summary;
}

}  // namespace committest::api
