#include "operator/unit_timings.h"

#include <algorithm>
#include <utility>

#include "operator/run_shape.h"

namespace committest::op {
namespace {

bool TestsTheSame(const api::CommitTest& earlier, const api::CommitTest& next) {
  return earlier.meta.namespace_ == next.meta.namespace_ &&
         earlier.spec.repository_name == next.spec.repository_name &&
         earlier.spec.tests.framework == next.spec.tests.framework &&
         earlier.spec.tests.path == next.spec.tests.path;
}

bool CanLend(const api::CommitTest& earlier) {
  const api::CommitTestStatus& status = earlier.status;
  const bool tested =
      status.result == api::TestResult::kPassed || status.result == api::TestResult::kFailed;
  return tested && status.completion_time && !status.timings.empty();
}

}  // namespace

bool SplitsByTiming(const api::CommitTestSpec& spec) {
  return IsSharded(spec) && spec.sharding.strategy == api::ShardStrategy::kTiming;
}

std::optional<kube::ObjectKey> TimingsSource(
    const std::vector<std::shared_ptr<const api::CommitTest>>& all, const api::CommitTest& next) {
  if (next.spec.repository_name.empty()) return std::nullopt;
  const api::CommitTest* newest = nullptr;
  for (const auto& earlier : all) {
    if (!TestsTheSame(*earlier, next) || !CanLend(*earlier)) continue;
    if (newest == nullptr || newest->status.completion_time < earlier->status.completion_time) {
      newest = earlier.get();
    }
  }
  return newest == nullptr ? std::nullopt : std::optional(newest->meta.Key());
}

void KeepLongest(api::UnitTimings& timings) {
  if (timings.size() <= api::kMaxUnitTimings) return;
  std::vector<std::pair<std::string, std::int64_t>> longest(timings.begin(), timings.end());
  std::ranges::sort(longest, {},
                    [](const auto& timing) { return std::pair(-timing.second, timing.first); });
  longest.resize(api::kMaxUnitTimings);
  timings = {longest.begin(), longest.end()};
}

}  // namespace committest::op
