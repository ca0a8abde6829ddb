#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "common/api/commit_test.h"
#include "common/kube/object.h"

// What plans of shards go by: how long units of tests took before. Pure.

namespace committest::op {

/// Whether `spec` asks for shards that are balanced by durations.
bool SplitsByTiming(const api::CommitTestSpec& spec);

/// The CommitTest whose recorded durations a launch of `next` takes: of those in `all` with the same
/// namespace, the same repositoryName (and one there is) and the same tests.framework and tests.path,
/// the one that Passed or Failed last and recorded any. nullopt: there is none.
std::optional<kube::ObjectKey> TimingsSource(
    const std::vector<std::shared_ptr<const api::CommitTest>>& all, const api::CommitTest& next);

/// Keeps the `kMaxUnitTimings` longest of `timings`, those that are equally long by their keys.
void KeepLongest(api::UnitTimings& timings);

}  // namespace committest::op
