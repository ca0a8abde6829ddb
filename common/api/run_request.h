#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "common/api/sharding.h"
#include "common/api/strict_reader.h"
#include "common/base/result.h"

namespace committest::api {

/// How tests are found and run. Written as in the API; `kAuto` looks at the checkout.
enum class Framework { kAuto, kUnittest, kPytest, kCTest, kGoTest, kCargo, kMaven, kNpm, kCommand };

std::string_view FrameworkName(Framework framework);
/// kInvalidArgument names the value and what was expected.
Result<Framework> ParseFramework(std::string_view text);

/// `spec.tests` of a CommitTest.
struct TestsSpec {
  Framework framework = Framework::kAuto;
  /// The folder that holds the tests, or the project if it is not at the top; relative to the checkout.
  std::string path = "tests";
  /// For `kCommand`: program and arguments. Never given to a shell.
  std::vector<std::string> command;
  /// Globs, relative to the checkout, of the JUnit reports that the command leaves.
  std::vector<std::string> report_paths = {"**/junit*.xml"};
  /// Whether a run that executed no test may pass.
  bool allow_no_tests = false;

  bool operator==(const TestsSpec&) const = default;
};

/// What the operator hands to a runner: one JSON document in the environment variable
/// `COMMITTEST_RUN`. Nothing of it is ever interpreted by a shell.
struct RunRequest {
  std::string url;
  std::string commit;  ///< 40 or 64 lower-case hexadecimal digits.
  std::string ref;     ///< Where the commit was seen; a fallback for servers that refuse SHAs.
  TestsSpec tests;
  std::int64_t timeout_seconds = 1800;  ///< For the tests alone; the checkout has its own limit.
  /// How often failing tests, and only those, are run again.
  std::int64_t failed_test_reruns = 0;
  /// Into how many shards the tests are split; which one is this runner's, its container says.
  ShardingSpec sharding;
  /// What is known of the units' durations; only when the tests are split.
  UnitTimings timings;

  bool operator==(const RunRequest&) const = default;
};

/// Of `RunRequest::failed_test_reruns`.
inline constexpr std::int64_t kMaxFailedTestReruns = 5;

inline constexpr const char* kRunRequestVariable = "COMMITTEST_RUN";

nlohmann::json ToJson(const TestsSpec& tests);
/// Wrong types and values out of range are kInvalidArgument, and the message names the member
/// ("tests.framework is 'Foo', expected …").
Result<TestsSpec> ParseTestsSpec(const nlohmann::json& value, std::string_view path,
                                 UnknownMembers unknown);

nlohmann::json ToJson(const RunRequest& request);
/// Refuses unknown members: a runner that does not know an option must not act as if it did.
Result<RunRequest> ParseRunRequest(std::string_view text);

}  // namespace committest::api
