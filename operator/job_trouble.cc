#include "operator/job_trouble.h"

#include <utility>

#include <nlohmann/json.hpp>

#include "common/kube/json_reader.h"
#include "operator/job_view.h"

namespace committest::op {

const kube::ResourceType& EventType() {
  static const kube::ResourceType kType{"", "v1", "events", "Event"};
  return kType;
}

JobTrouble ParseJobTrouble(const nlohmann::json& object) {
  JobTrouble trouble;
  if (auto meta = kube::ParseObjectMeta(object)) trouble.meta = std::move(*meta);
  const nlohmann::json& about = kube::ObjectAt(object, "involvedObject");
  trouble.meta.owners = {{JobType().ApiVersion(), JobType().kind, kube::StringAt(about, "name"),
                          kube::StringAt(about, "uid"), true}};
  trouble.message = kube::StringAt(object, "message");
  trouble.last_seen = kube::TimeAt(object, "lastTimestamp");
  if (!trouble.last_seen) trouble.last_seen = kube::TimeAt(object, "eventTime");
  return trouble;
}

}  // namespace committest::op
