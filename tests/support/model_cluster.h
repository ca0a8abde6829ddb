#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "common/base/clock.h"
#include "common/kube/object.h"
#include "tests/support/model_server.h"

namespace committest::sim {

/// What the runner of one commit will leave behind.
struct RunPlan {
  std::int64_t exit_code = 0;
  std::string termination_message;
  std::string termination_reason;  ///< Empty: by the exit code.
};

/// The plan of a commit's run; of a shard of it, whose index is given.
using RunPlanOf =
    std::function<RunPlan(const std::string& commit, std::optional<std::int64_t> index)>;

/// A model of what Kubernetes does with Jobs, Indexed ones with backoffLimitPerIndex 0 too: Job controller, scheduler and one kubelet. Each call
/// of `Step…` does at most one small thing, as its real part would in one write, so that a scheduler
/// can interleave anything. Single-threaded.
class ModelCluster {
 public:
  /// `plan`: how the run of a commit, or of its shard, ends.
  ModelCluster(ModelServer& server, const Clock& clock, RunPlanOf plan)
      : server_(server), clock_(clock), plan_(std::move(plan)) {}

  /// One step for one Job; false if nothing is to do.
  bool StepJobController(const kube::ObjectKey& job);
  /// One step for one Pod; false if nothing is to do.
  bool StepPod(const kube::ObjectKey& pod);
  /// A node that is silent: its Pods stay as they are.
  void SetNodeSilent(bool silent) { node_silent_ = silent; }

  /// How often a container was started, by CommitTest UID and attempt (and shard): a ledger that the operator
  /// cannot see.
  const std::map<std::pair<std::string, std::string>, int>& Starts() const { return starts_; }

 private:
  void CreatePod(const nlohmann::json& job, std::int64_t index);
  /// How the completion has ended, if it has.
  std::optional<bool> Succeeded(const nlohmann::json& job, std::int64_t index) const;
  bool RecordEnds(const nlohmann::json& job);
  bool StepDeletedPod(const nlohmann::json& pod);
  void Schedule(const kube::ObjectKey& pod);
  void Start(const nlohmann::json& pod);
  void Terminate(const nlohmann::json& pod, const RunPlan& plan);
  void SetPhase(const kube::ObjectKey& pod, std::int64_t exit_code);
  void FinishJob(const kube::ObjectKey& job, const std::string& type, const std::string& reason);

  ModelServer& server_;
  const Clock& clock_;
  const RunPlanOf plan_;
  std::set<std::pair<std::string, std::int64_t>> pods_made_;  ///< By UID of the Job and index.
  std::map<std::pair<std::string, std::string>, int> starts_;
  bool node_silent_ = false;
};

}  // namespace committest::sim
