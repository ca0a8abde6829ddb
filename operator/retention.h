#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "common/api/commit_test.h"
#include "common/base/clock.h"
#include "common/kube/object.h"

// Which finished CommitTests have had their time: pure.

namespace committest::op {

/// A finished CommitTest, as far as its time depends on it.
struct FinishedTest {
  kube::ObjectKey key;
  std::string uid;
  std::string ref;
  api::TestResult result = api::TestResult::kError;
  WallTime since;      ///< When its commit was detected, else when it was created.
  WallTime completed;  ///< When the verdict was written.
  std::chrono::seconds ttl{0};
};

/// What an ObservedRepository's `spec.retention` says.
struct RetentionRules {
  std::int64_t max_count = 0;  ///< 0: no limit.
  std::int64_t keep_last_per_ref = 0;
};

/// Which of the finished CommitTests of one repository have expired, the oldest first. Total. The
/// first row that matches counts:
///
/// | the CommitTest                                            | expires                       |
/// |-----------------------------------------------------------|-------------------------------|
/// | is one of the newest `keep_last_per_ref` Passed, or of as | never                         |
/// |   many Failed, of its ref                                 |                               |
/// | is not among the newest `max_count`                       | kMinTtlSeconds after its end  |
/// | otherwise                                                 | its `ttl` after its end       |
///
/// Nothing expires sooner than kMinTtlSeconds after its end.
std::vector<FinishedTest> Expired(std::vector<FinishedTest> tests, const RetentionRules& rules,
                                  WallTime now);

}  // namespace committest::op
