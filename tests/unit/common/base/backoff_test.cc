#include "common/base/backoff.h"

#include <climits>

#include <gtest/gtest.h>

namespace committest {
namespace {

using std::chrono::milliseconds;

constexpr BackoffPolicy kPolicy{milliseconds(100), milliseconds(1000), 0.5};

TEST(Backoff, DoublesUntilTheMaximum) {
  EXPECT_EQ(BackoffDelay(kPolicy, 1), milliseconds(100));
  EXPECT_EQ(BackoffDelay(kPolicy, 2), milliseconds(200));
  EXPECT_EQ(BackoffDelay(kPolicy, 4), milliseconds(800));
  EXPECT_EQ(BackoffDelay(kPolicy, 5), milliseconds(1000));
}

TEST(Backoff, IsTotalOverEveryCount) {
  EXPECT_EQ(BackoffDelay(kPolicy, INT_MIN), milliseconds(100));
  EXPECT_EQ(BackoffDelay(kPolicy, 0), milliseconds(100));
  EXPECT_EQ(BackoffDelay(kPolicy, INT_MAX), milliseconds(1000));
}

TEST(Backoff, JitterOnlyAddsAndStaysWithinItsShare) {
  const auto random = MakeSeededRandom(7);
  bool varies = false;
  for (int i = 0; i < 1000; ++i) {
    const auto delay = BackoffDelay(kPolicy, 2, *random);
    EXPECT_GE(delay, milliseconds(200));
    EXPECT_LE(delay, milliseconds(300));
    varies = varies || delay != milliseconds(200);
  }
  EXPECT_TRUE(varies);
}

TEST(Random, TheSameSeedGivesTheSameSequence) {
  const auto first = MakeSeededRandom(42), second = MakeSeededRandom(42);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(first->Next(), second->Next());
}

TEST(Random, FractionsAreBelowOne) {
  const auto random = MakeSystemRandom();
  for (int i = 0; i < 1000; ++i) {
    const double fraction = random->Fraction();
    EXPECT_GE(fraction, 0.0);
    EXPECT_LT(fraction, 1.0);
  }
}

}  // namespace
}  // namespace committest
