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
  summary.checkout_ms = 80;
  summary.reason = "TestsFailed";
  summary.message = "1 of 42 tests failed";
  summary.failures = {{"test_app.AppTest.test_add", "tests/test_app.py", "4 != 5"}};
  summary.runner_version = "0.1.0";
  return summary;
}

TEST(RunSummary, ReadsBackWhatItWrites) {
  EXPECT_EQ(ParseSummary(EncodeSummary(Sample())), Sample());
}

TEST(RunSummary, FitsWhateverItIsGiven) {
  RunSummary summary = Sample();
  summary.failures.assign(
      500, {std::string(5000, 'n'), std::string(5000, '"'), std::string(5000, '\xff')});
  summary.message.assign(100'000, '\\');
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
