#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>

#include <nlohmann/json_fwd.hpp>

#include "common/base/clock.h"
#include "common/base/metrics.h"
#include "common/base/mutex.h"
#include "common/base/random.h"
#include "common/base/result.h"
#include "common/kube/client.h"
#include "common/kube/leader_decision.h"
#include "common/kube/object.h"

namespace committest::kube {

/// "`pod`_<8 hexadecimal digits>": names one process for ever, also when its Pod's name is reused.
std::string MakeIdentity(const std::string& pod_name, Random& random);

struct LeaderElectorOptions {
  ObjectKey lease;       ///< Namespace and name of the Lease.
  std::string identity;  ///< From `MakeIdentity`.
  LeaseTimes times{};
  /// Called on the elector's thread when this process begins to lead. Must not block.
  std::function<void()> on_started{};
  /// Called on the elector's thread, once, when it has lost the lease. The process must exit: it
  /// may be in the middle of work that another does now. Not called by `Stop`.
  std::function<void()> on_lost{};
  /// Asked before each renewal; false gives the lease up, so that a process whose workers hang
  /// does not keep it. Null means always true.
  std::function<bool()> healthy{};
};

/// Holds a Lease so that of several replicas one works.
///
/// Flow: look at the lease every half second with jitter → take it when it is free, released, or
/// was not seen to change for its own duration → renew every 2 s → on any doubt stop.
///
/// Guarantees: `Permit` is refused from renew_deadline after the last renewal was *sent*, and at
/// once when another holder was seen, so a leader that was stopped and continued sends nothing.
/// Only the monotonic clock is used; jumps of the wall clock change nothing.
///
/// Caveat: this is no fencing. Two leaders at once are improbable, not impossible; safety comes
/// from compare-and-swap and from names. The lease only saves double work.
///
/// Assumptions: the client given here is the elector's own, with a deadline per request of at most
/// renew_deadline / 2, and is not throttled together with other requests.
///
/// Thread-safety: `Step` from one thread; `Permit`, `TimeLeft`, `IsLeader` from any.
class LeaderElector {
 public:
  /// The roles are those of one client. The references must outlive the elector.
  LeaderElector(LeaderElectorOptions options, Reader& reader, Writer& writer, Updater& updater,
                const Clock& clock, Random& random, Metrics& metrics);
  /// Stops without releasing.
  ~LeaderElector();

  /// Starts the thread. REQUIRES: called once.
  void Start();
  /// Joins the thread and, when this process leads, releases the lease, so that another takes over
  /// at its next look. REQUIRES: no write that needs the lease is under way any more.
  void Stop();

  /// Does what is due now, and says how long until the next step. For simulation, and for the
  /// thread.
  std::chrono::milliseconds Step();

  /// Success while writes may be sent; kCancelled, reason "NotLeader", otherwise. For
  /// `ApiClientOptions::write_permit`. A permitted write has ended before another may lead if the
  /// client's deadline per request is at most lease_duration - renew_deadline (5 s).
  Status Permit() const EXCLUDES(mutex_);
  /// How long `Permit` will hold without a further renewal; zero if it does not.
  std::chrono::milliseconds TimeLeft() const EXCLUDES(mutex_);
  bool IsLeader() const { return TimeLeft() > std::chrono::milliseconds(0); }

 private:
  struct Series;

  Status Refresh();
  void Observe(const nlohmann::json& lease);
  std::chrono::milliseconds Act(LeaseAction action);
  Result<nlohmann::json> SendLease(LeaseAction action);
  nlohmann::json Claim() const;
  void Won(MonotonicTime sent_at);
  void Lose(std::string_view why);
  void Release();
  std::chrono::milliseconds Jittered(std::chrono::milliseconds period);
  LeaseView View() const EXCLUDES(mutex_);
  void Run(const std::stop_token& stop);

  const LeaderElectorOptions options_;
  Reader& reader_;
  Writer& writer_;
  Updater& updater_;
  const Clock& clock_;
  Random& random_;
  const std::unique_ptr<Series> series_;

  // Of the stepping thread alone.
  std::unique_ptr<nlohmann::json> lease_;  ///< As last read or written; null if there is none.
  std::optional<LeaseRecord> record_;
  MonotonicTime observed_at_{};
  bool lost_ = false;

  mutable Mutex mutex_;
  std::optional<MonotonicTime> renewed_at_ GUARDED_BY(mutex_);

  std::jthread thread_;
};

}  // namespace committest::kube
