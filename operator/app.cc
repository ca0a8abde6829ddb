#include "operator/app.h"

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <stop_token>
#include <thread>
#include <utility>

#include "common/base/log.h"
#include "common/base/metrics.h"
#include "common/http/health.h"
#include "common/http/server.h"
#include "common/kube/api_client.h"
#include "common/kube/controller.h"
#include "common/kube/event_recorder.h"
#include "common/kube/leader_elector.h"
#include "operator/apply.h"
#include "operator/caches.h"
#include "operator/gather.h"
#include "operator/operator_metrics.h"
#include "operator/reconciler.h"
#include "operator/slots.h"
#include "operator/upkeep.h"
#include "operator/watches.h"

namespace committest::op {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// A write that is sent must be over before the lease may be another's (renew deadline 10 s, renewed
/// every 2 s), so the time a call may take is what the permit asks to be left.
constexpr milliseconds kCallDeadline{6'000};
/// Another leads 15 s after the death of a leader at the latest: what is left of the lease, a look
/// of the other (half a second), and the launch.
constexpr milliseconds kLeaseDuration{14'000};
/// At most what lies between the renew deadline (10 s) and the lease's end, and less than half of
/// the former, so that a lost request leaves time for a second one.
constexpr milliseconds kLeaseCallDeadline{4'000};
/// How often a start that waits for the API server says so.
constexpr seconds kSyncReport{30};
/// A reconcile is a handful of calls of at most `kCallDeadline`; beyond this a worker hangs.
constexpr seconds kStuckReconcile{120};
constexpr milliseconds kFlushEvents{2'000};

struct Clients {
  std::unique_ptr<kube::ApiClient> work;
  std::unique_ptr<kube::ApiClient> lease;
};

class RealApp final : public App {
 public:
  RealApp(const Config& config, Clients clients, const std::string& lease_namespace,
          const std::string& pod_name, const Clock& clock, Random& random, Metrics& metrics)
      : config_(config),
        clock_(clock),
        clients_(std::move(clients)),
        caches_(config.namespaces),
        slots_(caches_, config.max_running, clock),
        writes_(clock),
        operator_metrics_(metrics),
        recorder_({.controller = "committest.dev/operator", .instance = pod_name}, *clients_.work,
                  clock, random, metrics),
        gatherer_(caches_, slots_, *clients_.work, *clients_.work, writes_, clock, config.runner,
                  config.policy),
        applier_(*clients_.work, *clients_.work, recorder_, writes_, operator_metrics_, clock),
        reconciler_(gatherer_, slots_, applier_, *clients_.work),
        controller_(
            {.name = "committest", .workers = config.workers},
            [this](const kube::ObjectKey& key) { return reconciler_.Reconcile(key); }, clock,
            random, metrics),
        upkeep_(caches_, slots_, *clients_.work, *clients_.work, clock),
        upkeep_controller_(
            {.name = "upkeep", .workers = 1},
            [this](const kube::ObjectKey& /*key*/) { return upkeep_.Pass(); }, clock, random,
            metrics),
        watches_(caches_, {*clients_.work, *clients_.work, clock, random, metrics}),
        health_(metrics) {
    EnqueueChanges(caches_, controller_);
    slots_.OnTurn([this](const kube::ObjectKey& key) { controller_.Enqueue(key); });
    AddChecks();
    if (config.leader_elect) MakeElector(lease_namespace, pod_name, random, metrics);
  }

  /// For the permit of the client that writes.
  Status Permit() const {
    if (!elector_) return {};
    if (Status leads = elector_->Permit(); !leads) return leads;
    if (elector_->TimeLeft() >= kCallDeadline) return {};
    return Fail(ErrorCode::kCancelled, "the lease may end before the answer", "NotLeader");
  }

  Status Start() override {
    auto server = http::Server::Start(
        {.address = config_.http_host, .port = static_cast<std::uint16_t>(config_.http_port)},
        [this](const http::Request& request) { return health_.Handle(request); });
    if (!server) return Fail(std::move(server.error()));
    server_ = std::move(*server);
    watches_.Start();
    recorder_.Start();
    lead_thread_ = std::jthread([this] { LeadWhenReady(); });
    if (elector_) {
      elector_->Start();
    } else {
      MayLead();
    }
    return {};
  }

  void Stop() override {
    stop_.request_stop();
    MayLead();
    if (lead_thread_.joinable()) lead_thread_.join();
    controller_.Stop();
    upkeep_controller_.Stop();
    watches_.Stop();
    if (elector_) elector_->Stop();
    recorder_.Stop(clock_.Monotonic() + kFlushEvents);
    clients_.work->Cancel();
    if (server_) server_->Stop();
  }

 private:
  void AddChecks() {
    health_.AddLivenessCheck("reconcile", [this]() -> Status {
      if (controller_.LongestRunning() < kStuckReconcile) return {};
      return Fail(ErrorCode::kDeadlineExceeded, "a reconcile hangs");
    });
    health_.AddReadinessCheck("caches", [this]() -> Status {
      if (watches_.Ready()) return {};
      return Fail(ErrorCode::kUnavailable, "the caches are not filled yet");
    });
  }

  void MakeElector(const std::string& lease_namespace, const std::string& pod_name, Random& random,
                   Metrics& metrics) {
    kube::LeaderElectorOptions options;
    options.lease = {lease_namespace, config_.lease_name};
    options.identity = kube::MakeIdentity(pod_name, random);
    options.times.lease_duration = kLeaseDuration;
    options.on_started = [this] { MayLead(); };
    options.on_lost = [] {
      log::Error("lost the lease; ending at once, for another may lead now");
      std::_Exit(1);
    };
    options.healthy = [this] { return controller_.LongestRunning() < kStuckReconcile; };
    elector_ =
        std::make_unique<kube::LeaderElector>(std::move(options), *clients_.lease, *clients_.lease,
                                              *clients_.lease, clock_, random, metrics);
  }

  void MayLead() {
    may_lead_.store(true);
    may_lead_.notify_all();
  }

  /// On a thread of its own, because the elector must go on renewing while the caches fill.
  void LeadWhenReady() {
    may_lead_.wait(false);
    while (!stop_.stop_requested()) {
      const Status ready = watches_.WaitReady(clock_.Monotonic() + kSyncReport, stop_.get_token());
      if (ready) {
        controller_.Start();
        upkeep_controller_.Enqueue({});
        upkeep_controller_.Start();
        log::Info("leading", {{"workers", config_.workers}});
        return;
      }
      if (!stop_.stop_requested()) log::Failure("the caches are not filled yet", ready.error());
    }
  }

  const Config config_;
  const Clock& clock_;
  std::stop_source stop_;
  std::atomic<bool> may_lead_ = false;
  Clients clients_;
  CacheSet caches_;
  Slots slots_;
  WriteMemory writes_;
  OperatorMetrics operator_metrics_;
  kube::EventRecorder recorder_;
  Gatherer gatherer_;
  Applier applier_;
  Reconciler reconciler_;
  kube::Controller controller_;
  Upkeep upkeep_;
  kube::Controller upkeep_controller_;
  Watches watches_;
  http::Health health_;
  std::unique_ptr<kube::LeaderElector> elector_;
  std::unique_ptr<http::Server> server_;
  std::jthread lead_thread_;
};

/// The client asks for the permit of an app that is made after it.
struct PermitSlot {
  RealApp* app = nullptr;
};

Result<Clients> MakeClients(const kube::ClusterConfig& cluster,
                            const std::shared_ptr<PermitSlot>& slot, const Clock& clock,
                            Metrics& metrics) {
  kube::ApiClientOptions work;
  work.component = "operator";
  work.deadline = kCallDeadline;
  work.write_permit = [slot]() -> Status { return slot->app->Permit(); };
  kube::ApiClientOptions lease;
  lease.component = "operator-lease";
  lease.deadline = kLeaseCallDeadline;
  auto work_client = kube::ApiClient::Make(cluster, std::move(work), clock, metrics);
  if (!work_client) return Fail(std::move(work_client.error()));
  auto lease_client = kube::ApiClient::Make(cluster, std::move(lease), clock, metrics);
  if (!lease_client) return Fail(std::move(lease_client.error()));
  return Clients{std::move(*work_client), std::move(*lease_client)};
}

}  // namespace

Result<std::unique_ptr<App>> App::Make(const Config& config, const kube::ClusterConfig& cluster,
                                       const std::string& pod_name, const Clock& clock,
                                       Random& random, Metrics& metrics) {
  const std::string lease_namespace =
      config.lease_namespace.empty() ? cluster.namespace_ : config.lease_namespace;
  if (config.leader_elect && lease_namespace.empty()) {
    return Fail(ErrorCode::kInvalidArgument,
                "lease-namespace is '', expected a namespace, because neither the Pod nor the "
                "kubeconfig's context names one");
  }
  const auto slot = std::make_shared<PermitSlot>();
  auto clients = MakeClients(cluster, slot, clock, metrics);
  if (!clients) return Fail(std::move(clients.error()));
  auto app = std::make_unique<RealApp>(config, std::move(*clients), lease_namespace, pod_name,
                                       clock, random, metrics);
  slot->app = app.get();
  return app;
}

}  // namespace committest::op
