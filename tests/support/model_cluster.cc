#include "tests/support/model_cluster.h"

#include <utility>

#include "common/api/names.h"
#include "common/api/run_request.h"
#include "common/base/time_format.h"
#include "common/kube/json_reader.h"
#include "operator/job_view.h"
#include "operator/pod_view.h"

namespace committest::sim {
namespace {

using kube::ObjectKey;
using nlohmann::json;

ObjectKey KeyOf(const json& object) {
  return {object["metadata"]["namespace"], object["metadata"]["name"]};
}

bool IsControlledBy(const json& object, const std::string& uid) {
  const json& owners = kube::ArrayAt(kube::ObjectAt(object, "metadata"), "ownerReferences");
  return !owners.empty() && kube::StringAt(owners[0], "uid") == uid;
}

const json* PodOf(const ModelServer& server, const std::string& job_uid) {
  for (const ObjectKey& key : server.Keys("pods")) {
    const json* pod = server.Find("pods", key);
    if (IsControlledBy(*pod, job_uid)) return pod;
  }
  return nullptr;
}

json Condition(const std::string& type, const std::string& reason, WallTime now) {
  return {{"type", type},
          {"status", "True"},
          {"reason", reason},
          {"lastTransitionTime", FormatTime(now)}};
}

std::string CommitOf(const json& pod) {
  for (const json& variable : pod["spec"]["containers"][0]["env"]) {
    if (variable["name"] != api::kRunRequestVariable) continue;
    const auto request = api::ParseRunRequest(variable["value"].get<std::string>());
    return request ? request->commit : std::string();
  }
  return {};
}

}  // namespace

void ModelCluster::CreatePod(const json& job) {
  const std::string uid = job["metadata"]["uid"];
  const std::string name = job["metadata"]["name"];
  json pod = {
      {"apiVersion", "v1"},
      {"kind", "Pod"},
      {"metadata",
       {{"name", name + "-" + std::to_string(jobs_with_pod_.size())},
        {"namespace", job["metadata"]["namespace"]},
        {"labels", job["spec"]["template"]["metadata"]["labels"]},
        {"annotations",
         {{api::kAttemptAnnotation, job["metadata"]["annotations"][api::kAttemptAnnotation]}}},
        {"ownerReferences", json::array({{{"apiVersion", "batch/v1"},
                                          {"kind", "Job"},
                                          {"name", name},
                                          {"uid", uid},
                                          {"controller", true}}})}}},
      {"spec", job["spec"]["template"]["spec"]},
      {"status", {{"phase", "Pending"}}}};
  jobs_with_pod_.insert(uid);
  static_cast<void>(server_.Create(op::PodType(), std::move(pod)));
}

void ModelCluster::FinishJob(const ObjectKey& job, const std::string& type,
                             const std::string& reason) {
  const WallTime now = clock_.Wall();
  server_.Update("jobs", job, [&](json& object) {
    object["status"]["conditions"] = json::array({Condition(type, reason, now)});
  });
}

bool ModelCluster::StepJobController(const ObjectKey& key) {
  const json* job = server_.Find("jobs", key);
  if (job == nullptr || op::ParseJobView(*job).Finished()) return false;
  if (!kube::Find(*job, "status")) {
    const std::string now = FormatTime(clock_.Wall());
    server_.Update("jobs", key, [&now](json& object) { object["status"]["startTime"] = now; });
    return true;
  }
  const std::string uid = (*job)["metadata"]["uid"];
  const json* pod = PodOf(server_, uid);
  if (pod == nullptr) {
    if (jobs_with_pod_.contains(uid)) {
      FinishJob(key, "Failed", "BackoffLimitExceeded");
    } else {
      CreatePod(*job);
    }
    return true;
  }
  const std::string phase = kube::StringAt(kube::ObjectAt(*pod, "status"), "phase");
  if (phase == "Succeeded") FinishJob(key, "Complete", "CompletionsReached");
  if (phase == "Failed") FinishJob(key, "Failed", "PodFailurePolicy");
  return phase == "Succeeded" || phase == "Failed";
}

void ModelCluster::Schedule(const ObjectKey& key) {
  const WallTime now = clock_.Wall();
  server_.Update("pods", key, [now](json& pod) {
    pod["spec"]["nodeName"] = "node0";
    pod["status"]["conditions"] = json::array({Condition("PodScheduled", "", now)});
    pod["status"]["containerStatuses"] =
        json::array({{{"name", op::kRunnerContainer},
                      {"state", {{"waiting", {{"reason", "ContainerCreating"}}}}}}});
  });
}

void ModelCluster::Start(const json& pod) {
  const json* job = nullptr;
  const std::vector<json> jobs = server_.List("jobs");
  for (const json& candidate : jobs) {
    if (candidate["metadata"]["uid"] == op::ParsePodView(pod).job_uid) job = &candidate;
  }
  if (job != nullptr) {
    ++starts_[{(*job)["metadata"]["ownerReferences"][0]["uid"],
               pod["metadata"]["annotations"][api::kAttemptAnnotation]}];
  }
  const std::string now = FormatTime(clock_.Wall());
  server_.Update("pods", KeyOf(pod), [&now](json& object) {
    object["status"]["phase"] = "Running";
    object["status"]["containerStatuses"][0]["state"] = {{"running", {{"startedAt", now}}}};
  });
}

void ModelCluster::Terminate(const json& pod, const RunPlan& plan) {
  const std::string now = FormatTime(clock_.Wall());
  const std::string plain = plan.exit_code == 0 ? "Completed" : "Error";
  server_.Update("pods", KeyOf(pod), [&](json& object) {
    json& state = object["status"]["containerStatuses"][0]["state"];
    const json started = state["running"]["startedAt"];
    state = {{"terminated",
              {{"exitCode", plan.exit_code},
               {"reason", plan.termination_reason.empty() ? plain : plan.termination_reason},
               {"message", plan.termination_message},
               {"startedAt", started},
               {"finishedAt", now}}}};
  });
}

void ModelCluster::SetPhase(const ObjectKey& key, std::int64_t exit_code) {
  server_.Update("pods", key, [exit_code](json& pod) {
    pod["status"]["phase"] = exit_code == 0 ? "Succeeded" : "Failed";
  });
}

/// SIGTERM reaches the runner: it reports its tests as failed, which must not be believed. Then the
/// kubelet sets the grace period to 0, and at last the Pod goes.
bool ModelCluster::StepDeletedPod(const json& pod) {
  const op::PodView view = op::ParsePodView(pod);
  if (view.Running() != nullptr) {
    RunPlan interrupted = plan_(CommitOf(pod));
    if (interrupted.exit_code == 0) interrupted.exit_code = 10;
    Terminate(pod, interrupted);
    return true;
  }
  if (view.Terminated() != nullptr && view.phase != "Succeeded" && view.phase != "Failed") {
    SetPhase(KeyOf(pod), view.Terminated()->exit_code);
    return true;
  }
  if (view.Terminated() != nullptr && view.deletion_requested) {
    const std::string now = FormatTime(clock_.Wall() + std::chrono::seconds(1));
    server_.Update("pods", KeyOf(pod), [&now](json& object) {
      object["metadata"]["deletionTimestamp"] = now;
      object["metadata"]["deletionGracePeriodSeconds"] = 0;
    });
    return true;
  }
  server_.Remove("pods", KeyOf(pod));
  return true;
}

bool ModelCluster::StepPod(const ObjectKey& key) {
  const json* pod = server_.Find("pods", key);
  if (pod == nullptr || node_silent_) return false;
  const json copy = *pod;
  const op::PodView view = op::ParsePodView(copy);
  if (view.meta.deletion_time) return StepDeletedPod(copy);
  if (view.node_name.empty()) {
    Schedule(key);
  } else if (view.Waiting() != nullptr) {
    Start(copy);
  } else if (view.Running() != nullptr) {
    Terminate(copy, plan_(CommitOf(copy)));
  } else if (view.phase == "Running") {
    SetPhase(key, view.Terminated()->exit_code);
  } else {
    return false;
  }
  return true;
}

}  // namespace committest::sim
