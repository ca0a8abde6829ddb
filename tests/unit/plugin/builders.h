#pragma once

#include <string>

#include "common/api/commit_test.h"
#include "common/api/reasons.h"

namespace committest::plugin {

inline WallTime At(int seconds) { return WallTime(std::chrono::seconds(1'767'225'600 + seconds)); }

/// "app-1" in "ci", of which nobody has taken notice yet.
inline api::CommitTest ATest() {
  api::CommitTest test;
  test.meta.name = "app-1a2b3c4d5e6f-721eff";
  test.meta.namespace_ = "ci";
  test.spec.repository_name = "app";
  test.spec.source = {"https://git.example/app.git", "1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d",
                      "refs/heads/main", "Ada", "Add the engine"};
  return test;
}

/// The first one, which is open.
inline api::Attempt AnAttempt() {
  api::Attempt attempt;
  attempt.number = 1;
  attempt.job_name = "job-1";
  attempt.pod_name = "pod-1";
  return attempt;
}

inline void Put(api::CommitTest& test, const char* type, const char* status,
                const std::string& reason, const std::string& message, int at = 10) {
  api::SetCondition(test.status.conditions, {type, status, reason, message, 1, At(at)});
}

inline api::CommitTest Queued() {
  api::CommitTest test = ATest();
  Put(test, "Admitted", "False", "Queued",
      "position 3 in the queue of repository app, of which at most 5 run at a time (its "
      "spec.concurrency.max)");
  Put(test, "Completed", "False", "Pending", "");
  Put(test, "Succeeded", "Unknown", "Pending", "");
  return test;
}

inline api::CommitTest Unschedulable() {
  api::CommitTest test = ATest();
  Put(test, "Admitted", "True", "Admitted", "it has a slot");
  Put(test, "Started", "False", "Unschedulable", "0/1 nodes are available: 1 Insufficient cpu.");
  test.status.attempts = {AnAttempt()};
  return test;
}

inline api::CommitTest Running() {
  api::CommitTest test = ATest();
  Put(test, "Admitted", "True", "Admitted", "it has a slot");
  Put(test, "Started", "True", "TestsRunning", "Pod pod-1 runs on node node-a");
  return test;
}

inline api::CommitTest Finished(api::TestResult result, const char* reason,
                                const std::string& message) {
  api::CommitTest test = Running();
  const bool passed = result == api::TestResult::kPassed;
  test.status.result = result;
  Put(test, "Completed", "True", "Finished", message, 40);
  Put(test, "Succeeded", passed ? "True" : "False", reason, message, 40);
  test.status.display.duration = "37s";
  test.status.attempts = {AnAttempt()};
  test.status.attempts.front().node_name = "node-a";
  test.status.attempts.front().outcome = result;
  test.status.attempts.front().reason = reason;
  return test;
}

inline api::CommitTest Failed() {
  api::CommitTest test =
      Finished(api::TestResult::kFailed, api::reason::kTestsFailed, "1 of 42 tests failed");
  test.status.summary = api::TestCounts{42, 41, 1, 0, 0};
  test.status.duration_ms = 37'120;
  test.status.stages = {210, 2, 0, 4};
  test.status.display.tests = "41/42";
  test.status.failures = {{"test_a.A.test_two", "tests/test_a.py", "AssertionError: 1 != 2"}};
  test.status.failures_omitted = 2;
  test.status.reproduce_command = "docker run";
  return test;
}

}  // namespace committest::plugin
