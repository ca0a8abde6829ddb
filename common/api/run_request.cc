#include "common/api/run_request.h"

#include <array>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/api/commit_id.h"
#include "common/base/strings.h"

namespace committest::api {
namespace {

using nlohmann::json;

constexpr std::array<std::pair<Framework, std::string_view>, 9> kFrameworks{{
    {Framework::kAuto, "Auto"},
    {Framework::kUnittest, "Unittest"},
    {Framework::kPytest, "Pytest"},
    {Framework::kCTest, "CTest"},
    {Framework::kGoTest, "GoTest"},
    {Framework::kCargo, "Cargo"},
    {Framework::kMaven, "Maven"},
    {Framework::kNpm, "Npm"},
    {Framework::kCommand, "Command"},
}};

// A path inside the checkout: relative, and without a way out.
bool IsInnerPath(std::string_view path) {
  if (path.empty() || path.front() == '/' || path.find('\0') != std::string_view::npos) {
    return false;
  }
  for (const std::string& part : Split(path, '/')) {
    if (part == "..") return false;
  }
  return true;
}

json ShardingToJson(const RunRequest& request) {
  json value = ToJson(request.sharding);
  value["timings"] = request.timings;
  return value;
}

void ReadSharding(StrictReader& reader, RunRequest& request) {
  const json* value = reader.Object("sharding");
  if (value == nullptr) return;
  StrictReader members(*value, "sharding");
  request.sharding = ReadShardingSpec(members, 2);
  request.timings = ReadUnitTimings(members, "timings", kMaxUnitTimings);
  if (request.sharding.count == 1) members.Refuse("count", "is missing, expected 2 to 16");
  reader.Take(members.Finish(UnknownMembers::kRefuse));
}

}  // namespace

std::string_view FrameworkName(Framework framework) {
  for (const auto& [value, name] : kFrameworks) {
    if (value == framework) return name;
  }
  return "Auto";
}

Result<Framework> ParseFramework(std::string_view text) {
  for (const auto& [value, name] : kFrameworks) {
    if (name == text) return value;
  }
  return Fail(
      ErrorCode::kInvalidArgument,
      "framework is '" + OneLine(Truncate(text, 80)) +
          "', expected Auto, Unittest, Pytest, CTest, GoTest, Cargo, Maven, Npm or Command");
}

json ToJson(const TestsSpec& tests) {
  json value = {{"framework", FrameworkName(tests.framework)},
                {"path", tests.path},
                {"reportPaths", tests.report_paths},
                {"allowNoTests", tests.allow_no_tests}};
  if (!tests.command.empty()) value["command"] = tests.command;
  return value;
}

Result<TestsSpec> ParseTestsSpec(const json& value, std::string_view path, UnknownMembers unknown) {
  const TestsSpec defaults;
  StrictReader reader(value, path);
  TestsSpec tests;
  const std::string framework = reader.String("framework", "Auto");
  if (const auto parsed = ParseFramework(framework)) {
    tests.framework = *parsed;
  } else {
    reader.Refuse("framework", parsed.error().message.substr(sizeof("framework")));
  }
  tests.path = reader.String("path", defaults.path, 255);
  tests.command = reader.Strings("command", {}, 64, 4096);
  tests.report_paths = reader.Strings("reportPaths", defaults.report_paths, 16, 255);
  tests.allow_no_tests = reader.Bool("allowNoTests", defaults.allow_no_tests);
  if (!IsInnerPath(tests.path)) {
    reader.Refuse("path", "is '" + OneLine(tests.path) + "', expected a path inside the checkout");
  }
  if ((tests.framework == Framework::kCommand) == tests.command.empty()) {
    reader.Refuse("command", tests.command.empty()
                                 ? "is empty, expected a program and its arguments with "
                                   "framework Command"
                                 : "is only for framework Command");
  }
  if (auto status = reader.Finish(unknown); !status) return Fail(std::move(status.error()));
  return tests;
}

json ToJson(const RunRequest& request) {
  json value = {{"url", request.url},
                {"commit", request.commit},
                {"ref", request.ref},
                {"tests", ToJson(request.tests)},
                {"timeoutSeconds", request.timeout_seconds}};
  // An older runner refuses what it does not know, and does not need to know this.
  if (request.failed_test_reruns != 0) value["failedTestReruns"] = request.failed_test_reruns;
  if (request.sharding.count != 1) value["sharding"] = ShardingToJson(request);
  return value;
}

Result<RunRequest> ParseRunRequest(std::string_view text) {
  const json value = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (value.is_discarded()) {
    return Fail(ErrorCode::kInvalidArgument, "the run request is not valid JSON");
  }
  StrictReader reader(value, "");
  RunRequest request;
  request.url = reader.String("url", {}, 2048);
  request.commit = reader.String("commit", {}, 64);
  request.ref = reader.String("ref", {}, 255);
  request.timeout_seconds = reader.Int("timeoutSeconds", request.timeout_seconds, 1, 86'400);
  request.failed_test_reruns = reader.Int("failedTestReruns", 0, 0, kMaxFailedTestReruns);
  if (const json* tests = reader.Object("tests")) {
    request.tests = reader.Take(ParseTestsSpec(*tests, "tests", UnknownMembers::kRefuse));
  }
  ReadSharding(reader, request);
  if (request.url.empty()) reader.Refuse("url", "is empty, expected the repository's URL");
  if (!IsCommitId(request.commit)) {
    reader.Refuse("commit", "is '" + OneLine(request.commit) +
                                "', expected 40 or 64 lower-case hexadecimal digits");
  }
  if (auto status = reader.Finish(UnknownMembers::kRefuse); !status) {
    return Fail(std::move(status.error()));
  }
  return request;
}

}  // namespace committest::api
