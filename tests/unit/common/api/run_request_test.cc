#include "common/api/run_request.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace committest::api {
namespace {

using nlohmann::json;

RunRequest Valid() {
  RunRequest request;
  request.url = "https://git.example/app.git";
  request.commit = std::string(40, 'a');
  request.ref = "refs/heads/main";
  return request;
}

std::string ErrorOf(const json& value) {
  const auto parsed = ParseRunRequest(value.dump());
  return parsed ? "no error" : parsed.error().message;
}

TEST(RunRequest, ReadsBackWhatItWrites) {
  RunRequest request = Valid();
  request.tests.framework = Framework::kCommand;
  request.tests.command = {"make", "check; rm -rf /"};
  request.tests.report_paths = {"out/*.xml"};
  request.tests.allow_no_tests = true;
  request.timeout_seconds = 60;
  EXPECT_EQ(ParseRunRequest(ToJson(request).dump()), request);
}

TEST(RunRequest, ReadsBackHowItIsSplit) {
  RunRequest request = Valid();
  request.sharding = {4, ShardStrategy::kName};
  request.timings = {{"3fa91c2b", 1200}, {"00000000", 0}};
  EXPECT_EQ(ParseRunRequest(ToJson(request).dump()), request);
}

TEST(RunRequest, SaysNothingOfShardsWhenItIsNotSplit) {
  RunRequest request = Valid();
  request.timings = {{"3fa91c2b", 1200}};
  EXPECT_FALSE(ToJson(request).contains("sharding"));
}

TEST(RunRequest, RefusesMoreTimingsThanAreKept) {
  json value = ToJson(Valid());
  value["sharding"] = {{"count", 2}, {"timings", json::object()}};
  for (int i = 0; i < 256; ++i) value["sharding"]["timings"][UnitKey(std::to_string(i))] = i;
  EXPECT_EQ(ErrorOf(value), "no error");
  value["sharding"]["timings"][UnitKey("one more")] = 1;
  EXPECT_EQ(ErrorOf(value), "sharding.timings has 257 members, expected at most 256");
}

TEST(RunRequest, AbsentMembersGetTheirDefaults) {
  const auto request =
      ParseRunRequest(json({{"url", "https://x"}, {"commit", std::string(64, '0')}}).dump());
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(request->tests, TestsSpec());
  EXPECT_EQ(request->timeout_seconds, 1800);
}

struct BadCase {
  const char* name;
  const char* pointer;
  json value;
  const char* message;
};

class BadRunRequest : public testing::TestWithParam<BadCase> {};

TEST_P(BadRunRequest, IsRefusedWithItsFieldNamed) {
  json value = ToJson(Valid());
  value[json::json_pointer(GetParam().pointer)] = GetParam().value;
  EXPECT_EQ(ErrorOf(value), GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(
    Members, BadRunRequest,
    testing::Values(
        BadCase{"CommitIsAnOption", "/commit", "--upload-pack=evil",
                "commit is '--upload-pack=evil', expected 40 or 64 lower-case hexadecimal digits"},
        BadCase{"UrlIsANumber", "/url", 7, "url is 7, expected a string"},
        BadCase{"TimeoutIsZero", "/timeoutSeconds", 0,
                "timeoutSeconds is 0, expected an integer in 1..86400"},
        BadCase{"TimeoutIsAFloat", "/timeoutSeconds", 1.5,
                "timeoutSeconds is 1.5, expected an integer in 1..86400"},
        BadCase{"TimeoutOverflows", "/timeoutSeconds", 18446744073709551615ULL,
                "timeoutSeconds is 18446744073709551615, expected an integer in 1..86400"},
        BadCase{"UnknownFramework", "/tests/framework", "Nose",
                "tests.framework is 'Nose', expected Auto, Unittest, Pytest, CTest, GoTest, Cargo, "
                "Maven, Npm or Command"},
        BadCase{"PathLeavesTheCheckout", "/tests/path", "a/../../etc",
                "tests.path is 'a/../../etc', expected a path inside the checkout"},
        BadCase{"PathIsAbsolute", "/tests/path", "/etc",
                "tests.path is '/etc', expected a path inside the checkout"},
        BadCase{"CommandWithoutItsFramework", "/tests/command", json::array({"make"}),
                "tests.command is only for framework Command"},
        BadCase{"CommandIsEmpty", "/tests/framework", "Command",
                "tests.command is empty, expected a program and its arguments with framework "
                "Command"},
        BadCase{"OneShard",
                "/sharding",
                {{"count", 1}},
                "sharding.count is 1, expected an integer in 2..16"},
        BadCase{"TooManyShards",
                "/sharding",
                {{"count", 17}},
                "sharding.count is 17, expected an integer in 2..16"},
        BadCase{"NoCountOfShards", "/sharding", json::object(),
                "sharding.count is missing, expected 2 to 16"},
        BadCase{"UnknownStrategy",
                "/sharding",
                {{"count", 2}, {"strategy", "Random"}},
                "sharding.strategy is 'Random', expected Timing or Name"},
        BadCase{"UnknownMemberOfSharding",
                "/sharding",
                {{"count", 2}, {"index", 0}},
                "sharding.index is not known here; expected one of: count, strategy, timings"},
        BadCase{"TimingOfNoUnit",
                "/sharding",
                {{"count", 2}, {"timings", {{"tests/a.py", 1}}}},
                "sharding.timings has a member 'tests/a.py', expected 8 lower-case hexadecimal "
                "digits"},
        BadCase{"NegativeTiming",
                "/sharding",
                {{"count", 2}, {"timings", {{"3fa91c2b", -1}}}},
                "sharding.timings.3fa91c2b is -1, expected an integer in 0..86400000"},
        BadCase{"UnknownMember", "/shell", true,
                "shell is not known here; expected one of: commit, failedTestReruns, ref, "
                "sharding, tests, timeoutSeconds, url"}),
    [](const auto& test_case) { return test_case.param.name; });

TEST(RunRequest, BrokenJsonIsAnErrorNotAnAbort) {
  EXPECT_FALSE(ParseRunRequest(""));
  EXPECT_FALSE(ParseRunRequest("{"));
  EXPECT_FALSE(ParseRunRequest("[]"));
  EXPECT_FALSE(ParseRunRequest("\xff\xfe"));
}

}  // namespace
}  // namespace committest::api
