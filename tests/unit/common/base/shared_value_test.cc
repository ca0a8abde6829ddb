#include "common/base/shared_value.h"

#include <string>

#include <gtest/gtest.h>

namespace committest {
namespace {

using Text = SharedValue<std::string>;

TEST(SharedValue, SharesTheDefaultHoweverItWasMade) {
  EXPECT_EQ(&*Text(), &*Text());
  EXPECT_EQ(&*Text(std::string()), &*Text());
}

TEST(SharedValue, SharesAmongCopies) {
  const Text one(std::string("x"));
  const Text copy = one;  // NOLINT(performance-unnecessary-copy-initialization): that is the test.
  EXPECT_EQ(&*one, &*copy);
  EXPECT_EQ(one->size(), 1U);
}

TEST(SharedValue, ComparesValues) {
  EXPECT_EQ(Text(std::string("x")), Text(std::string("x")));
  EXPECT_NE(Text(std::string("x")), Text());
}

}  // namespace
}  // namespace committest
