#include "operator/job_view.h"

#include <charconv>
#include <map>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/api/names.h"
#include "common/base/strings.h"
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

std::optional<std::size_t> Number(std::string_view text) {
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  return whole ? std::optional(number) : std::nullopt;
}

/// Marks the indexes of a list such as "1,3-5"; what is no index of ours is left out.
void MarkIndexes(std::string_view list, JobView& view) {
  for (const std::string& part : Split(list, ',')) {
    const std::size_t dash = part.find('-');
    const auto first = Number(std::string_view(part).substr(0, dash));
    const auto last =
        dash == std::string::npos ? first : Number(std::string_view(part).substr(dash + 1));
    if (!first || !last) continue;
    for (std::size_t i = *first; i <= *last && i < view.ended_indexes.size(); ++i) {
      view.ended_indexes.set(i);
    }
  }
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
  MarkIndexes(kube::StringAt(status, "completedIndexes"), view);
  MarkIndexes(kube::StringAt(status, "failedIndexes"), view);
  return view;
}

}  // namespace committest::op
