#include "runner-image/shard_units.h"

#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace committest::runner {
namespace {

using api::Framework;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

std::vector<std::string> Names(Framework framework, std::string_view text) {
  const auto units = ReadUnits(framework, text);
  if (!units) return {units.error().message};
  std::vector<std::string> names;
  for (const Unit& unit : *units) names.push_back(unit.name);
  return names;
}

TEST(ShardUnits, NamesComeSortedAndOnce) {
  for (const Framework framework : {Framework::kUnittest, Framework::kPytest}) {
    EXPECT_THAT(Names(framework, R"(["b", "a", "b"])"), ElementsAre("a", "b"));
  }
}

TEST(ShardUnits, BrokenListsAreErrors) {
  for (const char* text : {"", "{}", "[1]", R"(["a")", "\xff", R"([["a"]])", R"(["\udc80"])"}) {
    EXPECT_FALSE(ReadUnits(Framework::kPytest, text)) << text;
  }
  for (const char* text : {"", "no tests", "{}", R"({"tests": {}})", R"({"tests": [7]})",
                           R"({"tests": [{"name": 7}]})", R"({"tests": [{}]})"}) {
    EXPECT_FALSE(ReadUnits(Framework::kCTest, text)) << text;
  }
}

TEST(ShardUnits, PackagesAreReadBetweenOtherLines) {
  EXPECT_THAT(Names(Framework::kGoTest,
                    "go: downloading x v1\ncommittest-unit m/b\ncommittest-unit m/a\nm/c\n"),
              ElementsAre("m/a", "m/b"));
}

constexpr const char* kCTests = R"(a warning of the build {
{
  "kind": "ctestInfo",
  "tests": [
    {"name": "db_up", "properties": [{"name": "FIXTURES_SETUP", "value": ["db"]}]},
    {"name": "alone", "properties": [{"name": "DISABLED", "value": true}]},
    {"name": "query", "properties": [{"name": "FIXTURES_REQUIRED", "value": ["db"]}]},
    {"name": "twice"},
    {"name": "after", "properties": [{"name": "DEPENDS", "value": ["query", "gone"]}]},
    {"name": "twice", "properties": {}}
  ]
}
)";

TEST(ShardUnits, TestsThatNeedEachOtherAreOne) {
  const auto units = ReadUnits(Framework::kCTest, kCTests);
  ASSERT_TRUE(units) << units.error().message;
  EXPECT_EQ(*units, (std::vector<Unit>{{"after", {"after", "db_up", "query"}, {1, 3, 5}},
                                       {"alone", {"alone"}, {2}},
                                       {"twice", {"twice", "twice"}, {4, 6}}}));
}

TEST(ShardUnits, CTestGetsTheNumbersAndTheLastOneTwice) {
  const auto units = ReadUnits(Framework::kCTest, kCTests);
  const ShardPlan plan{{0, 1, 0}, 0};
  EXPECT_EQ(ShareText(Framework::kCTest, *units, plan, 0), "0,0,0,1,3,5,4,6,6");
  EXPECT_EQ(ShareText(Framework::kCTest, *units, plan, 1), "0,0,0,2,2");
}

TEST(ShardUnits, PythonGetsWhatIsNotItsOwn) {
  const std::vector<Unit> units = {{"a", {"a"}}, {"b", {"b"}}, {"c", {"c"}}};
  EXPECT_EQ(ShareText(Framework::kPytest, units, {{1, 0, 1}, 0}, 0), R"({"others":["a","c"]})");
}

TEST(ShardUnits, GoGetsItsPackagesBehindTheCommand) {
  const std::vector<Unit> units = {{"m/a", {"m/a"}}, {"m/b", {"m/b"}}, {"m/c", {"m/c"}}};
  TestPlan plan;
  plan.framework = Framework::kGoTest;
  plan.share = {"go", "test"};
  EXPECT_THAT(ShareCommand(plan, units, {{0, 1, 0}, 0}, 0),
              ElementsAre("go", "test", "m/a", "m/c"));
}

TEST(ShardUnits, TimingsAreOfTheUnitsOfThisShard) {
  const auto units = ReadUnits(Framework::kCTest, kCTests);
  JunitReport report;
  report.part_seconds = {{"after", 1.5}, {"query", 0.2504}, {"alone", 7}, {"unknown", 9}};
  EXPECT_THAT(TimingsOf(*units, {{0, 1, 0}, 0}, 0, report),
              ElementsAre(Pair(api::UnitKey("after"), 1750)));
}

TEST(ShardUnits, TimingsStayWithinTheirBounds) {
  const std::vector<Unit> units = {{"a", {"a"}}, {"b", {"b"}}, {"c", {"c"}}};
  JunitReport report;
  report.part_seconds = {{"a", 1e300}, {"b", -1}, {"c", std::numeric_limits<double>::quiet_NaN()}};
  EXPECT_THAT(TimingsOf(units, {{0, 0, 0}, 0}, 0, report),
              ElementsAre(Pair(api::UnitKey("a"), api::kMaxUnitMilliseconds)));
}

}  // namespace
}  // namespace committest::runner
