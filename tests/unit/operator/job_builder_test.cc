#include "operator/job_builder.h"

#include <algorithm>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "common/api/names.h"
#include "common/api/run_request.h"
#include "operator/attempts.h"
#include "operator/job_view.h"
#include "tests/support/golden.h"
#include "tests/support/operator_builders.h"

namespace committest::op {
namespace {

using nlohmann::json;

json PodSpecOf(const json& job) { return job["spec"]["template"]["spec"]; }
json ContainerOf(const json& job) { return PodSpecOf(job)["containers"][0]; }

json Build(const api::CommitTest& commit_test) {
  return BuildRunnerJob(commit_test, 1, RunnerDefaults());
}

/// A CommitTest with every field that reaches the Job.
api::CommitTest Full() {
  api::CommitTest commit_test = ACommitTest();
  commit_test.spec.credentials_secret_name = "git-access";
  commit_test.spec.execution.image = "registry.example/team/runner@sha256:0123";
  commit_test.spec.execution.resources = {
      {"cpu", "2"}, {"memory", "1Gi"}, {"example.com/gpu", "1"}};
  commit_test.spec.execution.env = {{"PYTHONHASHSEED", "0"}, {"PRICE", "$5 or $(HOME)"}};
  commit_test.spec.execution.runtime_class_name = "gvisor";
  commit_test.spec.execution.node_selector = {{"disk", "fast"}};
  commit_test.spec.execution.tolerations = {{"ci", "Equal", "only", "NoSchedule"}};
  commit_test.spec.tests.framework = api::Framework::kCommand;
  commit_test.spec.tests.command = {"sh", "-c", "make test"};
  return commit_test;
}

TEST(JobBuilder, MakesTheRunnerJobThatIsReviewed) {
  ExpectGolden("runner_job.json", Build(ACommitTest()).dump(2) + "\n");
}

TEST(JobBuilder, MakesTheJobWithEveryOptionThatIsReviewed) {
  ExpectGolden("runner_job_full.json", BuildRunnerJob(Full(), 2, RunnerDefaults()).dump(2) + "\n");
}

/// One of four shards, in two containers.
api::CommitTest Sharded() {
  api::CommitTest commit_test = ACommitTest();
  commit_test.meta.name = std::string(63, 'a');
  commit_test.spec.execution.image = "docker.io/library/alpine:3.20";
  commit_test.spec.sharding.count = 4;
  return commit_test;
}

TEST(JobBuilder, MakesTheJobInShardsThatIsReviewed) {
  const json job = BuildRunnerJob(Sharded(), 1, RunnerDefaults(), {{"3fa91c2b", 1200}});
  ExpectGolden("runner_job_shards.json", job.dump(2) + "\n");
}

TEST(JobBuilder, GivesAllShardsAndBothContainersOneRequest) {
  const json job = BuildRunnerJob(Sharded(), 1, RunnerDefaults(), {{"3fa91c2b", 1200}});
  const json variable = ContainerOf(job)["env"][0];
  const auto request = api::ParseRunRequest(variable["value"].get<std::string>());
  ASSERT_TRUE(request.has_value()) << request.error().message;
  EXPECT_EQ(request->sharding, Sharded().spec.sharding);
  EXPECT_EQ(request->timings, (api::UnitTimings{{"3fa91c2b", 1200}}));
  EXPECT_EQ(PodSpecOf(job)["initContainers"][0]["env"][0], variable);
}

TEST(JobBuilder, LeavesRoomForTheIndexInTheHostName) {
  EXPECT_LE(Build(Sharded())["metadata"]["name"].get<std::string>().size(), 60U);
}

TEST(JobBuilder, TellsJobsOfOtherShardsFromOurs) {
  json job = Build(Sharded());
  job["metadata"]["uid"] = "uid";
  api::CommitTest other = Sharded();
  EXPECT_TRUE(IsOurs(ParseJobView(job), other, 1));
  other.spec.sharding.count = 5;
  EXPECT_FALSE(IsOurs(ParseJobView(job), other, 1));
}

TEST(JobBuilder, MakesAJobThatIsRecognisedAsOurs) {
  json job = BuildRunnerJob(ACommitTest(), 3, RunnerDefaults());
  job["metadata"]["uid"] = "uid";
  const JobView view = ParseJobView(job);
  EXPECT_TRUE(IsOurs(view, ACommitTest(), 3));
  EXPECT_FALSE(IsOurs(view, ACommitTest(), 2));
  EXPECT_FALSE(IsOurs(view, Full(), 3));
}

TEST(JobBuilder, HandsTheRunnerARequestThatItUnderstands) {
  const json variable = ContainerOf(Build(ACommitTest()))["env"][0];
  EXPECT_EQ(variable["name"], api::kRunRequestVariable);
  const auto request = api::ParseRunRequest(variable["value"].get<std::string>());
  ASSERT_TRUE(request.has_value()) << request.error().message;
  EXPECT_EQ(request->commit, kCommit);
  EXPECT_EQ(request->url, "https://git.example/app.git");
}

TEST(JobBuilder, DoublesEachDollarBecauseTheKubeletHalvesThem) {
  EXPECT_EQ(ContainerOf(Build(Full()))["env"][2]["value"], "$$5 or $$(HOME)");
}

TEST(JobBuilder, StartsTheRunnersImageAsItIs) {
  const json job = Build(ACommitTest());
  EXPECT_FALSE(ContainerOf(job).contains("command"));
  EXPECT_FALSE(PodSpecOf(job).contains("initContainers"));
}

TEST(JobBuilder, BringsTheRunnerIntoAnImageOfTheUsers) {
  api::CommitTest commit_test = ACommitTest();
  commit_test.spec.execution.image = "docker.io/library/alpine:3.20";
  const json job = Build(commit_test);
  const json checkout = PodSpecOf(job)["initContainers"][0];
  EXPECT_EQ(checkout["image"], RunnerDefaults().image);
  EXPECT_EQ(checkout["args"], json::array({"checkout"}));
  EXPECT_EQ(ContainerOf(job)["image"], "docker.io/library/alpine:3.20");
  EXPECT_EQ(ContainerOf(job)["command"], json::array({"/committest/committest-runner", "run"}));
}

bool Mounts(const json& container, const char* volume) {
  const json& mounts = container["volumeMounts"];
  return std::ranges::any_of(mounts, [&](const json& mount) { return mount["name"] == volume; });
}

TEST(JobBuilder, GivesCredentialsToTheCheckoutAndNothingOfTheUsers) {
  api::CommitTest commit_test = Full();
  commit_test.spec.execution.image.clear();
  const json job = Build(commit_test);
  const json checkout = PodSpecOf(job)["initContainers"][0];
  EXPECT_TRUE(Mounts(checkout, "credentials"));
  EXPECT_FALSE(Mounts(ContainerOf(job), "credentials"));
  EXPECT_EQ(ContainerOf(job)["image"], RunnerDefaults().image);
  EXPECT_EQ(checkout["env"].size(), 2U);
  EXPECT_EQ(checkout["env"][1]["value"], "git-access");
  EXPECT_FALSE(checkout["resources"]["limits"].contains("example.com/gpu"));
  EXPECT_THAT(ContainerOf(job).dump(), testing::Not(testing::HasSubstr("git-access")));
}

TEST(JobBuilder, LeavesTheServiceAccountOutWhenNoneIsConfigured) {
  RunnerDefaults defaults;
  defaults.service_account.clear();
  const json job = BuildRunnerJob(ACommitTest(), 1, defaults);
  EXPECT_FALSE(PodSpecOf(job).contains("serviceAccountName"));
  EXPECT_EQ(PodSpecOf(job)["automountServiceAccountToken"], false);
}

TEST(JobBuilder, MakesValidLabelsOfAnyBranch) {
  api::CommitTest commit_test = ACommitTest();
  commit_test.spec.source.ref = "refs/heads/feature/" + std::string(300, 'x');
  const std::string label = Build(commit_test)["metadata"]["labels"][api::kBranchLabel];
  EXPECT_LE(label.size(), 63U);
}

/// The rules of the Pod security level "restricted" that a Pod of ours could break.
TEST(JobBuilder, FulfilsThePodSecurityLevelRestricted) {
  for (const json& job : {Build(ACommitTest()), Build(Full())}) {
    const json pod = PodSpecOf(job);
    for (const char* forbidden : {"hostNetwork", "hostPID", "hostIPC"}) {
      EXPECT_FALSE(pod.contains(forbidden)) << forbidden;
    }
    for (const json& volume : pod["volumes"]) {
      EXPECT_TRUE(volume.contains("emptyDir") || volume.contains("secret"));
    }
    EXPECT_EQ(pod["securityContext"]["runAsNonRoot"], true);
    EXPECT_EQ(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault");
    json containers = pod["containers"];
    for (const json& container : pod.value("initContainers", json::array())) {
      containers.push_back(container);
    }
    for (const json& container : containers) {
      const json security = container["securityContext"];
      EXPECT_EQ(security["allowPrivilegeEscalation"], false);
      EXPECT_EQ(security["capabilities"]["drop"], json::array({"ALL"}));
      EXPECT_FALSE(security["capabilities"].contains("add"));
      EXPECT_FALSE(security.contains("privileged"));
    }
  }
}

}  // namespace
}  // namespace committest::op
