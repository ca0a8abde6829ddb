#include "common/api/commit_test_status.h"

#include <array>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/base/time_format.h"
#include "common/kube/json_reader.h"

namespace committest::api {
namespace {

using kube::ArrayAt;
using kube::IntAt;
using kube::ObjectAt;
using kube::StringAt;
using kube::TimeAt;
using nlohmann::json;

constexpr std::array kResults{TestResult::kPassed, TestResult::kFailed, TestResult::kError,
                              TestResult::kCancelled, TestResult::kSkipped};
constexpr std::array kClasses{FailureClass::kTest, FailureClass::kInfrastructure,
                              FailureClass::kConfiguration, FailureClass::kCancelled};

std::optional<TestResult> ParseResult(std::string_view text) {
  for (const TestResult result : kResults) {
    if (TestResultName(result) == text) return result;
  }
  return std::nullopt;
}

std::optional<FailureClass> ParseClass(std::string_view text) {
  for (const FailureClass value : kClasses) {
    if (FailureClassName(value) == text) return value;
  }
  return std::nullopt;
}

void Put(json& object, const char* key, const std::string& text) {
  if (!text.empty()) object[key] = text;
}
void Put(json& object, const char* key, const std::optional<WallTime>& time) {
  if (time) object[key] = FormatTime(*time);
}
void Put(json& object, const char* key, std::int64_t number) {
  if (number != 0) object[key] = number;
}

Attempt ParseAttempt(const json& value) {
  Attempt attempt;
  attempt.number = IntAt(value, "number");
  attempt.job_name = StringAt(value, "jobName");
  attempt.job_uid = StringAt(value, "jobUID");
  attempt.pod_name = StringAt(value, "podName");
  attempt.node_name = StringAt(value, "nodeName");
  attempt.outcome = ParseResult(StringAt(value, "outcome"));
  attempt.reason = StringAt(value, "reason");
  attempt.failure_class = ParseClass(StringAt(value, "class"));
  if (kube::Find(value, "exitCode") != nullptr) attempt.exit_code = IntAt(value, "exitCode");
  attempt.start_time = TimeAt(value, "startTime");
  attempt.completion_time = TimeAt(value, "completionTime");
  return attempt;
}

json ToJson(const Attempt& attempt) {
  json value = {{"number", attempt.number}};
  Put(value, "jobName", attempt.job_name);
  Put(value, "jobUID", attempt.job_uid);
  Put(value, "podName", attempt.pod_name);
  Put(value, "nodeName", attempt.node_name);
  if (attempt.outcome) value["outcome"] = TestResultName(*attempt.outcome);
  Put(value, "reason", attempt.reason);
  if (attempt.failure_class) value["class"] = FailureClassName(*attempt.failure_class);
  if (attempt.exit_code) value["exitCode"] = *attempt.exit_code;
  Put(value, "startTime", attempt.start_time);
  Put(value, "completionTime", attempt.completion_time);
  return value;
}

json ToJson(const TestCounts& counts, std::int64_t duration_ms) {
  json value = {{"total", counts.total},     {"passed", counts.passed},
                {"failed", counts.failed},   {"errored", counts.errored},
                {"skipped", counts.skipped}, {"durationMilliseconds", duration_ms}};
  if (counts.flaky != 0) value["flaky"] = counts.flaky;
  return value;
}

TestCounts ParseCounts(const json& value) {
  return {IntAt(value, "total"),   IntAt(value, "passed"),  IntAt(value, "failed"),
          IntAt(value, "errored"), IntAt(value, "skipped"), IntAt(value, "flaky")};
}

json ToJson(const StageTimes& stages) {
  json value = json::object();
  for (const auto& [name, stage] : kStageMembers) Put(value, name, stages.*stage);
  return value;
}

StageTimes ParseStages(const json& value) {
  StageTimes stages;
  for (const auto& [name, stage] : kStageMembers) stages.*stage = IntAt(value, name);
  return stages;
}

json ToJson(const Display& display) {
  json value = json::object();
  Put(value, "tests", display.tests);
  Put(value, "duration", display.duration);
  Put(value, "commit", display.commit);
  Put(value, "branch", display.branch);
  Put(value, "reason", display.reason);
  Put(value, "firstFailure", display.first_failure);
  return value;
}

Display ParseDisplay(const json& value) {
  return {StringAt(value, "tests"),  StringAt(value, "duration"), StringAt(value, "commit"),
          StringAt(value, "branch"), StringAt(value, "reason"),   StringAt(value, "firstFailure")};
}

json ToJson(const TestFailure& failure) {
  json value = {{"name", failure.name}};
  Put(value, "file", failure.file);
  Put(value, "message", failure.message);
  return value;
}

json TimingsToJson(const UnitTimings& timings) {
  json list = json::array();
  for (const auto& [unit, milliseconds] : timings) {
    list.push_back({{"unit", unit}, {"durationMilliseconds", milliseconds}});
  }
  return list;
}

}  // namespace

std::string_view TestResultName(TestResult result) {
  switch (result) {
    case TestResult::kPassed:
      return "Passed";
    case TestResult::kFailed:
      return "Failed";
    case TestResult::kError:
      return "Error";
    case TestResult::kCancelled:
      return "Cancelled";
    case TestResult::kSkipped:
      return "Skipped";
  }
  return "Error";
}

std::string_view FailureClassName(FailureClass failure_class) {
  switch (failure_class) {
    case FailureClass::kTest:
      return "Test";
    case FailureClass::kInfrastructure:
      return "Infrastructure";
    case FailureClass::kConfiguration:
      return "Configuration";
    case FailureClass::kCancelled:
      return "Cancelled";
  }
  return "Infrastructure";
}

CommitTestStatus ParseCommitTestStatus(const json& value) {
  CommitTestStatus status;
  status.observed_generation = IntAt(value, "observedGeneration");
  status.result = ParseResult(StringAt(value, "result"));
  status.conditions = ParseConditions(ArrayAt(value, "conditions"));
  status.queued_time = TimeAt(value, "queuedTime");
  status.start_time = TimeAt(value, "startTime");
  status.completion_time = TimeAt(value, "completionTime");
  if (const json* summary = kube::Find(value, "summary")) {
    status.summary = ParseCounts(*summary);
    status.duration_ms = IntAt(*summary, "durationMilliseconds");
  }
  status.stages = ParseStages(ObjectAt(value, "stages"));
  status.display = ParseDisplay(ObjectAt(value, "display"));
  for (const json& failure : ArrayAt(value, "failures")) {
    status.failures.push_back(
        {StringAt(failure, "name"), StringAt(failure, "file"), StringAt(failure, "message")});
  }
  status.failures_omitted = IntAt(value, "failuresOmitted");
  for (const json& attempt : ArrayAt(value, "attempts")) {
    status.attempts.push_back(ParseAttempt(attempt));
  }
  status.reproduce_command = StringAt(value, "reproduceCommand");
  for (const json& timing : ArrayAt(value, "timings")) {
    status.timings[StringAt(timing, "unit")] = IntAt(timing, "durationMilliseconds");
  }
  return status;
}

json ToJson(const CommitTestStatus& status) {
  json value = json::object();
  Put(value, "observedGeneration", status.observed_generation);
  if (status.result) value["result"] = TestResultName(*status.result);
  if (!status.conditions.empty()) value["conditions"] = ToJson(status.conditions);
  Put(value, "queuedTime", status.queued_time);
  Put(value, "startTime", status.start_time);
  Put(value, "completionTime", status.completion_time);
  if (status.summary) value["summary"] = ToJson(*status.summary, status.duration_ms);
  if (json stages = ToJson(status.stages); !stages.empty()) value["stages"] = std::move(stages);
  if (json display = ToJson(status.display); !display.empty()) {
    value["display"] = std::move(display);
  }
  for (const TestFailure& failure : status.failures) value["failures"].push_back(ToJson(failure));
  Put(value, "failuresOmitted", status.failures_omitted);
  for (const Attempt& attempt : status.attempts) value["attempts"].push_back(ToJson(attempt));
  Put(value, "reproduceCommand", status.reproduce_command);
  if (!status.timings.empty()) value["timings"] = TimingsToJson(status.timings);
  return value;
}

}  // namespace committest::api
