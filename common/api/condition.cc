#include "common/api/condition.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "common/base/strings.h"
#include "common/base/time_format.h"
#include "common/kube/json_reader.h"

namespace committest::api {

const Condition* FindCondition(const std::vector<Condition>& conditions, std::string_view type) {
  const auto it = std::ranges::find(conditions, type, &Condition::type);
  return it == conditions.end() ? nullptr : &*it;
}

void SetCondition(std::vector<Condition>& conditions, Condition next) {
  next.message = Truncate(next.message, kMaxConditionMessageBytes);
  const auto it = std::ranges::find(conditions, next.type, &Condition::type);
  if (it == conditions.end()) {
    conditions.push_back(std::move(next));
    return;
  }
  if (it->status == next.status) next.last_transition_time = it->last_transition_time;
  *it = std::move(next);
}

nlohmann::json ToJson(const std::vector<Condition>& conditions) {
  nlohmann::json array = nlohmann::json::array();
  for (const Condition& condition : conditions) {
    array.push_back({{"type", condition.type},
                     {"status", condition.status},
                     {"reason", condition.reason},
                     {"message", condition.message},
                     {"observedGeneration", condition.observed_generation},
                     {"lastTransitionTime", FormatTime(condition.last_transition_time)}});
  }
  return array;
}

std::vector<Condition> ParseConditions(const nlohmann::json& array) {
  std::vector<Condition> conditions;
  conditions.reserve(array.size());
  for (const nlohmann::json& item : array) {
    conditions.push_back({kube::StringAt(item, "type"), kube::StringAt(item, "status"),
                          kube::StringAt(item, "reason"), kube::StringAt(item, "message"),
                          kube::IntAt(item, "observedGeneration"),
                          kube::TimeAt(item, "lastTransitionTime").value_or(WallTime{})});
  }
  return conditions;
}

}  // namespace committest::api
