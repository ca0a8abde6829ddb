#include "operator/job_builder.h"

#include <string>

#include <nlohmann/json.hpp>

#include "common/api/names.h"
#include "common/api/run_request.h"
#include "common/kube/json_reader.h"
#include "operator/attempts.h"
#include "operator/deadlines.h"
#include "operator/job_view.h"
#include "operator/pod_view.h"
#include "operator/run_shape.h"

namespace committest::op {
namespace {

using nlohmann::json;

constexpr const char* kWorkspace = "/workspace";
constexpr const char* kTmp = "/tmp";
constexpr const char* kTmpSize = "256Mi";
// Where runner-image/handover.h and checkout_access.h expect them.
constexpr const char* kHandover = "/committest";
constexpr const char* kHandoverSize = "64Mi";
constexpr const char* kHandedOverRunner = "/committest/committest-runner";
constexpr const char* kCredentials = "/credentials";
constexpr const char* kCredentialsSecretVariable = "COMMITTEST_CREDENTIALS_SECRET";
// The group, which is the Pod's fsGroup, may read.
constexpr int kCredentialsMode = 0440;

json Labels(const api::CommitTest& commit_test) {
  json labels = {{api::kManagedByLabel, api::kManagedByValue},
                 {api::kCommitTestLabel, api::LabelValue(commit_test.meta.name)}};
  const std::string repository = api::LabelValue(commit_test.spec.repository_name);
  if (!repository.empty()) labels[api::kRepositoryLabel] = repository;
  const std::string branch = api::LabelValue(api::ShortRef(commit_test.spec.source.ref));
  if (!branch.empty()) labels[api::kBranchLabel] = branch;
  return labels;
}

json Owner(const api::CommitTest& commit_test) {
  return {{"apiVersion", api::CommitTestType().ApiVersion()},
          {"kind", api::CommitTestType().kind},
          {"name", commit_test.meta.name},
          {"uid", commit_test.meta.uid},
          {"controller", true},
          {"blockOwnerDeletion", true}};
}

json JobMetadata(const api::CommitTest& commit_test, std::int64_t attempt) {
  return {{"name", JobNameOf(commit_test, attempt)},
          {"namespace", commit_test.meta.namespace_},
          {"labels", Labels(commit_test)},
          {"annotations",
           {{api::kAttemptAnnotation, std::to_string(attempt)},
            {api::kSpecHashAnnotation, SpecHash(commit_test.spec)}}},
          {"ownerReferences", json::array({Owner(commit_test)})}};
}

/// An evicted Pod's container exits with 143 and would match the second rule, so the order counts.
json PodFailurePolicy() {
  const json on_disruption = {
      {"action", "Count"},
      {"onPodConditions", json::array({{{"type", "DisruptionTarget"}, {"status", "True"}}})}};
  const json on_exit_code = {
      {"action", "FailJob"},
      {"onExitCodes",
       {{"containerName", kRunnerContainer}, {"operator", "NotIn"}, {"values", json::array({0})}}}};
  return {{"rules", json::array({on_disruption, on_exit_code})}};
}

json PodSecurityContext() {
  return {{"runAsNonRoot", true},
          {"runAsUser", kRunnerUid},
          {"runAsGroup", kRunnerUid},
          {"fsGroup", kRunnerUid},
          {"seccompProfile", {{"type", "RuntimeDefault"}}}};
}

json ContainerSecurityContext() {
  return {{"allowPrivilegeEscalation", false},
          {"readOnlyRootFilesystem", true},
          {"capabilities", {{"drop", json::array({"ALL"})}}}};
}

std::string Quantity(const api::ExecutionSpec& execution, const char* name,
                     const std::string& fallback) {
  const auto it = execution.resources.find(name);
  return it == execution.resources.end() ? fallback : it->second;
}

json Resources(const api::ExecutionSpec& execution, const RunnerDefaults& defaults) {
  const std::string memory = Quantity(execution, "memory", defaults.memory);
  const std::string storage = Quantity(execution, "ephemeral-storage", defaults.ephemeral_storage);
  json resources = {{"requests",
                     {{"cpu", Quantity(execution, "cpu", defaults.cpu_request)},
                      {"memory", memory},
                      {"ephemeral-storage", storage}}},
                    {"limits",
                     {{"cpu", Quantity(execution, "cpu", defaults.cpu_limit)},
                      {"memory", memory},
                      {"ephemeral-storage", storage}}}};
  for (const auto& [name, quantity] : execution.resources) {
    for (const char* member : {"requests", "limits"}) resources[member][name] = quantity;
  }
  return resources;
}

json RunRequestOf(const api::CommitTestSpec& spec, const api::UnitTimings& timings) {
  api::RunRequest request;
  request.url = spec.source.url;
  request.commit = spec.source.commit;
  request.ref = spec.source.ref;
  request.tests = spec.tests;
  request.timeout_seconds = spec.execution.timeout_seconds;
  request.failed_test_reruns = spec.retry.failed_test_reruns;
  request.sharding = spec.sharding;
  request.timings = timings;
  return api::ToJson(request);
}

/// The kubelet expands $(NAME) in values and turns $$ into $; doubled, each $ stays what it is.
std::string Literal(std::string_view text) {
  std::string literal;
  for (const char c : text) literal.append(c == '$' ? 2 : 1, c);
  return literal;
}

json Variable(const char* name, std::string_view value) {
  return {{"name", name}, {"value", Literal(value)}};
}

json RunRequestVariable(const api::CommitTestSpec& spec, const api::UnitTimings& timings) {
  return Variable(api::kRunRequestVariable, kube::Dump(RunRequestOf(spec, timings)));
}

json RunnerEnvironment(const api::CommitTestSpec& spec, const json& request) {
  json env = json::array({request});
  for (const api::EnvVar& variable : spec.execution.env) {
    env.push_back(Variable(variable.name.c_str(), variable.value));
  }
  return env;
}

/// Nothing of the user's: this container holds the credentials.
json CheckoutEnvironment(const api::CommitTestSpec& spec, const json& request) {
  json env = json::array({request});
  if (!spec.credentials_secret_name.empty()) {
    env.push_back(Variable(kCredentialsSecretVariable, spec.credentials_secret_name));
  }
  return env;
}

json Mount(const char* name, const char* path, bool read_only = false) {
  json mount = {{"name", name}, {"mountPath", path}};
  if (read_only) mount["readOnly"] = true;
  return mount;
}

json VolumeMounts() { return json::array({Mount("workspace", kWorkspace), Mount("tmp", kTmp)}); }

json EmptyDir(const char* name, const std::string& size) {
  return {{"name", name}, {"emptyDir", {{"sizeLimit", size}}}};
}

json Volumes(const api::CommitTestSpec& spec, const RunnerDefaults& defaults) {
  json volumes = json::array({EmptyDir("workspace", Quantity(spec.execution, "ephemeral-storage",
                                                             defaults.ephemeral_storage)),
                              EmptyDir("tmp", kTmpSize)});
  if (ChecksOutApart(spec)) volumes.push_back(EmptyDir("handover", kHandoverSize));
  if (!spec.credentials_secret_name.empty()) {
    // Optional, so that the runner can say that it is missing.
    volumes.push_back({{"name", "credentials"},
                       {"secret",
                        {{"secretName", spec.credentials_secret_name},
                         {"defaultMode", kCredentialsMode},
                         {"optional", true}}}});
  }
  return volumes;
}

json Container(const char* name, const std::string& image, json env, json resources) {
  return {{"name", name},
          {"image", image},
          {"imagePullPolicy", "IfNotPresent"},
          {"env", std::move(env)},
          {"resources", std::move(resources)},
          {"securityContext", ContainerSecurityContext()},
          {"volumeMounts", VolumeMounts()}};
}

json RunnerContainer(const api::CommitTestSpec& spec, const RunnerDefaults& defaults,
                     const json& request) {
  const api::ExecutionSpec& execution = spec.execution;
  json container =
      Container(kRunnerContainer, execution.image.empty() ? defaults.image : execution.image,
                RunnerEnvironment(spec, request), Resources(execution, defaults));
  if (!ChecksOutApart(spec)) return container;
  container["command"] = json::array({kHandedOverRunner, "run"});
  container["workingDir"] = kWorkspace;
  container["volumeMounts"].push_back(Mount("handover", kHandover, true));
  return container;
}

json CheckoutContainer(const api::CommitTestSpec& spec, const RunnerDefaults& defaults,
                       const json& request) {
  // Of the user's resources only the room for the checkout.
  api::ExecutionSpec execution;
  if (const auto it = spec.execution.resources.find("ephemeral-storage");
      it != spec.execution.resources.end()) {
    execution.resources.insert(*it);
  }
  json container = Container(kCheckoutContainer, defaults.image, CheckoutEnvironment(spec, request),
                             Resources(execution, defaults));
  container["args"] = json::array({"checkout"});
  container["volumeMounts"].push_back(Mount("handover", kHandover));
  if (!spec.credentials_secret_name.empty()) {
    container["volumeMounts"].push_back(Mount("credentials", kCredentials, true));
  }
  return container;
}

json TolerationOf(const api::Toleration& toleration) {
  json value = json::object();
  const auto put = [&value](const char* key, const std::string& text) {
    if (!text.empty()) value[key] = text;
  };
  put("key", toleration.key);
  put("operator", toleration.operator_);
  put("value", toleration.value);
  put("effect", toleration.effect);
  return value;
}

void PutPlacement(const api::ExecutionSpec& execution, json& pod_spec) {
  if (!execution.node_selector.empty()) pod_spec["nodeSelector"] = execution.node_selector;
  if (!execution.runtime_class_name.empty()) {
    pod_spec["runtimeClassName"] = execution.runtime_class_name;
  }
  for (const api::Toleration& toleration : execution.tolerations) {
    pod_spec["tolerations"].push_back(TolerationOf(toleration));
  }
}

json PodSpec(const api::CommitTestSpec& spec, const RunnerDefaults& defaults, const json& request) {
  json pod_spec = {{"restartPolicy", "Never"},
                   {"automountServiceAccountToken", false},
                   {"enableServiceLinks", false},
                   {"terminationGracePeriodSeconds", kTerminationGraceSeconds},
                   {"securityContext", PodSecurityContext()},
                   {"containers", json::array({RunnerContainer(spec, defaults, request)})},
                   {"volumes", Volumes(spec, defaults)}};
  if (ChecksOutApart(spec)) {
    pod_spec["initContainers"] = json::array({CheckoutContainer(spec, defaults, request)});
  }
  if (!defaults.service_account.empty()) {
    pod_spec["serviceAccountName"] = defaults.service_account;
  }
  PutPlacement(spec.execution, pod_spec);
  return pod_spec;
}

/// Of a run in one Pod.
void PutOnePod(json& job_spec) {
  job_spec["backoffLimit"] = 0;
  job_spec["podFailurePolicy"] = PodFailurePolicy();
}

/// A shard that fails ends neither the others nor the Job: all are to be counted. A limit for the
/// whole Job, or a policy that fails it, would end them.
void PutShards(json& job_spec) {
  job_spec["completionMode"] = "Indexed";
  job_spec["backoffLimitPerIndex"] = 0;
}

json JobSpec(const api::CommitTest& commit_test, const RunnerDefaults& defaults,
             const api::UnitTimings& timings) {
  const api::CommitTestSpec& spec = commit_test.spec;
  json job_spec = {{"parallelism", spec.sharding.count},
                   {"completions", spec.sharding.count},
                   {"podReplacementPolicy", "Failed"},
                   {"activeDeadlineSeconds", HardCap(spec).count()},
                   {"template",
                    {{"metadata", {{"labels", Labels(commit_test)}}},
                     {"spec", PodSpec(spec, defaults, RunRequestVariable(spec, timings))}}}};
  IsSharded(spec) ? PutShards(job_spec) : PutOnePod(job_spec);
  return job_spec;
}

}  // namespace

json BuildRunnerJob(const api::CommitTest& commit_test, std::int64_t attempt,
                    const RunnerDefaults& defaults, const api::UnitTimings& timings) {
  return {{"apiVersion", JobType().ApiVersion()},
          {"kind", JobType().kind},
          {"metadata", JobMetadata(commit_test, attempt)},
          {"spec", JobSpec(commit_test, defaults, timings)}};
}

}  // namespace committest::op
