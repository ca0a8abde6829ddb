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

const json* PodOf(const ModelServer& server, const std::string& job_uid, std::int64_t index) {
  for (const ObjectKey& key : server.Keys("pods")) {
    const json* pod = server.Find("pods", key);
    if (IsControlledBy(*pod, job_uid) && op::ParsePodView(*pod).index.value_or(0) == index) {
      return pod;
    }
  }
  return nullptr;
}

bool IsIndexed(const json& job) {
  return kube::StringAt(job["spec"], "completionMode") == "Indexed";
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

void ModelCluster::CreatePod(const json& job, std::int64_t index) {
  const std::string uid = job["metadata"]["uid"];
  const std::string name = job["metadata"]["name"];
  json pod = {
      {"apiVersion", "v1"},
      {"kind", "Pod"},
      {"metadata",
       {{"name", name + "-" + std::to_string(pods_made_.size())},
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
  if (IsIndexed(job)) {
    pod["metadata"]["annotations"]["batch.kubernetes.io/job-completion-index"] =
        std::to_string(index);
  }
  pods_made_.insert({uid, index});
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
  const json copy = *job;
  const std::int64_t completions = copy["spec"]["completions"];
  for (std::int64_t i = 0; i < completions; ++i) {
    if (pods_made_.contains({copy["metadata"]["uid"], i})) continue;
    CreatePod(copy, i);
    return true;
  }
  if (IsIndexed(copy) && RecordEnds(copy)) return true;
  int succeeded = 0;
  for (std::int64_t i = 0; i < completions; ++i) {
    const auto end = Succeeded(copy, i);
    if (!end) return false;
    if (*end) ++succeeded;
  }
  const bool lost = PodOf(server_, copy["metadata"]["uid"], 0) == nullptr;
  if (succeeded == completions) {
    FinishJob(key, "Complete", "CompletionsReached");
  } else if (IsIndexed(copy)) {
    FinishJob(key, "Failed", "FailedIndexes");
  } else {
    FinishJob(key, "Failed", lost ? "BackoffLimitExceeded" : "PodFailurePolicy");
  }
  return true;
}

/// What was recorded stays, though the Pod may go.
std::optional<bool> ModelCluster::Succeeded(const json& job, std::int64_t index) const {
  const json& status = kube::ObjectAt(job, "status");
  const std::string name = "," + std::to_string(index) + ",";
  for (const auto& [list, succeeded] :
       {std::pair("completedIndexes", true), std::pair("failedIndexes", false)}) {
    const std::string all = "," + kube::StringAt(status, list) + ",";
    if (all.find(name) != std::string::npos) return succeeded;
  }
  const json* pod = PodOf(server_, job["metadata"]["uid"], index);
  if (pod == nullptr) return false;
  const std::string phase = kube::StringAt(kube::ObjectAt(*pod, "status"), "phase");
  if (phase != "Succeeded" && phase != "Failed") return std::nullopt;
  return phase == "Succeeded";
}

bool ModelCluster::RecordEnds(const json& job) {
  std::string completed;
  std::string failed;
  for (std::int64_t i = 0; i < job["spec"]["completions"]; ++i) {
    const auto succeeded = Succeeded(job, i);
    if (!succeeded) continue;
    std::string& list = *succeeded ? completed : failed;
    list += (list.empty() ? "" : ",") + std::to_string(i);
  }
  const json& status = kube::ObjectAt(job, "status");
  if (kube::StringAt(status, "completedIndexes") == completed &&
      kube::StringAt(status, "failedIndexes") == failed) {
    return false;
  }
  server_.Update("jobs", KeyOf(job), [&](json& object) {
    object["status"]["completedIndexes"] = completed;
    object["status"]["failedIndexes"] = failed;
  });
  return true;
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
    const std::string attempt = pod["metadata"]["annotations"][api::kAttemptAnnotation];
    const auto index = op::ParsePodView(pod).index;
    ++starts_[{(*job)["metadata"]["ownerReferences"][0]["uid"],
               index ? attempt + ", shard " + std::to_string(*index) : attempt}];
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
    RunPlan interrupted = plan_(CommitOf(pod), view.index);
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
    Terminate(copy, plan_(CommitOf(copy), view.index));
  } else if (view.phase == "Running") {
    SetPhase(key, view.Terminated()->exit_code);
  } else {
    return false;
  }
  return true;
}

}  // namespace committest::sim
