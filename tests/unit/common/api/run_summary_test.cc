#include "common/api/run_summary.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace committest::api {
namespace {

using nlohmann::json;

RunSummary Sample() {
  RunSummary summary;
  summary.commit = std::string(40, 'a');
  summary.framework = "Unittest";
  summary.counts = {42, 40, 1, 0, 1, 2};
  summary.duration_ms = 37120;
  summary.stages = {80, 2, 3'000, 4};
  summary.reason = "TestsFailed";
  summary.message = "1 of 42 tests failed";
  summary.failures = {{"test_app.AppTest.test_add", "tests/test_app.py", "4 != 5"}};
  summary.runner_version = "0.1.0";
  return summary;
}

TEST(RunSummary, ReadsBackWhatItWrites) {
  EXPECT_EQ(ParseSummary(EncodeSummary(Sample())), Sample());
}

RunSummary SampleOfShard() {
  RunSummary summary = Sample();
  summary.shard = ShardReport{3, 4, "0123456789abcdef", 12, 47};
  for (int i = 0; i < 40; ++i) summary.timings[UnitKey("tests/test_" + std::to_string(i))] = i;
  return summary;
}

TEST(RunSummary, ReadsBackTheShardAndItsTimings) {
  EXPECT_EQ(ParseSummary(EncodeSummary(SampleOfShard())), SampleOfShard());
}

TEST(RunSummary, SaysNothingOfShardsWhenItIsNotSplit) {
  const json value = json::parse(EncodeSummary(Sample()));
  EXPECT_FALSE(value.contains("shard"));
  EXPECT_FALSE(value.contains("timings"));
}

TEST(RunSummary, KeepsTheLongestTimings) {
  RunSummary summary = SampleOfShard();
  summary.timings.clear();
  for (int i = 0; i < 100; ++i) summary.timings[UnitKey(std::to_string(i))] = i;
  const auto parsed = ParseSummary(EncodeSummary(summary));
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->timings.size(), kMaxReportedTimings);
  for (int i = 60; i < 100; ++i) EXPECT_TRUE(parsed->timings.contains(UnitKey(std::to_string(i))));
}

TEST(RunSummary, FailuresComeBeforeTimings) {
  RunSummary summary = SampleOfShard();
  summary.failures.assign(5,
                          {"tests.test_a.Case.test_one", "tests/test_a.py", std::string(200, 'x')});
  const std::string text = EncodeSummary(summary);
  EXPECT_LE(text.size(), kMaxSummaryBytes);
  const auto parsed = ParseSummary(text);
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->failures.size(), 5U);
  EXPECT_GT(parsed->timings.size(), 0U);
  EXPECT_LT(parsed->timings.size(), 40U);
  EXPECT_TRUE(parsed->timings.contains(UnitKey("tests/test_39")));
}

TEST(RunSummary, ShardThatCannotBeIsRefused) {
  const std::pair<const char*, json> cases[] = {
      {"index", -1},    {"index", 4},   {"index", nullptr},
      {"count", 1},     {"count", 17},  {"count", nullptr},
      {"units", 48},    {"units", 1.5}, {"plan", "0123456789ABCDEF"},
      {"plan", "0123"}, {"plan", 7}};
  for (const auto& [member, bad] : cases) {
    json value = json::parse(EncodeSummary(SampleOfShard()));
    value["shard"][member] = bad;
    const auto parsed = ParseSummary(value.dump());
    ASSERT_FALSE(parsed) << member << " " << bad;
    EXPECT_TRUE(parsed.error().message.starts_with("summary.shard.")) << parsed.error().message;
  }
}

TEST(RunSummary, TimingsOfNoUnitAreRefused) {
  for (const json& bad :
       {json{{"x", 1}}, json{{"3fa91c2b", -1}}, json{{"3fa91c2b", "1"}}, json(7)}) {
    json value = json::parse(EncodeSummary(SampleOfShard()));
    value["timings"] = bad;
    EXPECT_FALSE(ParseSummary(value.dump())) << bad;
  }
}

TEST(RunSummary, FitsWhateverItIsGiven) {
  RunSummary summary = Sample();
  summary.failures.assign(
      500, {std::string(5000, 'n'), std::string(5000, '"'), std::string(5000, '\xff')});
  summary.message.assign(100'000, '\\');
  summary.shard = SampleOfShard().shard;
  summary.timings = SampleOfShard().timings;
  const std::string text = EncodeSummary(summary);
  EXPECT_LE(text.size(), kMaxSummaryBytes);
  const auto parsed = ParseSummary(text);
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->failures_omitted + static_cast<std::int64_t>(parsed->failures.size()), 500);
  EXPECT_FALSE(parsed->failures.empty());
}

TEST(RunSummary, KeepsAsManyFailuresAsFit) {
  RunSummary summary = Sample();
  summary.failures.assign(30, {"test_case", "t.py", "boom"});
  const auto parsed = ParseSummary(EncodeSummary(summary));
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->failures.size(), kMaxFailures);
  EXPECT_EQ(parsed->failures_omitted, 10);
}

TEST(RunSummary, CountsMustAddUp) {
  json value = json::parse(EncodeSummary(Sample()));
  value["passed"] = 42;
  EXPECT_EQ(ParseSummary(value.dump()).error().message,
            "summary.total is not the sum of passed, failed, errored and skipped");
}

TEST(RunSummary, CountsMustBeNaturalNumbers) {
  for (const json& bad : {json(-1), json(1.5), json("41"), json(nullptr), json(1e300)}) {
    json value = json::parse(EncodeSummary(Sample()));
    value["passed"] = bad;
    EXPECT_FALSE(ParseSummary(value.dump())) << bad;
  }
}

TEST(RunSummary, HostileTextsComeOutAsOnePlainLine) {
  json value = json::parse(EncodeSummary(Sample()));
  value["failures"][0]["name"] = "a\nb\x1b[31m\xE2\x80\xAEz";
  const auto parsed = ParseSummary(value.dump());
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->failures[0].name, "a bz");
}

TEST(RunSummary, GarbageIsAnError) {
  for (const std::string& text :
       {std::string(), std::string(" \n"), std::string("{"), std::string("[]"),
        std::string("panic: oh no"), std::string("\xff"), std::string(100'000, '['),
        std::string(R"({"failures":{}})")}) {
    EXPECT_FALSE(ParseSummary(text)) << text.substr(0, 20);
  }
}

}  // namespace
}  // namespace committest::api
