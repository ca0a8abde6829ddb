#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/api/commit_test.h"
#include "common/kube/object.h"
#include "operator/job_view.h"

namespace committest::op {

/// The attempt that a CommitTest is in: the open one, else the one that would come next.
struct CurrentAttempt {
  std::int64_t number = 1;
  kube::ObjectKey job;  ///< A function of the CommitTest's UID and the number.
  /// The open attempt of the status, or nullptr if it is not recorded yet. Points into the
  /// CommitTest.
  const api::Attempt* recorded = nullptr;
};

/// The name of the Job of `attempt`.
std::string JobNameOf(const api::CommitTest& commit_test, std::int64_t attempt);

CurrentAttempt CurrentAttemptOf(const api::CommitTest& commit_test);

/// The last attempt if it has ended, else nullptr. Every attempt that ended without a verdict was
/// an infrastructure failure, so its number is also the count of those.
const api::Attempt* LastEnded(const api::CommitTestStatus& status);

/// Identifies what a Job was made from: a digest of the parts of the spec that shape it.
std::string SpecHash(const api::CommitTestSpec& spec);

/// Whether `job` was made by us for this attempt of this CommitTest: controller UID, attempt and
/// spec hash agree. A name proves nothing.
bool IsOurs(const JobView& job, const api::CommitTest& commit_test, std::int64_t attempt);

/// The UID of the current attempt's Job: the recorded one, or else the one of `job` if that is ours.
/// Empty if there is neither.
std::string JobUidOf(const CurrentAttempt& current, const std::optional<JobView>& job,
                     const api::CommitTest& commit_test);

}  // namespace committest::op
