#include "operator/pod_view.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/kube/json_reader.h"

namespace committest::op {
namespace {

using nlohmann::json;

ContainerTerminated ParseTerminated(const json& state) {
  return {kube::IntAt(state, "exitCode", -1), kube::StringAt(state, "reason"),
          kube::StringAt(state, "message"), kube::TimeAt(state, "startedAt"),
          kube::TimeAt(state, "finishedAt")};
}

ContainerState ParseState(const json& state) {
  if (const json* terminated = kube::Find(state, "terminated"); terminated != nullptr) {
    if (terminated->is_object()) return ParseTerminated(*terminated);
  }
  if (const json* running = kube::Find(state, "running"); running != nullptr) {
    if (running->is_object()) return ContainerRunning{kube::TimeAt(*running, "startedAt")};
  }
  if (const json* waiting = kube::Find(state, "waiting"); waiting != nullptr) {
    return ContainerWaiting{kube::StringAt(*waiting, "reason"),
                            kube::StringAt(*waiting, "message")};
  }
  return std::monostate();
}

ContainerState StateOf(const json& status, const char* list, const char* name) {
  for (const json& container : kube::ArrayAt(status, list)) {
    if (kube::StringAt(container, "name") == name) {
      return ParseState(kube::ObjectAt(container, "state"));
    }
  }
  return std::monostate();
}

std::vector<PodCondition> ParsePodConditions(const json& status) {
  std::vector<PodCondition> conditions;
  for (const json& condition : kube::ArrayAt(status, "conditions")) {
    conditions.push_back({kube::StringAt(condition, "type"), kube::StringAt(condition, "status"),
                          kube::StringAt(condition, "reason"), kube::StringAt(condition, "message"),
                          kube::TimeAt(condition, "lastTransitionTime")});
  }
  return conditions;
}

std::optional<WallTime> DeletionRequested(const json& object, const kube::ObjectMeta& meta) {
  if (!meta.deletion_time) return std::nullopt;
  // Bounded, so that a hostile value cannot overflow the time.
  const std::int64_t grace = std::clamp<std::int64_t>(
      kube::IntAt(kube::ObjectAt(object, "metadata"), "deletionGracePeriodSeconds"), 0, 86'400);
  if (grace == 0) return std::nullopt;
  return *meta.deletion_time - std::chrono::seconds(grace);
}

constexpr const char* kIndexAnnotation = "batch.kubernetes.io/job-completion-index";

std::optional<std::int64_t> IndexOf(const kube::ObjectMeta& meta) {
  const auto it = meta.annotations.find(kIndexAnnotation);
  if (it == meta.annotations.end()) return std::nullopt;
  const std::string& text = it->second;
  std::int64_t index = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), index);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  return whole && index >= 0 ? std::optional(index) : std::nullopt;
}

}  // namespace

const kube::ResourceType& PodType() {
  static const kube::ResourceType kType{"", "v1", "pods", "Pod", true};
  return kType;
}

const PodCondition* PodView::Find(std::string_view type) const {
  const auto it = std::ranges::find(conditions, type, &PodCondition::type);
  return it == conditions.end() ? nullptr : &*it;
}

const PodCondition* PodView::True(std::string_view type) const {
  const PodCondition* condition = Find(type);
  return condition != nullptr && condition->status == "True" ? condition : nullptr;
}

const ContainerTerminated* PodView::Terminated() const {
  return std::get_if<ContainerTerminated>(&runner);
}
const ContainerRunning* PodView::Running() const { return std::get_if<ContainerRunning>(&runner); }
const ContainerWaiting* PodView::Waiting() const {
  const auto* first = std::get_if<ContainerWaiting>(&checkout);
  return first != nullptr ? first : std::get_if<ContainerWaiting>(&runner);
}
const ContainerRunning* PodView::CheckingOut() const {
  return std::get_if<ContainerRunning>(&checkout);
}
const ContainerTerminated* PodView::CheckedOut() const {
  return std::get_if<ContainerTerminated>(&checkout);
}

PodView ParsePodView(const json& object) {
  const json& status = kube::ObjectAt(object, "status");
  PodView view;
  if (auto meta = kube::ParseObjectMeta(object)) view.meta = std::move(*meta);
  const kube::OwnerReference* owner = view.meta.Controller();
  if (owner != nullptr && owner->kind == "Job") {
    view.job_name = owner->name;
    view.job_uid = owner->uid;
  }
  view.index = IndexOf(view.meta);
  view.deletion_requested = DeletionRequested(object, view.meta);
  view.phase = kube::StringAt(status, "phase");
  view.reason = kube::StringAt(status, "reason");
  view.message = kube::StringAt(status, "message");
  view.node_name = kube::StringAt(kube::ObjectAt(object, "spec"), "nodeName");
  view.start_time = kube::TimeAt(status, "startTime");
  view.conditions = ParsePodConditions(status);
  view.checkout = StateOf(status, "initContainerStatuses", kCheckoutContainer);
  view.runner = StateOf(status, "containerStatuses", kRunnerContainer);
  return view;
}

}  // namespace committest::op
