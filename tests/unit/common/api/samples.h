#pragma once

#include "common/api/commit_test.h"
#include "common/api/observed_repository.h"

namespace committest::api::test {

// Objects in which every field has a value that is not its default.

inline CommitTestSpec FullCommitTestSpec() {
  CommitTestSpec spec;
  spec.repository_name = "app";
  spec.rerun_of = "app-bbbbbbbbbbbb-123456";
  spec.credentials_secret_name = "git-access";
  spec.source = {"https://git.example/app.git", std::string(40, 'b'), "refs/heads/main", "Ada",
                 "Add the engine"};
  spec.trigger = {TriggerType::kPoll, WallTime(std::chrono::microseconds(1'700'000'000'000'001))};
  spec.tests = {Framework::kCommand, "checks", {"make", "check"}, {"out/*.xml"}, true};
  spec.execution.image = "registry.example/runner@sha256:0";
  spec.execution.resources = {{"cpu", "1"}, {"memory", "512Mi"}};
  spec.execution.env = {{"DEBUG", "1"}};
  spec.execution.timeout_seconds = 60;
  spec.execution.schedule_timeout_seconds = 61;
  spec.execution.start_timeout_seconds = 62;
  spec.execution.runtime_class_name = "gvisor";
  spec.execution.node_selector = {{"disk", "ssd"}};
  spec.execution.tolerations = {{"ci", "Equal", "yes", "NoSchedule"}};
  spec.retry.infrastructure_limit = 1;
  spec.retry.failed_test_reruns = 2;
  spec.sharding = {4, ShardStrategy::kName};
  spec.ttl_seconds_after_finished = 3'600;
  spec.not_run = NotRun{NotRunReason::kSkipRequested, "the message holds [skip ci]"};
  spec.priority = -2;
  spec.suspend = true;
  spec.cancel_requested = true;
  return spec;
}

inline CommitTestStatus FullCommitTestStatus() {
  const auto time = [](int s) { return WallTime(std::chrono::seconds(1'700'000'000 + s)); };
  CommitTestStatus status;
  status.observed_generation = 2;
  status.result = TestResult::kFailed;
  status.conditions = {{"Succeeded", "False", "TestsFailed", "1 of 42", 2, time(100)}};
  status.queued_time = time(0);
  status.start_time = time(1);
  status.completion_time = time(100);
  status.summary = TestCounts{42, 41, 1, 0, 0, 2};
  status.duration_ms = 37120;
  status.stages = {210, 2, 3'000, 4};
  status.display = {"41/42", "37s", "bbbbbbbb", "main", "TestsFailed", "test_add"};
  status.failures = {{"test_add", "tests/test_app.py", "4 != 5"}};
  status.failures_omitted = 1;
  status.attempts = {{1, "job-1", "uid-1", "pod-1", "node-1", TestResult::kError, "PodLost",
                      FailureClass::kInfrastructure, std::nullopt, time(1), time(2)},
                     {2, "job-2", "uid-2", "pod-2", "node-1", TestResult::kFailed, "TestsFailed",
                      FailureClass::kTest, 10, time(3), time(100)}};
  status.reproduce_command = "python3 -m unittest";
  status.timings = {{"3fa91c2b", 1200}, {"70c9d8e1", 0}};
  return status;
}

inline ObservedRepositorySpec FullObservedRepositorySpec() {
  ObservedRepositorySpec spec;
  spec.url = "https://git.example/app.git";
  spec.refs = {"refs/heads/main", "refs/heads/release/*"};
  spec.poll_period_seconds = 60;
  spec.poll_period_with_webhook_seconds = 600;
  spec.webhook = WebhookSpec{WebhookProvider::kGitea, "app-webhook"};
  spec.commit_policy = CommitPolicy::kTipOnly;
  spec.history = History::kAll;
  spec.max_backfill = 7;
  spec.initial_commits = 2;
  spec.credentials_secret_name = "deploy";
  spec.paths = {"src/**", "*.toml"};
  spec.paths_ignore = {"**/*.md"};
  spec.config_file = {ConfigFilePolicy::kIgnore, {ConfigOverride::kImage, ConfigOverride::kEnv}};
  spec.suspend = true;
  const CommitTestSpec commit_test = FullCommitTestSpec();
  spec.concurrency = {2, ConcurrencyPolicy::kCancelOlder};
  spec.retention = {20, 3};
  spec.template_ = CommitTestTemplate{commit_test.tests, commit_test.execution, commit_test.retry,
                                      commit_test.sharding, commit_test.ttl_seconds_after_finished};
  return spec;
}

inline ObservedRepositoryStatus FullObservedRepositoryStatus() {
  const WallTime time(std::chrono::seconds(1'700'000'000));
  ObservedRepositoryStatus status;
  status.observed_generation = 3;
  status.conditions = {{"Ready", "True", "Observed", "words", 3, time}};
  status.last_poll_time = time;
  status.last_webhook_time = time;
  status.missed_webhook_count = 2;
  status.refs = {{"refs/heads/main", std::string(40, 'a'), "app-1", 12}};
  status.last_commit = "aaaaaaaa";
  status.running = 2;
  status.queued = 40;
  return status;
}

}  // namespace committest::api::test
