#pragma once

#include <functional>
#include <stop_token>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/kube/client.h"

namespace committest::plugin {

/// What a follower is told, in order; each says whether to go on.
struct FollowSink {
  /// An object as it is now: of a list, then of each change.
  std::function<bool(const nlohmann::json& object)> on_object;
  std::function<bool(const nlohmann::json& object)> on_deleted;
  /// A list is complete: what was not in it is not there. Called at the start, and whenever history was
  /// lost.
  std::function<bool()> on_listed;
  /// The connection is lost and tried again.
  std::function<void(const Error& error)> on_trouble;
};

/// Lists and watches CommitTests until a sink has enough. The first list's error is handed back; later,
/// only what trying again cannot cure is (rights lost, the kind gone), and what lasts for 5 min.
Status Follow(kube::Lister& lister, kube::Watchable& watchable, const kube::Selection& selection,
              const FollowSink& sink, const Clock& clock);

}  // namespace committest::plugin
