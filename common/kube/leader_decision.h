#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "common/base/clock.h"

namespace committest::kube {

/// The times of a leader election. client-go's defaults, and its rule renew_deadline <
/// lease_duration: a leader that cannot renew stops before anyone else may start.
struct LeaseTimes {
  std::chrono::milliseconds lease_duration{15'000};
  std::chrono::milliseconds renew_deadline{10'000};
  std::chrono::milliseconds retry_period{2'000};
  /// How often a candidate looks at the lease. Shorter than `retry_period`, because how late it
  /// sees the last renewal is added to the time in which nobody leads.
  std::chrono::milliseconds follow_period{500};
};

/// `coordination.k8s.io/v1` LeaseSpec as far as an election reads it. Its timestamps are only
/// compared with each other for equality, never with a clock: clocks of two machines differ.
struct LeaseRecord {
  std::string holder;  ///< Empty when released.
  std::chrono::seconds duration{0};
  std::string acquire_time;
  std::string renew_time;
  std::int64_t transitions = 0;

  bool operator==(const LeaseRecord&) const = default;
};

/// Tolerant: what is absent or of a wrong type reads as empty.
LeaseRecord ParseLease(const nlohmann::json& lease);

/// What a candidate knows. Times are of its own monotonic clock.
struct LeaseView {
  std::string identity;
  /// nullopt: there is no Lease object.
  std::optional<LeaseRecord> record;
  /// When `record` was first seen as it is.
  MonotonicTime observed_at{};
  /// When the request was *sent* by which we last acquired or renewed; nullopt if we do not lead.
  std::optional<MonotonicTime> renewed_at;
};

enum class LeaseAction {
  kCreate,    ///< POST the Lease with us as holder.
  kTakeOver,  ///< PUT us as holder over a released or expired record, guarded by its version.
  kRenew,     ///< PUT a new renew time.
  kWait,      ///< Nothing to do before `next`.
  kLost,      ///< We led and must not any more: stop all work at once.
};

struct LeaseDecision {
  LeaseAction action = LeaseAction::kWait;
  /// kWait: how long until the next look.
  std::chrono::milliseconds wait{0};
};

/// Decides what to do now. Pure and total:
///
/// | we lead | record                        | time                              | action   |
/// |---------|-------------------------------|-----------------------------------|----------|
/// | yes     | any                           | renewed_at + renew_deadline over  | Lost     |
/// | yes     | none, or another's            | before                            | Lost     |
/// | yes     | ours                          | retry_period since renewal over   | Renew    |
/// | yes     | ours                          | before                            | Wait     |
/// | no      | none                          | any                               | Create   |
/// | no      | no holder, or ours            | any                               | TakeOver |
/// | no      | another's, not seen to change | its duration since observed_at    | TakeOver |
/// | no      | another's                     | before                            | Wait     |
///
/// "ours, but we do not lead" is an earlier write of ours whose answer was lost.
LeaseDecision DecideLease(const LeaseTimes& times, const LeaseView& view, MonotonicTime now);

/// How long a record protects its holder after it was last seen to change: what the record says,
/// but between 1 s and 5 min, so that a mangled record blocks nobody for ever; `lease_duration`
/// if it says nothing.
std::chrono::milliseconds ProtectedFor(const LeaseTimes& times, const LeaseRecord& record);

}  // namespace committest::kube
