#include "common/kube/work_queue.h"

#include <gtest/gtest.h>

#include "tests/support/manual_clock.h"

namespace committest::kube {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const ObjectKey kA{"ns", "a"};
const ObjectKey kB{"ns", "b"};

class WorkQueueTest : public ::testing::Test {
 protected:
  ManualClock clock_;
  WorkQueue queue_{clock_};
};

TEST_F(WorkQueueTest, HandsOutKeysInTheOrderInWhichTheyWereAdded) {
  queue_.Add(kB);
  queue_.Add(kA);
  EXPECT_EQ(queue_.TryGet(), kB);
  EXPECT_EQ(queue_.TryGet(), kA);
  EXPECT_EQ(queue_.TryGet(), std::nullopt);
}

TEST_F(WorkQueueTest, CollapsesABurstIntoOneEntry) {
  for (int i = 0; i < 100; ++i) queue_.Add(kA);
  EXPECT_EQ(queue_.Depth(), 1U);
  EXPECT_EQ(queue_.TryGet(), kA);
  queue_.Done(kA);
  EXPECT_EQ(queue_.TryGet(), std::nullopt);
}

TEST_F(WorkQueueTest, DoesNotHandOutAKeyThatIsBeingProcessed) {
  queue_.Add(kA);
  ASSERT_EQ(queue_.TryGet(), kA);
  queue_.Add(kA);
  EXPECT_EQ(queue_.TryGet(), std::nullopt);
  EXPECT_EQ(queue_.Depth(), 0U);
}

TEST_F(WorkQueueTest, ReAddsKeyThatBecameDirtyWhileProcessing) {
  queue_.Add(kA);
  ASSERT_EQ(queue_.TryGet(), kA);
  queue_.Add(kA);
  queue_.Add(kA);
  queue_.Done(kA);
  EXPECT_EQ(queue_.TryGet(), kA);
  queue_.Done(kA);
  EXPECT_EQ(queue_.TryGet(), std::nullopt);
}

TEST_F(WorkQueueTest, ForgetsAKeyThatStayedCleanWhileProcessing) {
  queue_.Add(kA);
  ASSERT_EQ(queue_.TryGet(), kA);
  queue_.Done(kA);
  EXPECT_EQ(queue_.TryGet(), std::nullopt);
}

TEST_F(WorkQueueTest, IgnoresDoneForAKeyThatNobodyHas) {
  queue_.Done(kA);
  EXPECT_EQ(queue_.TryGet(), std::nullopt);
}

TEST_F(WorkQueueTest, HoldsADelayedKeyUntilItIsDue) {
  queue_.AddAfter(kA, seconds(5));
  clock_.Advance(seconds(5) - std::chrono::nanoseconds(1));
  EXPECT_EQ(queue_.TryGet(), std::nullopt);
  EXPECT_EQ(queue_.Depth(), 0U);
  clock_.Advance(std::chrono::nanoseconds(1));
  EXPECT_EQ(queue_.Depth(), 1U);
  EXPECT_EQ(queue_.TryGet(), kA);
}

TEST_F(WorkQueueTest, AddsAtOnceWhenTheDelayIsNotPositive) {
  queue_.AddAfter(kA, seconds(0));
  queue_.AddAfter(kB, seconds(-1));
  EXPECT_EQ(queue_.TryGet(), kA);
  EXPECT_EQ(queue_.TryGet(), kB);
}

TEST_F(WorkQueueTest, HandsOutDelayedKeysInTheOrderOfTheirTimes) {
  queue_.AddAfter(kA, seconds(2));
  queue_.AddAfter(kB, seconds(1));
  clock_.Advance(seconds(3));
  EXPECT_EQ(queue_.TryGet(), kB);
  EXPECT_EQ(queue_.TryGet(), kA);
}

TEST_F(WorkQueueTest, CountsOnlyTheEarliestOfSeveralDelays) {
  queue_.AddAfter(kA, seconds(10));
  queue_.AddAfter(kA, seconds(2));
  queue_.AddAfter(kA, seconds(7));
  clock_.Advance(seconds(2));
  ASSERT_EQ(queue_.TryGet(), kA);
  queue_.Done(kA);
  clock_.Advance(seconds(60));
  EXPECT_EQ(queue_.TryGet(), std::nullopt);
}

TEST_F(WorkQueueTest, TakesANewDelayAfterTheEarlierOneHasPassed) {
  queue_.AddAfter(kA, seconds(1));
  clock_.Advance(seconds(1));
  ASSERT_EQ(queue_.TryGet(), kA);
  queue_.AddAfter(kA, seconds(10));
  queue_.Done(kA);
  EXPECT_EQ(queue_.TryGet(), std::nullopt);
  clock_.Advance(seconds(10));
  EXPECT_EQ(queue_.TryGet(), kA);
}

TEST_F(WorkQueueTest, KeepsADelayWhenTheKeyIsAddedInTheMeantime) {
  queue_.AddAfter(kA, seconds(5));
  queue_.Add(kA);
  ASSERT_EQ(queue_.TryGet(), kA);
  queue_.Done(kA);
  clock_.Advance(seconds(5));
  EXPECT_EQ(queue_.TryGet(), kA);
}

TEST_F(WorkQueueTest, MarksAProcessedKeyDirtyWhenItsDelayPasses) {
  queue_.Add(kA);
  ASSERT_EQ(queue_.TryGet(), kA);
  queue_.AddAfter(kA, seconds(1));
  clock_.Advance(seconds(2));
  EXPECT_EQ(queue_.TryGet(), std::nullopt);
  queue_.Done(kA);
  EXPECT_EQ(queue_.TryGet(), kA);
}

TEST_F(WorkQueueTest, TellsWhenTheNextDelayedKeyIsDue) {
  EXPECT_EQ(queue_.NextDue(), std::nullopt);
  const MonotonicTime now = clock_.Monotonic();
  queue_.AddAfter(kA, seconds(9));
  queue_.AddAfter(kA, seconds(4));
  EXPECT_EQ(queue_.NextDue(), now + seconds(4));
  clock_.Advance(seconds(4));
  ASSERT_EQ(queue_.TryGet(), kA);
  EXPECT_EQ(queue_.NextDue(), std::nullopt);
}

TEST_F(WorkQueueTest, DropsEverythingOnShutDown) {
  queue_.Add(kA);
  queue_.AddAfter(kB, seconds(1));
  queue_.ShutDown();
  clock_.Advance(seconds(1));
  EXPECT_EQ(queue_.TryGet(), std::nullopt);
  EXPECT_EQ(queue_.Get(), std::nullopt);
  EXPECT_EQ(queue_.Depth(), 0U);
}

TEST_F(WorkQueueTest, TakesNothingAfterShutDown) {
  queue_.Add(kA);
  ASSERT_EQ(queue_.TryGet(), kA);
  queue_.ShutDown();
  queue_.Add(kA);
  queue_.AddAfter(kB, seconds(1));
  queue_.Done(kA);
  EXPECT_EQ(queue_.Depth(), 0U);
  EXPECT_EQ(queue_.NextDue(), std::nullopt);
}

}  // namespace
}  // namespace committest::kube
