#include "operator/retention.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

namespace committest::op {
namespace {

constexpr std::chrono::seconds kMinTtl{api::kMinTtlSeconds};

bool IsNewer(const FinishedTest& a, const FinishedTest& b) {
  return std::tie(b.since, b.key) < std::tie(a.since, a.key);
}

/// Counts the kept ones of each ref and result, from the newest on.
class KeepsOfRefs {
 public:
  explicit KeepsOfRefs(std::int64_t each) : each_(each) {}

  bool Keep(const FinishedTest& test) {
    if (test.result != api::TestResult::kPassed && test.result != api::TestResult::kFailed) {
      return false;
    }
    return kept_[{test.ref, test.result}]++ < each_;
  }

 private:
  const std::int64_t each_;
  std::map<std::pair<std::string, api::TestResult>, std::int64_t> kept_;
};

}  // namespace

std::vector<FinishedTest> Expired(std::vector<FinishedTest> tests, const RetentionRules& rules,
                                  WallTime now) {
  std::ranges::sort(tests, IsNewer);
  std::vector<FinishedTest> expired;
  KeepsOfRefs keeps(rules.keep_last_per_ref);
  std::int64_t rank = 0;
  for (FinishedTest& test : tests) {
    const bool too_many = rules.max_count > 0 && rank++ >= rules.max_count;
    if (keeps.Keep(test)) continue;
    const std::chrono::seconds ttl = too_many ? kMinTtl : std::max(test.ttl, kMinTtl);
    if (test.completed + ttl <= now) expired.push_back(std::move(test));
  }
  std::ranges::reverse(expired);
  return expired;
}

}  // namespace committest::op
