#include "common/kube/leader_elector.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

#include <nlohmann/json.hpp>
#include <prometheus/counter.h>
#include <prometheus/gauge.h>

#include "common/base/log.h"
#include "common/base/time_format.h"
#include "common/kube/json_reader.h"

namespace committest::kube {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;

// Lets the other writer of the Lease finish before the next try.
constexpr milliseconds kConflictPause{50};

ResourceType LeaseType() {
  return {.group = "coordination.k8s.io", .version = "v1", .plural = "leases", .kind = "Lease"};
}

}  // namespace

std::string MakeIdentity(const std::string& pod_name, Random& random) {
  std::array<char, 9> suffix{};
  const auto bits = static_cast<unsigned>(random.Next() >> 32U);
  static_cast<void>(std::snprintf(suffix.data(), suffix.size(), "%08x", bits));
  return pod_name + "_" + suffix.data();
}

struct LeaderElector::Series {
  Series(Metrics& metrics, const std::string& lease)
      : leading(
            metrics.Gauge("committest_leader", "1 while this process leads", {{"lease", lease}})),
        renewed(Requests(metrics, lease, "success")),
        failed(Requests(metrics, lease, "failure")) {}

  static prometheus::Counter& Requests(Metrics& metrics, const std::string& lease,
                                       const char* result) {
    return metrics.Counter("committest_lease_writes_total", "Writes of the Lease",
                           {{"lease", lease}, {"result", result}});
  }

  prometheus::Gauge& leading;
  prometheus::Counter& renewed;
  prometheus::Counter& failed;
};

LeaderElector::LeaderElector(LeaderElectorOptions options, Reader& reader, Writer& writer,
                             Updater& updater, const Clock& clock, Random& random, Metrics& metrics)
    : options_(std::move(options)),
      reader_(reader),
      writer_(writer),
      updater_(updater),
      clock_(clock),
      random_(random),
      series_(std::make_unique<Series>(metrics, options_.lease.name)) {}

LeaderElector::~LeaderElector() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

void LeaderElector::Start() {
  thread_ = std::jthread([this](const std::stop_token& stop) { Run(stop); });
}

void LeaderElector::Stop() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
  if (IsLeader()) Release();
}

void LeaderElector::Run(const std::stop_token& stop) {
  while (!stop.stop_requested() && !lost_) {
    const milliseconds wait = Step();
    if (!clock_.SleepFor(wait, stop)) return;
  }
}

milliseconds LeaderElector::Step() {
  if (lost_) return options_.times.retry_period;
  const bool leading = View().renewed_at.has_value();
  if (!leading) {
    if (auto read = Refresh(); !read) {
      log::Failure("Could not read the lease", read.error(),
                   {{"lease", options_.lease.ToString()}});
      return Jittered(options_.times.retry_period);
    }
  }
  const LeaseDecision decision = DecideLease(options_.times, View(), clock_.Monotonic());
  if (decision.action == LeaseAction::kWait) {
    return leading ? decision.wait
                   : std::min(decision.wait, Jittered(options_.times.follow_period));
  }
  if (decision.action == LeaseAction::kLost) {
    Lose("it was not renewed in time, or another holds it");
    return milliseconds(0);
  }
  return Act(decision.action);
}

milliseconds LeaderElector::Act(LeaseAction action) {
  if (action == LeaseAction::kRenew && options_.healthy && !options_.healthy()) {
    Lose("this process is not healthy");
    return milliseconds(0);
  }
  const MonotonicTime sent_at = clock_.Monotonic();
  const auto written = SendLease(action);
  if (written) {
    series_->renewed.Increment();
    Observe(*written);
    Won(sent_at);
    return milliseconds(0);
  }
  series_->failed.Increment();
  const Error& error = written.error();
  const bool race = error.code == ErrorCode::kConflict || error.code == ErrorCode::kAlreadyExists;
  if (!race) {
    log::Failure("Could not write the lease", error, {{"lease", options_.lease.ToString()}});
  }
  if (action == LeaseAction::kRenew && error.code != ErrorCode::kUnavailable) {
    // The Lease has changed, is gone, or the write was applied and its answer lost: look. What
    // cannot be read now is read again after the next failed renewal.
    static_cast<void>(Refresh());
  }
  const milliseconds pause = Jittered(race ? kConflictPause : options_.times.retry_period);
  const milliseconds left = TimeLeft();
  return left > milliseconds(0) ? std::min(pause, left) : pause;
}

Status LeaderElector::Refresh() {
  const auto lease = reader_.Get(LeaseType(), options_.lease);
  if (lease) {
    Observe(*lease);
    return {};
  }
  if (lease.error().code != ErrorCode::kNotFound) return Fail(lease.error());
  lease_.reset();
  record_.reset();
  return {};
}

void LeaderElector::Observe(const json& lease) {
  LeaseRecord record = ParseLease(lease);
  if (!record_ || *record_ != record) {
    if (record_ && record_->holder != record.holder) {
      log::Info("The lease has a new holder",
                {{"lease", options_.lease.ToString()}, {"holder", record.holder}});
    }
    record_ = std::move(record);
    observed_at_ = clock_.Monotonic();
  }
  lease_ = std::make_unique<json>(lease);
}

Result<json> LeaderElector::SendLease(LeaseAction action) {
  const json claim = Claim();
  return action == LeaseAction::kCreate ? writer_.Create(LeaseType(), claim)
                                        : updater_.Replace(LeaseType(), claim);
}

json LeaderElector::Claim() const {
  json claim = lease_ ? *lease_ : json::object();
  if (!lease_) {
    claim["apiVersion"] = LeaseType().ApiVersion();
    claim["kind"] = LeaseType().kind;
    claim["metadata"] = {{"namespace", options_.lease.namespace_}, {"name", options_.lease.name}};
  }
  json spec = ObjectAt(claim, "spec");
  const std::string now = FormatMicroTime(clock_.Wall());
  if (!record_ || record_->holder != options_.identity) {
    spec["acquireTime"] = now;
    spec["leaseTransitions"] = record_ ? record_->transitions + 1 : 0;
  }
  spec["holderIdentity"] = options_.identity;
  spec["leaseDurationSeconds"] =
      std::chrono::ceil<std::chrono::seconds>(options_.times.lease_duration).count();
  spec["renewTime"] = now;
  claim["spec"] = std::move(spec);
  return claim;
}

void LeaderElector::Won(MonotonicTime sent_at) {
  // An answer that came so late proves nothing; the next step looks again.
  if (clock_.Monotonic() >= sent_at + options_.times.renew_deadline) return;
  bool started = false;
  {
    MutexLock lock(mutex_);
    started = !renewed_at_.has_value();
    renewed_at_ = sent_at;
  }
  if (!started) return;
  series_->leading.Set(1);
  log::Info("This process leads now",
            {{"lease", options_.lease.ToString()}, {"identity", options_.identity}});
  if (options_.on_started) options_.on_started();
}

void LeaderElector::Lose(std::string_view why) {
  {
    MutexLock lock(mutex_);
    renewed_at_.reset();
  }
  lost_ = true;
  series_->leading.Set(0);
  log::Error("The lease is lost", {{"lease", options_.lease.ToString()}, {"why", why}});
  if (options_.on_lost) options_.on_lost();
}

void LeaderElector::Release() {
  {
    // First, so that no write starts between the release and the end of the process.
    MutexLock lock(mutex_);
    renewed_at_.reset();
  }
  series_->leading.Set(0);
  json released = Claim();
  // As client-go releases: no holder, and a duration that protects nobody. The field is left out
  // because newer servers refuse an empty holder.
  released["spec"].erase("holderIdentity");
  released["spec"]["leaseDurationSeconds"] = 1;
  const auto written = updater_.Replace(LeaseType(), released);
  if (!written) {
    log::Failure("Could not release the lease; it ends by itself", written.error(),
                 {{"lease", options_.lease.ToString()}});
  }
}

Status LeaderElector::Permit() const {
  if (IsLeader()) return {};
  return Fail(ErrorCode::kCancelled, "this process does not hold the lease", "NotLeader");
}

milliseconds LeaderElector::TimeLeft() const {
  const MonotonicTime now = clock_.Monotonic();
  MutexLock lock(mutex_);
  if (!renewed_at_) return milliseconds(0);
  const auto left = *renewed_at_ + options_.times.renew_deadline - now;
  return std::max(milliseconds(0), std::chrono::floor<milliseconds>(left));
}

milliseconds LeaderElector::Jittered(milliseconds period) {
  const double factor = 0.75 + (0.25 * random_.Fraction());
  return milliseconds(static_cast<milliseconds::rep>(static_cast<double>(period.count()) * factor));
}

LeaseView LeaderElector::View() const {
  MutexLock lock(mutex_);
  return {.identity = options_.identity,
          .record = record_,
          .observed_at = observed_at_,
          .renewed_at = renewed_at_};
}

}  // namespace committest::kube
