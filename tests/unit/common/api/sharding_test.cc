#include "common/api/sharding.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "common/base/strings.h"

namespace committest::api {
namespace {

using nlohmann::json;

std::string ErrorOf(const json& value) {
  const auto parsed = ParseShardingSpec(value, "spec.sharding", UnknownMembers::kRefuse);
  return parsed ? "no error" : parsed.error().message;
}

TEST(ShardingSpec, ReadsBackWhatItWrites) {
  for (const ShardStrategy strategy : {ShardStrategy::kTiming, ShardStrategy::kName}) {
    const ShardingSpec sharding{16, strategy};
    EXPECT_EQ(ParseShardingSpec(ToJson(sharding), "", UnknownMembers::kRefuse), sharding);
  }
}

TEST(ShardingSpec, IsNotSplitByDefault) {
  EXPECT_EQ(ParseShardingSpec(json::object(), "", UnknownMembers::kRefuse), ShardingSpec());
  EXPECT_EQ(ShardingSpec().count, 1);
}

TEST(ShardingSpec, NamesWhatIsWrong) {
  EXPECT_EQ(ErrorOf({{"count", 0}}), "spec.sharding.count is 0, expected an integer in 1..16");
  EXPECT_EQ(ErrorOf({{"count", 17}}), "spec.sharding.count is 17, expected an integer in 1..16");
  EXPECT_EQ(ErrorOf({{"strategy", "timing"}}),
            "spec.sharding.strategy is 'timing', expected Timing or Name");
  EXPECT_EQ(ErrorOf({{"shards", 2}}),
            "spec.sharding.shards is not known here; expected one of: count, strategy");
}

// The operator keeps what runners of other versions reported: the key must never change.
TEST(UnitKey, IsTheBeginningOfTheSha256) {
  EXPECT_EQ(UnitKey("tests.test_app"), Sha256Hex("tests.test_app").substr(0, 8));
  EXPECT_EQ(UnitKey(""), "e3b0c442");
  EXPECT_TRUE(IsUnitKey("e3b0c442"));
  for (const char* bad : {"", "e3b0c44", "e3b0c4422", "E3B0C442", "e3b0c44g"}) {
    EXPECT_FALSE(IsUnitKey(bad)) << bad;
  }
}

}  // namespace
}  // namespace committest::api
