#pragma once

#include <cstdint>
#include <functional>
#include <map>
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

/// A model of what Kubernetes does with Jobs: Job controller, scheduler and one kubelet. Each call
/// of `Step…` does at most one small thing, as its real part would in one write, so that a scheduler
/// can interleave anything. Single-threaded.
class ModelCluster {
 public:
  /// `plan`: how the run of a commit ends.
  ModelCluster(ModelServer& server, const Clock& clock,
               std::function<RunPlan(const std::string& commit)> plan)
      : server_(server), clock_(clock), plan_(std::move(plan)) {}

  /// One step for one Job; false if nothing is to do.
  bool StepJobController(const kube::ObjectKey& job);
  /// One step for one Pod; false if nothing is to do.
  bool StepPod(const kube::ObjectKey& pod);
  /// A node that is silent: its Pods stay as they are.
  void SetNodeSilent(bool silent) { node_silent_ = silent; }

  /// How often a container was started, by CommitTest UID and attempt: a ledger that the operator
  /// cannot see.
  const std::map<std::pair<std::string, std::string>, int>& Starts() const { return starts_; }

 private:
  void CreatePod(const nlohmann::json& job);
  bool StepDeletedPod(const nlohmann::json& pod);
  void Schedule(const kube::ObjectKey& pod);
  void Start(const nlohmann::json& pod);
  void Terminate(const nlohmann::json& pod, const RunPlan& plan);
  void SetPhase(const kube::ObjectKey& pod, std::int64_t exit_code);
  void FinishJob(const kube::ObjectKey& job, const std::string& type, const std::string& reason);

  ModelServer& server_;
  const Clock& clock_;
  const std::function<RunPlan(const std::string& commit)> plan_;
  std::set<std::string> jobs_with_pod_;  ///< UIDs.
  std::map<std::pair<std::string, std::string>, int> starts_;
  bool node_silent_ = false;
};

}  // namespace committest::sim
