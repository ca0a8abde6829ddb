// Views of Jobs and Pods, over statuses that a real cluster (Kubernetes 1.34) has reported
// (tests/golden/pods) and over what no cluster should ever report.

#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "common/api/reasons.h"
#include "common/base/time_format.h"
#include "operator/deadlines.h"
#include "operator/job_view.h"
#include "operator/pod_view.h"
#include "operator/verdict.h"
#include "operator/waiting.h"
#include "tests/support/golden.h"
#include "tests/support/operator_builders.h"

namespace committest::op {
namespace {

using nlohmann::json;

PodView RealPod(const std::string& name) {
  return ParsePodView(json::parse(ReadGolden("pods/" + name + ".json")));
}

/// A real Pod in which the container ended with `exit_code` and the summary of a test that failed.
PodView RealPodThatFailed(const std::string& name) {
  PodView pod = RealPod(name);
  auto& terminated = std::get<ContainerTerminated>(pod.runner);
  terminated.exit_code = 10;
  terminated.reason = "Error";
  terminated.message = Encoded(ASummary(1, 1));
  return pod;
}

std::optional<Ending> Judged(const PodView& pod) { return JudgePod(ACommitTest().spec, pod); }

TEST(PodView, ReadsARealPodThatEnded) {
  const PodView pod = RealPod("exited_2");
  EXPECT_EQ(pod.meta.namespace_, "ci");
  EXPECT_EQ(pod.job_name, "failed");
  EXPECT_FALSE(pod.job_uid.empty());
  EXPECT_EQ(pod.node_name, "node0");
  EXPECT_EQ(pod.phase, "Failed");
  ASSERT_NE(pod.Terminated(), nullptr);
  EXPECT_EQ(pod.Terminated()->exit_code, 2);
  EXPECT_EQ(pod.Terminated()->reason, "Error");
  EXPECT_TRUE(pod.Terminated()->finished_at.has_value());
  EXPECT_NE(pod.True("PodScheduled"), nullptr);
}

TEST(PodView, ReadsTheIndexOfAShard) {
  const auto index = [](const std::string& text) {
    json pod = json::parse(ReadGolden("pods/running.json"));
    pod["metadata"]["annotations"]["batch.kubernetes.io/job-completion-index"] = text;
    return ParsePodView(pod).index;
  };
  EXPECT_EQ(index("0"), 0);
  EXPECT_EQ(index("15"), 15);
  for (const char* text : {"", "-1", "1x", "99999999999999999999"}) {
    EXPECT_EQ(index(text), std::nullopt) << text;
  }
  EXPECT_EQ(RealPod("running").index, std::nullopt);
}

TEST(JobView, ReadsTheIndexesThatHaveEnded) {
  const auto ended = [](const std::string& completed, const std::string& failed) {
    json job;
    job["status"] = {{"completedIndexes", completed}, {"failedIndexes", failed}};
    return ParseJobView(job).ended_indexes.to_ulong();
  };
  EXPECT_EQ(ended("", ""), 0U);
  EXPECT_EQ(ended("0", "2"), 0b101U);
  EXPECT_EQ(ended("1,3-5", "15"), 0b1000'0000'0011'1010U);
  EXPECT_EQ(ended("14-99999999,x,-,3-,4-2,99999999999999999999", "16"), 0b1100'0000'0000'0000U);
}

TEST(PodView, ReadsARealPodThatRuns) {
  const PodView pod = RealPod("running");
  ASSERT_NE(pod.Running(), nullptr);
  EXPECT_TRUE(pod.Running()->started_at.has_value());
  EXPECT_FALSE(Judged(pod).has_value());
}

TEST(PodView, KnowsWhenTheDeletionOfARunningPodWasAskedFor) {
  const PodView pod = RealPod("deleted_while_running");
  ASSERT_TRUE(pod.deletion_requested.has_value());
  EXPECT_EQ(FormatTime(*pod.deletion_requested), "2026-11-21T09:54:12Z");
  EXPECT_FALSE(Judged(pod).has_value());
}

TEST(PodView, NoLongerKnowsItOnceTheGracePeriodIsSetToZero) {
  const PodView pod = RealPod("deleted_with_grace_over");
  EXPECT_TRUE(pod.meta.deletion_time.has_value());
  EXPECT_FALSE(pod.deletion_requested.has_value());
}

TEST(PodView, OfADeletedPodIsNeverEvidenceOfFailedTests) {
  for (const char* name : {"deleted_and_terminated", "deleted_with_grace_over"}) {
    const auto ending = Judged(RealPodThatFailed(name));
    ASSERT_TRUE(ending.has_value()) << name;
    EXPECT_EQ(ending->reason, api::reason::kPodLost) << name;
    EXPECT_TRUE(ending->retryable) << name;
  }
}

TEST(PodView, OfAnEvictedPodIsNeverEvidenceOfFailedTests) {
  EXPECT_FALSE(Judged(RealPod("evicted_while_running")).has_value());
  const auto ending = Judged(RealPodThatFailed("evicted_and_terminated"));
  ASSERT_TRUE(ending.has_value());
  EXPECT_EQ(ending->reason, api::reason::kDisrupted);
}

TEST(PodView, OfAPodThatFilledItsDiskTellsTheKubeletsWords) {
  const auto ending = Judged(RealPod("evicted_for_its_disk"));
  ASSERT_TRUE(ending.has_value());
  EXPECT_EQ(ending->reason, api::reason::kDisrupted);
  EXPECT_TRUE(ending->retryable);
  EXPECT_EQ(ending->message,
            R"(Evicted: Usage of EmptyDir volume "workspace" exceeds the limit "32Mi".)");
}

TEST(PodView, OfAPodThatRanOutOfMemoryIsAFailure) {
  const auto ending = Judged(RealPod("oom_killed"));
  ASSERT_TRUE(ending.has_value());
  EXPECT_EQ(ending->result, api::TestResult::kFailed);
  EXPECT_EQ(ending->reason, api::reason::kOutOfMemory);
}

TEST(PodView, OfAnImageWithoutARunnerIsAnErrorOfConfiguration) {
  EXPECT_EQ(Judged(RealPod("start_error"))->reason, api::reason::kConfigurationError);
}

TEST(PodView, OfAnyProgramThatEndsWellIsNotAPass) {
  const auto ending = Judged(RealPod("exited_0"));
  ASSERT_TRUE(ending.has_value());
  EXPECT_EQ(ending->result, api::TestResult::kError);
  EXPECT_EQ(ending->reason, api::reason::kReportInvalid);
}

struct WaitingRow {
  const char* pod;
  const char* reason;
  const char* words;
};

TEST(Waiting, TellsTheSchedulersAndTheKubeletsOwnWords) {
  for (const WaitingRow& row :
       {WaitingRow{"unschedulable", api::reason::kUnschedulable, "Insufficient cpu"},
        WaitingRow{"image_pull_back_off", api::reason::kImagePull, "registry.invalid/no/such:1"},
        WaitingRow{"container_config_error", api::reason::kContainerConfig,
                   "secret \"nosuch\" not found"}}) {
    const PodView pod = RealPod(row.pod);
    const Waiting waiting = WaitingOf(AJob(ACommitTest()), &pod, nullptr);
    EXPECT_TRUE(waiting.specific) << row.pod;
    EXPECT_EQ(waiting.reason, row.reason);
    EXPECT_NE(waiting.message.find(row.words), std::string::npos) << waiting.message;
  }
}

TEST(Waiting, IsNoCauseWhileOrdinaryStepsLast) {
  const JobView job = AJob(ACommitTest());
  const PodView fresh = APod(job);
  const PodView creating = WaitingFor(Scheduled(APod(job)), "ContainerCreating");
  EXPECT_EQ(WaitingOf(job, nullptr, nullptr).reason, api::reason::kWaitingForPod);
  EXPECT_EQ(WaitingOf(job, &fresh, nullptr).reason, api::reason::kWaitingForPod);
  EXPECT_EQ(WaitingOf(job, &creating, nullptr).reason, api::reason::kContainerCreating);
  const PodView checking_out = CheckingOut(Scheduled(APod(job)), 3);
  EXPECT_EQ(WaitingOf(job, &checking_out, nullptr).reason, api::reason::kCheckoutInProgress);
  for (const PodView* pod :
       {static_cast<const PodView*>(nullptr), &fresh, &creating, &checking_out}) {
    EXPECT_FALSE(WaitingOf(job, pod, nullptr).specific);
    EXPECT_TRUE(WaitingOf(job, pod, nullptr).since.has_value());
  }
}

TEST(JobView, ReadsConditionsThatAreTrue) {
  const json object = {
      {"metadata",
       {{"name", "j"},
        {"uid", "u"},
        {"annotations", {{"committest.dev/attempt", "2"}, {"committest.dev/spec-hash", "h"}}}}},
      {"spec", {{"suspend", true}}},
      {"status",
       {{"startTime", "2026-01-01T00:00:05Z"},
        {"conditions", json::array({{{"type", "Complete"}, {"status", "False"}},
                                    {{"type", "Failed"},
                                     {"status", "True"},
                                     {"reason", "DeadlineExceeded"},
                                     {"message", "too long"},
                                     {"lastTransitionTime", "2026-01-01T00:00:07Z"}}})}}}};
  const JobView job = ParseJobView(object);
  EXPECT_EQ(job.attempt, 2);
  EXPECT_EQ(job.spec_hash, "h");
  EXPECT_TRUE(job.suspended);
  EXPECT_EQ(job.start_time, At(5));
  EXPECT_FALSE(job.complete.has_value());
  EXPECT_EQ(job.failed, (JobCondition{"DeadlineExceeded", "too long", At(7)}));
  EXPECT_TRUE(job.Finished());
}

TEST(JobView, ReadsNoAttemptFromAnAnnotationThatIsNoPositiveNumber) {
  for (const char* text : {"", "0", "-1", "1x", "x", "99999999999999999999", " 1"}) {
    const json object = {
        {"metadata",
         {{"name", "j"}, {"uid", "u"}, {"annotations", {{"committest.dev/attempt", text}}}}}};
    EXPECT_EQ(ParseJobView(object).attempt, 0) << text;
  }
}

/// Every member replaced by every kind of value: nothing may throw, and nothing may pass.
void Mutate(const json& original, json& node, const json& root) {
  const json values[] = {nullptr,
                         true,
                         -1,
                         1e300,
                         "",
                         "\xff\xfe",
                         json::array(),
                         json::object(),
                         json::array({json::array()})};
  const json saved = node;
  for (const json& value : values) {
    node = value;
    static_cast<void>(ParseJobView(root));
    const auto ending = Judged(ParsePodView(root));
    EXPECT_TRUE(!ending || ending->result != api::TestResult::kPassed);
  }
  node = saved;
  if (original.is_object()) {
    for (const auto& [key, member] : original.items()) Mutate(member, node[key], root);
  } else if (original.is_array()) {
    for (std::size_t i = 0; i < original.size(); ++i) Mutate(original[i], node[i], root);
  }
}

TEST(Views, SurviveAnyValueInAnyPlace) {
  for (const char* name : {"exited_0", "oom_killed", "deleted_and_terminated", "start_error"}) {
    const json original = json::parse(ReadGolden("pods/" + std::string(name) + ".json"));
    json root = original;
    Mutate(original, root, root);
  }
}

TEST(Views, OfSomethingThatIsNoObjectAreEmpty) {
  for (const json& object : {json(), json(1), json("x"), json::array()}) {
    EXPECT_TRUE(ParseJobView(object).meta.name.empty());
    EXPECT_TRUE(ParsePodView(object).meta.name.empty());
  }
}

}  // namespace
}  // namespace committest::op
