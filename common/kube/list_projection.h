#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/kube/client.h"

namespace committest::kube {

/// Bounds on the shape of what is parsed.
struct ProjectionLimits {
  int depth = 64;  ///< Nesting of objects and arrays, counted from the list itself.
};

/// Reads the text of a Kubernetes list and hands its items to `sink` one by one, in order. Only one
/// item is in memory at a time, and members named in `drop` never are: "metadata.managedFields" is
/// the member `managedFields` of the item's member `metadata`. Arrays are not entered by a path.
///
/// kDataLoss: not JSON, truncated, nested too deeply, or not a list (no `metadata` or no `items`).
/// Items before the fault have been handed out by then: an error means that the list is unknown.
/// Pure but for `sink`.
Result<ListPage> ProjectList(std::string_view body, const std::vector<std::string>& drop,
                             const ObjectSink& sink, const ProjectionLimits& limits = {});

}  // namespace committest::kube
