#include "common/kube/observed_writes.h"

#include <gtest/gtest.h>

#include "tests/support/manual_clock.h"

namespace committest::kube {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const ObjectKey kA{"ns", "a"};

class ObservedWritesTest : public ::testing::Test {
 protected:
  ManualClock clock_;
  ObservedWrites writes_{clock_};
};

TEST_F(ObservedWritesTest, TrustsTheCacheWhenNothingWasWritten) {
  EXPECT_EQ(writes_.CaughtUp(kA, "1"), Freshness::kCaughtUp);
  EXPECT_EQ(writes_.CaughtUp(kA, ""), Freshness::kCaughtUp);
}

TEST_F(ObservedWritesTest, WaitsWhileTheCacheIsOlderThanTheWrite) {
  writes_.Record(kA, "10");
  EXPECT_EQ(writes_.CaughtUp(kA, "9"), Freshness::kBehind);
}

TEST_F(ObservedWritesTest, WaitsWhileTheCacheDoesNotHoldWhatWasCreated) {
  writes_.Record(kA, "10");
  EXPECT_EQ(writes_.CaughtUp(kA, ""), Freshness::kBehind);
}

TEST_F(ObservedWritesTest, TrustsTheCacheOnceItShowsTheWriteOrMore) {
  writes_.Record(kA, "10");
  EXPECT_EQ(writes_.CaughtUp(kA, "10"), Freshness::kCaughtUp);
  writes_.Record(kA, "12");
  EXPECT_EQ(writes_.CaughtUp(kA, "100"), Freshness::kCaughtUp);
  EXPECT_EQ(writes_.Size(), 0U);
}

TEST_F(ObservedWritesTest, WantsALiveReadAfterFiveSeconds) {
  writes_.Record(kA, "10");
  clock_.Advance(seconds(5) - milliseconds(1));
  EXPECT_EQ(writes_.CaughtUp(kA, "9"), Freshness::kBehind);
  clock_.Advance(milliseconds(1));
  EXPECT_EQ(writes_.CaughtUp(kA, "9"), Freshness::kReadLive);
}

TEST_F(ObservedWritesTest, WaitsForTheLastOfSeveralWrites) {
  writes_.Record(kA, "10");
  clock_.Advance(seconds(4));
  writes_.Record(kA, "11");
  EXPECT_EQ(writes_.CaughtUp(kA, "10"), Freshness::kBehind);
  clock_.Advance(seconds(4));
  EXPECT_EQ(writes_.CaughtUp(kA, "10"), Freshness::kBehind);
  EXPECT_EQ(writes_.CaughtUp(kA, "11"), Freshness::kCaughtUp);
}

TEST_F(ObservedWritesTest, KeepsTheNewestWriteWhenAnswersArriveOutOfOrder) {
  writes_.Record(kA, "11");
  writes_.Record(kA, "10");
  EXPECT_EQ(writes_.CaughtUp(kA, "10"), Freshness::kBehind);
}

TEST_F(ObservedWritesTest, StartsNoNewWaitForAnOlderAnswer) {
  writes_.Record(kA, "11");
  clock_.Advance(seconds(4));
  writes_.Record(kA, "10");
  clock_.Advance(seconds(1));
  EXPECT_EQ(writes_.CaughtUp(kA, "9"), Freshness::kReadLive);
}

TEST_F(ObservedWritesTest, StartsANewWaitAfterALiveRead) {
  writes_.Record(kA, "10");
  clock_.Advance(seconds(6));
  ASSERT_EQ(writes_.CaughtUp(kA, "9"), Freshness::kReadLive);
  writes_.Record(kA, "10");
  EXPECT_EQ(writes_.CaughtUp(kA, "9"), Freshness::kBehind);
}

TEST_F(ObservedWritesTest, ForgetsAnObjectThatIsGone) {
  writes_.Record(kA, "10");
  writes_.Forget(kA);
  EXPECT_EQ(writes_.CaughtUp(kA, ""), Freshness::kCaughtUp);
}

TEST_F(ObservedWritesTest, TakesVersionsThatCannotBeOrderedOnlyWhenEqual) {
  writes_.Record(kA, "opaque-b");
  EXPECT_EQ(writes_.CaughtUp(kA, "opaque-c"), Freshness::kBehind);
  EXPECT_EQ(writes_.CaughtUp(kA, "opaque-b"), Freshness::kCaughtUp);
}

TEST_F(ObservedWritesTest, KeepsObjectsApart) {
  writes_.Record(kA, "10");
  EXPECT_EQ(writes_.CaughtUp({"ns", "b"}, "1"), Freshness::kCaughtUp);
  EXPECT_EQ(writes_.CaughtUp({"other", "a"}, "1"), Freshness::kCaughtUp);
}

}  // namespace
}  // namespace committest::kube
