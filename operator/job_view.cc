#include "operator/job_view.h"

#include <charconv>
#include <map>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/api/names.h"
#include "common/kube/json_reader.h"

namespace committest::op {
namespace {

using nlohmann::json;

std::string AnnotationOf(const kube::ObjectMeta& meta, const char* name) {
  const auto it = meta.annotations.find(name);
  return it == meta.annotations.end() ? std::string() : it->second;
}

std::int64_t AttemptOf(const kube::ObjectMeta& meta) {
  const std::string text = AnnotationOf(meta, api::kAttemptAnnotation);
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  return whole && number > 0 ? number : 0;
}

std::optional<JobCondition> ConditionOf(const json& status, std::string_view type) {
  for (const json& condition : kube::ArrayAt(status, "conditions")) {
    if (kube::StringAt(condition, "type") != type) continue;
    if (kube::StringAt(condition, "status") != "True") return std::nullopt;
    return JobCondition{kube::StringAt(condition, "reason"), kube::StringAt(condition, "message"),
                        kube::TimeAt(condition, "lastTransitionTime")};
  }
  return std::nullopt;
}

}  // namespace

const kube::ResourceType& JobType() {
  static const kube::ResourceType kType{"batch", "v1", "jobs", "Job", true};
  return kType;
}

JobView ParseJobView(const json& object) {
  const json& status = kube::ObjectAt(object, "status");
  JobView view;
  if (auto meta = kube::ParseObjectMeta(object)) view.meta = std::move(*meta);
  view.attempt = AttemptOf(view.meta);
  view.spec_hash = AnnotationOf(view.meta, api::kSpecHashAnnotation);
  view.suspended = kube::BoolAt(kube::ObjectAt(object, "spec"), "suspend");
  view.start_time = kube::TimeAt(status, "startTime");
  view.complete = ConditionOf(status, "Complete");
  view.failed = ConditionOf(status, "Failed");
  view.failure_target = ConditionOf(status, "FailureTarget");
  return view;
}

}  // namespace committest::op
