#include "common/base/recent_map.h"

#include <string>

#include <gtest/gtest.h>

#include "tests/support/manual_clock.h"

namespace committest {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

class RecentMapTest : public ::testing::Test {
 protected:
  ManualClock clock_;
  RecentMap<std::string, int> map_{clock_, hours(1), 3};
};

TEST_F(RecentMapTest, FindsWhatWasPutLast) {
  EXPECT_EQ(map_.Find("a"), nullptr);
  map_.Put("a", 1);
  map_.Put("a", 2);
  ASSERT_NE(map_.Find("a"), nullptr);
  EXPECT_EQ(*map_.Find("a"), 2);
  EXPECT_EQ(map_.Size(), 1U);
}

TEST_F(RecentMapTest, KeepsAnUnusedEntryForItsLifetime) {
  clock_.Advance(hours(1) - seconds(1));
  map_.Put("a", 1);
  clock_.Advance(hours(1));
  EXPECT_NE(map_.Find("a"), nullptr);
}

TEST_F(RecentMapTest, ForgetsAnUnusedEntryAfterTwice) {
  map_.Put("a", 1);
  map_.Put("b", 1);
  for (int i = 0; i < 2; ++i) {
    clock_.Advance(hours(1));
    EXPECT_NE(map_.Find("b"), nullptr);
  }
  EXPECT_EQ(map_.Find("a"), nullptr);
  EXPECT_EQ(map_.Size(), 1U);
}

TEST_F(RecentMapTest, ForgetsEverythingAfterALongSilence) {
  map_.Put("a", 1);
  clock_.Advance(hours(2));
  EXPECT_EQ(map_.Find("a"), nullptr);
  EXPECT_EQ(map_.Size(), 0U);
}

TEST_F(RecentMapTest, KeepsForeverWhatIsUsed) {
  map_.Put("a", 1);
  for (int i = 0; i < 100; ++i) {
    clock_.Advance(seconds(3599));
    ASSERT_NE(map_.Find("a"), nullptr) << i;
  }
}

TEST_F(RecentMapTest, NeverHoldsMoreThanTwiceTheMost) {
  for (int i = 0; i < 100; ++i) {
    map_.Put(std::to_string(i), i);
    EXPECT_LE(map_.Size(), 6U);
    EXPECT_NE(map_.Find(std::to_string(i)), nullptr);
  }
}

TEST_F(RecentMapTest, ErasesInBothGenerations) {
  map_.Put("a", 1);
  clock_.Advance(hours(1));
  map_.Put("b", 1);
  map_.Erase("a");
  map_.Erase("b");
  map_.Erase("absent");
  EXPECT_EQ(map_.Size(), 0U);
}

}  // namespace
}  // namespace committest
