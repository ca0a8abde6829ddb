#pragma once

#include <string>

#include "common/api/commit_test.h"
#include "common/base/clock.h"
#include "common/base/metrics.h"

namespace committest::op {

/// The operator's own Prometheus series. Thread-safe.
class OperatorMetrics {
 public:
  explicit OperatorMetrics(Metrics& metrics);

  /// A Job was created for `attempt`.
  void Launched(const api::CommitTest& commit_test, std::int64_t attempt, WallTime now);
  /// The status `after` was written over `before`.
  void Written(const api::CommitTestStatus& before, const api::CommitTestStatus& after,
               WallTime now);
  /// The API server refused a launch for `kind`.
  void Refused(const std::string& kind);

 private:
  void Verdict(const api::CommitTestStatus& after, WallTime now);

  Metrics& metrics_;
};

}  // namespace committest::op
