#pragma once

#include <optional>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "common/base/clock.h"
#include "common/kube/object.h"

namespace committest::op {

/// `v1 events`.
const kube::ResourceType& EventType();

/// The field selector of the Events by which the Job controller says that it could not create a
/// Job's Pod. Nothing else says so: the Job's status stays as it is.
inline constexpr const char* kJobTroubleSelector = "involvedObject.kind=Job,reason=FailedCreate";

/// Such an Event.
struct JobTrouble {
  /// The Event's own; its controller is the Job that the Event is about, so that both are found
  /// alike.
  kube::ObjectMeta meta;
  std::string message;  ///< In the API server's words.
  std::optional<WallTime> last_seen;
};

/// Never fails and never throws, as `ParseJobView`.
JobTrouble ParseJobTrouble(const nlohmann::json& object);

}  // namespace committest::op
