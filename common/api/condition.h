#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "common/base/clock.h"
#include "common/base/result.h"

namespace committest::api {

/// `metav1.Condition`. `status` is "True", "False" or "Unknown".
struct Condition {
  std::string type;
  std::string status;
  std::string reason;
  std::string message;
  std::int64_t observed_generation = 0;
  WallTime last_transition_time;

  bool operator==(const Condition&) const = default;
};

namespace condition {
inline constexpr const char* kTrue = "True";
inline constexpr const char* kFalse = "False";
inline constexpr const char* kUnknown = "Unknown";
// Of a CommitTest.
inline constexpr const char* kAdmitted = "Admitted";
inline constexpr const char* kStarted = "Started";
inline constexpr const char* kCompleted = "Completed";
inline constexpr const char* kSucceeded = "Succeeded";
inline constexpr const char* kResultsRecorded = "ResultsRecorded";
// Of an ObservedRepository.
inline constexpr const char* kReady = "Ready";
inline constexpr const char* kReachable = "Reachable";
inline constexpr const char* kWebhookHealthy = "WebhookHealthy";
}  // namespace condition

/// A condition's message holds at most this many bytes; `SetCondition` cuts it.
inline constexpr std::size_t kMaxConditionMessageBytes = 1024;

/// The condition of `type`, or nullptr.
const Condition* FindCondition(const std::vector<Condition>& conditions, std::string_view type);

/// As many as the schemas allow.
inline constexpr std::size_t kMaxConditions = 16;

/// Puts `next` in place of the condition of its type. Its `last_transition_time` is kept from the
/// old one unless the status differs, as the API conventions say; so setting the same condition
/// again changes nothing.
void SetCondition(std::vector<Condition>& conditions, Condition next);

nlohmann::json ToJson(const std::vector<Condition>& conditions);
/// Reads what the API server validated against the CRD; members that are absent stay empty.
std::vector<Condition> ParseConditions(const nlohmann::json& array);

}  // namespace committest::api
