#include "common/api/condition.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace committest::api {
namespace {

using namespace std::chrono_literals;

Condition Make(std::string status, std::string reason, WallTime time) {
  return {condition::kStarted, std::move(status), std::move(reason), "words", 1, time};
}

TEST(Condition, TransitionTimeMovesOnlyWithTheStatus) {
  std::vector<Condition> conditions;
  SetCondition(conditions, Make("False", "ImagePull", WallTime(10s)));
  SetCondition(conditions, Make("False", "Unschedulable", WallTime(20s)));
  ASSERT_EQ(conditions.size(), 1U);
  EXPECT_EQ(conditions[0].reason, "Unschedulable");
  EXPECT_EQ(conditions[0].last_transition_time, WallTime(10s));
  SetCondition(conditions, Make("True", "TestsRunning", WallTime(30s)));
  EXPECT_EQ(conditions[0].last_transition_time, WallTime(30s));
}

TEST(Condition, SettingTheSameAgainChangesNothing) {
  std::vector<Condition> conditions;
  SetCondition(conditions, Make("False", "ImagePull", WallTime(10s)));
  const auto before = conditions;
  SetCondition(conditions, Make("False", "ImagePull", WallTime(99s)));
  EXPECT_EQ(conditions, before);
}

TEST(Condition, MessagesAreBounded) {
  std::vector<Condition> conditions;
  Condition condition = Make("False", "ImagePull", WallTime(10s));
  condition.message.assign(5000, 'x');
  SetCondition(conditions, condition);
  EXPECT_EQ(conditions[0].message.size(), kMaxConditionMessageBytes);
}

TEST(Condition, ReadsBackWhatItWrites) {
  const std::vector<Condition> conditions{Make("False", "ImagePull", WallTime(1'700'000'000s))};
  EXPECT_EQ(ParseConditions(ToJson(conditions)), conditions);
  EXPECT_EQ(FindCondition(conditions, "Started"), conditions.data());
  EXPECT_EQ(FindCondition(conditions, "Succeeded"), nullptr);
}

}  // namespace
}  // namespace committest::api
