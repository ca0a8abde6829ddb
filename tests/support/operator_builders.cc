#include "tests/support/operator_builders.h"

#include <utility>

#include <nlohmann/json.hpp>

#include "common/api/commit_test_status.h"
#include "common/api/names.h"
#include "operator/attempts.h"

namespace committest::op {
namespace {

void SetPodCondition(PodView& pod, PodCondition next) {
  for (PodCondition& condition : pod.conditions) {
    if (condition.type == next.type) {
      condition = std::move(next);
      return;
    }
  }
  pod.conditions.push_back(std::move(next));
}

}  // namespace

WallTime Epoch() { return WallTime(std::chrono::seconds(1'767'225'600)); }
WallTime At(std::int64_t seconds) { return Epoch() + std::chrono::seconds(seconds); }

api::CommitTest ACommitTest() {
  api::CommitTest commit_test;
  commit_test.meta.namespace_ = "ci";
  commit_test.meta.name = "app-1";
  commit_test.meta.uid = "commit-test-uid";
  commit_test.meta.resource_version = "100";
  commit_test.meta.generation = 1;
  commit_test.meta.creation_time = Epoch();
  commit_test.spec.repository_name = "app";
  commit_test.spec.source.url = "https://git.example/app.git";
  commit_test.spec.source.commit = kCommit;
  commit_test.spec.source.ref = "refs/heads/main";
  return commit_test;
}

JobView AJob(const api::CommitTest& commit_test, std::int64_t attempt) {
  JobView job;
  job.meta.namespace_ = commit_test.meta.namespace_;
  job.meta.name = JobNameOf(commit_test, attempt);
  job.meta.uid = "job-uid-" + std::to_string(attempt);
  job.meta.resource_version = "200";
  job.meta.creation_time = commit_test.meta.creation_time;
  job.meta.owners = {
      {"committest.dev/v1alpha1", "CommitTest", commit_test.meta.name, commit_test.meta.uid, true}};
  job.attempt = attempt;
  job.spec_hash = SpecHash(commit_test.spec);
  job.start_time = commit_test.meta.creation_time;
  return job;
}

PodView APod(const JobView& job) {
  PodView pod;
  pod.meta.namespace_ = job.meta.namespace_;
  pod.meta.name = job.meta.name + "-x7k2p";
  pod.meta.uid = "pod-uid";
  pod.meta.resource_version = "300";
  pod.meta.creation_time = job.meta.creation_time;
  pod.meta.owners = {{"batch/v1", "Job", job.meta.name, job.meta.uid, true}};
  pod.job_name = job.meta.name;
  pod.job_uid = job.meta.uid;
  pod.phase = "Pending";
  return pod;
}

PodView Scheduled(PodView pod, std::int64_t at) {
  pod.node_name = "node-1";
  SetPodCondition(pod, {"PodScheduled", "True", "", "", At(at)});
  return pod;
}

PodView Unschedulable(PodView pod, const std::string& message, std::int64_t since) {
  SetPodCondition(pod, {"PodScheduled", "False", "Unschedulable", message, At(since)});
  return pod;
}

PodView WaitingFor(PodView pod, const std::string& reason, const std::string& message) {
  pod.runner = ContainerWaiting{reason, message};
  return pod;
}

PodView CheckingOut(PodView pod, std::int64_t since) {
  pod.checkout = ContainerRunning{At(since)};
  pod.runner = ContainerWaiting{"PodInitializing", {}};
  return pod;
}

PodView CheckedOut(PodView pod, std::int64_t exit_code, const std::string& message,
                   const std::string& reason, std::int64_t finished) {
  pod.checkout = ContainerTerminated{exit_code, reason, message, At(2), At(finished)};
  pod.runner = ContainerWaiting{"PodInitializing", {}};
  return pod;
}

PodView Running(PodView pod, std::int64_t since) {
  pod.phase = "Running";
  pod.start_time = At(since);
  pod.runner = ContainerRunning{At(since)};
  return pod;
}

PodView Terminated(PodView pod, std::int64_t exit_code, const std::string& message,
                   const std::string& reason, std::int64_t finished) {
  const std::string plain = exit_code == 0 ? "Completed" : "Error";
  pod.runner =
      ContainerTerminated{exit_code, reason.empty() ? plain : reason, message, At(2), At(finished)};
  return pod;
}

PodView Disrupted(PodView pod, const std::string& reason, std::int64_t at) {
  SetPodCondition(pod, {"DisruptionTarget", "True", reason, "the Pod has to go", At(at)});
  return pod;
}

PodView Deleted(PodView pod, std::int64_t requested_at, std::int64_t grace) {
  pod.meta.deletion_time = At(requested_at + grace);
  if (grace > 0) pod.deletion_requested = At(requested_at);
  return pod;
}

api::RunSummary ASummary(std::int64_t passed, std::int64_t failed) {
  api::RunSummary summary;
  summary.commit = kCommit;
  summary.framework = "Unittest";
  summary.counts.total = passed + failed;
  summary.counts.passed = passed;
  summary.counts.failed = failed;
  summary.duration_ms = 1'500;
  summary.stages = {210, 2, 0, 4};
  summary.reason = failed > 0 ? "TestsFailed" : "TestsPassed";
  if (failed > 0) summary.failures.push_back({"test_sum", "tests/test_sum.py", "1 != 2"});
  return summary;
}

std::string Encoded(const api::RunSummary& summary) { return api::EncodeSummary(summary); }

api::Attempt& AddAttempt(api::CommitTest& commit_test, std::int64_t number,
                         std::optional<api::TestResult> outcome) {
  api::Attempt attempt;
  attempt.number = number;
  attempt.job_name = JobNameOf(commit_test, number);
  attempt.job_uid = "job-uid-" + std::to_string(number);
  attempt.outcome = outcome;
  if (outcome) attempt.completion_time = Epoch();
  commit_test.status.attempts.push_back(attempt);
  return commit_test.status.attempts.back();
}

Observed AnObserved(api::CommitTest commit_test, std::int64_t seconds) {
  Observed observed;
  observed.commit_test = std::move(commit_test);
  observed.now = At(seconds);
  return observed;
}

Observed AfterWriting(Observed observed, const Decision& decision) {
  observed.commit_test.status = api::ParseCommitTestStatus(api::ToJson(decision.next_status));
  return observed;
}

}  // namespace committest::op
