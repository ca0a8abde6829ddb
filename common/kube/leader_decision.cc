#include "common/kube/leader_decision.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "common/kube/json_reader.h"

namespace committest::kube {
namespace {

using std::chrono::milliseconds;

constexpr std::chrono::seconds kShortestProtection{1};
constexpr std::chrono::seconds kLongestProtection{300};

milliseconds Until(MonotonicTime due, MonotonicTime now) {
  return std::max(milliseconds(0), std::chrono::ceil<milliseconds>(due - now));
}

LeaseDecision DecideAsLeader(const LeaseTimes& times, const LeaseView& view, MonotonicTime now) {
  const bool ours = view.record && view.record->holder == view.identity;
  const MonotonicTime renewed_at = *view.renewed_at;
  if (!ours || now >= renewed_at + times.renew_deadline) return {.action = LeaseAction::kLost};
  const MonotonicTime due = renewed_at + times.retry_period;
  if (now >= due) return {.action = LeaseAction::kRenew};
  return {.action = LeaseAction::kWait, .wait = Until(due, now)};
}

}  // namespace

LeaseRecord ParseLease(const nlohmann::json& lease) {
  const nlohmann::json& spec = ObjectAt(lease, "spec");
  return {.holder = StringAt(spec, "holderIdentity"),
          .duration = std::chrono::seconds(IntAt(spec, "leaseDurationSeconds")),
          .acquire_time = StringAt(spec, "acquireTime"),
          .renew_time = StringAt(spec, "renewTime"),
          .transitions = IntAt(spec, "leaseTransitions")};
}

milliseconds ProtectedFor(const LeaseTimes& times, const LeaseRecord& record) {
  if (record.duration <= std::chrono::seconds(0)) return times.lease_duration;
  return std::clamp(record.duration, kShortestProtection, kLongestProtection);
}

LeaseDecision DecideLease(const LeaseTimes& times, const LeaseView& view, MonotonicTime now) {
  if (view.renewed_at) return DecideAsLeader(times, view, now);
  if (!view.record) return {.action = LeaseAction::kCreate};
  if (view.record->holder.empty() || view.record->holder == view.identity) {
    return {.action = LeaseAction::kTakeOver};
  }
  const MonotonicTime expiry = view.observed_at + ProtectedFor(times, *view.record);
  if (now >= expiry) return {.action = LeaseAction::kTakeOver};
  return {.action = LeaseAction::kWait, .wait = Until(expiry, now)};
}

}  // namespace committest::kube
