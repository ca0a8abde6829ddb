#pragma once

#include "common/api/commit_test.h"

namespace committest::op {

/// Whether a run takes two containers: one of the runner's image that checks out, and one that runs
/// the tests. One that does both starts faster, but the tests could see its credentials, and an image
/// that the user chose does not hold the runner.
inline bool ChecksOutApart(const api::CommitTestSpec& spec) {
  return !spec.execution.image.empty() || !spec.credentials_secret_name.empty();
}

/// Whether a run takes several Pods, each of them a shard of the tests.
inline bool IsSharded(const api::CommitTestSpec& spec) { return spec.sharding.count > 1; }

}  // namespace committest::op
