#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/metrics.h"
#include "common/base/random.h"
#include "common/kube/controller.h"
#include "common/kube/event_recorder.h"
#include "common/kube/store_sink.h"
#include "operator/apply.h"
#include "operator/caches.h"
#include "operator/gather.h"
#include "operator/operator_metrics.h"
#include "operator/reconciler.h"
#include "operator/slots.h"
#include "tests/support/manual_clock.h"
#include "tests/support/model_cluster.h"
#include "tests/support/model_server.h"

namespace committest::sim {

/// Counts Events instead of sending them.
class CountingEvents final : public kube::EventSink {
 public:
  void Record(const kube::ObjectReference& about, kube::EventType type, std::string_view reason,
              std::string_view note, std::string_view action) override;

  std::map<std::string, int> by_reason;
  int total = 0;
};

/// How many CommitTests may run at a time in a world.
inline constexpr std::int64_t kMaxRunning = 2;

/// One operator process: the real reconciler and controller over the model, and caches that follow
/// the server's log as late as the scheduler wants.
class OperatorProcess {
 public:
  OperatorProcess(ModelServer& server, const Clock& clock, Random& random, CountingEvents& events,
                  ModelClient::FaultPlan plan);

  bool Dead() const { return client_.Dead(); }
  const ModelClient& Client() const { return client_; }
  /// Delivers the next change of one kind to its cache; false if it is up to date.
  bool Deliver(const std::string& plural);
  /// Lets the watch of one kind say nothing more until it is listed anew.
  void Silence(const std::string& plural) { feeds_.at(plural).silent = true; }
  /// Loses the watch of one kind and lists anew.
  void Relist(const std::string& plural);
  /// Reconciles one key that is due; false if there is none.
  bool ReconcileOne() { return controller_.ProcessOne(); }
  std::optional<MonotonicTime> NextDue() const { return controller_.NextDue(); }

 private:
  struct Feed {
    std::unique_ptr<kube::WatcherSink> sink;
    std::size_t position = 0;
    bool silent = false;
  };

  ModelServer& server_;
  ModelClient client_;
  Metrics metrics_;
  op::CacheSet caches_;
  op::Slots slots_;
  op::WriteMemory writes_;
  op::OperatorMetrics operator_metrics_;
  op::Gatherer gatherer_;
  op::Applier applier_;
  op::Reconciler reconciler_;
  kube::Controller controller_;
  std::map<std::string, Feed> feeds_;
};

/// Server, cluster, operator and time, moved by one scheduler; and the invariants.
class World {
 public:
  /// Equal seeds make equal worlds.
  explicit World(std::uint64_t seed);

  /// Adds a CommitTest whose run ends as `plan` says; its name. Of several shards, the last one does,
  /// and the others pass.
  std::string Add(const RunPlan& plan, std::int64_t infrastructure_limit = 3,
                  std::optional<api::NotRun> not_run = std::nullopt, std::int64_t shards = 1);
  /// (Re)starts the operator.
  void StartOperator(ModelClient::FaultPlan plan = nullptr);
  OperatorProcess& Operator() { return *operator_; }

  /// Lets everything that can happen happen, in a fixed order, until nothing does or `until` is
  /// true; moves time when nothing is due now. False if it did not settle in an hour.
  bool RunInOrder(const std::function<bool()>& until = nullptr);
  /// The same in random order, with `disturb` called before each step.
  bool RunShuffled(const std::function<void()>& disturb);

  bool AllTerminal() const;
  std::string ResultOf(const std::string& name) const;
  std::string ReasonOf(const std::string& name) const;
  api::CommitTest CommitTestNamed(const std::string& name) const;
  kube::ObjectKey KeyOf(const std::string& name) const { return {"ci", name}; }
  /// A random object of a kind, or nullopt.
  std::optional<kube::ObjectKey> Pick(const std::string& plural);
  int Dice(int sides) { return static_cast<int>(random_->Next() % static_cast<unsigned>(sides)); }

  /// Everything that was found wrong, each with its invariant's name.
  const std::vector<std::string>& Violations() const { return violations_; }
  /// Checks what must hold after everything has settled: verdicts, ledger, clean-up, silence.
  void CheckSettled();

  ManualClock clock;
  ModelServer server;
  ModelCluster cluster;
  CountingEvents events;
  /// Jobs or Pods were taken away by hand, so that a container may have been started again.
  bool taken_away = false;

 private:
  RunPlan PlanOf(const std::string& commit) const;
  RunPlan PlanOfShard(const std::string& commit, std::int64_t index) const;
  bool StepAnything(const std::vector<int>& order);
  bool StepActor(int actor);
  void MoveTime();
  void CheckStatusChange(const nlohmann::json& before, const nlohmann::json& after);
  void CheckVerdict(const api::CommitTest& commit_test);
  void CheckStarts();
  void CheckLimit();
  void CheckNoLeftovers();
  void CheckSilence();

  std::unique_ptr<Random> random_;
  std::map<std::string, RunPlan> plans_;        ///< By commit.
  std::map<std::string, std::int64_t> shards_;  ///< By commit.
  std::unique_ptr<OperatorProcess> operator_;
  std::vector<std::string> violations_;
  int added_ = 0;
};

/// What a runner leaves that ran `passed` and `failed` tests of `commit`.
RunPlan TestsPlan(std::int64_t passed, std::int64_t failed);

}  // namespace committest::sim
