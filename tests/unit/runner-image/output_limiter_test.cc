#include "runner-image/output_limiter.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace committest::runner {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// What comes out for these pieces.
std::string Limited(std::uint64_t head, std::size_t tail, const std::vector<std::string>& pieces) {
  std::string shown;
  OutputLimiter limiter(head, tail, [&shown](std::string_view text) { shown.append(text); });
  for (const std::string& piece : pieces) limiter.Feed(piece);
  limiter.Finish();
  return shown;
}

TEST(OutputLimiter, PassesOnWhatFitsIntoTheHead) {
  EXPECT_EQ(Limited(10, 4, {"hello", "world"}), "helloworld");
}

TEST(OutputLimiter, LosesNothingThatFitsIntoHeadAndTail) {
  EXPECT_EQ(Limited(5, 5, {"hel", "lowor", "ld"}), "helloworld");
}

TEST(OutputLimiter, KeepsHeadAndTailAndSaysWhatIsMissing) {
  const std::string shown = Limited(4, 3, {"headXXXXXXXX", "YYYYend"});
  EXPECT_THAT(shown, StartsWith("head\n["));
  EXPECT_THAT(shown, HasSubstr("12 bytes left out"));
  EXPECT_THAT(shown, EndsWith("follows]\nend"));
}

TEST(OutputLimiter, KeepsTheTailWhateverThePieces) {
  std::string text;
  for (int i = 0; i < 1000; ++i) text += std::to_string(i) + ",";
  for (std::size_t size = 1; size < 60; ++size) {
    std::vector<std::string> pieces;
    for (std::size_t at = 0; at < text.size(); at += size) pieces.push_back(text.substr(at, size));
    const std::string shown = Limited(10, 37, pieces);
    EXPECT_THAT(shown, EndsWith("]\n" + text.substr(text.size() - 37))) << size;
  }
}

TEST(OutputLimiter, AnnouncesTheCutAtOnceAndOnlyOnce) {
  std::string shown;
  OutputLimiter limiter(2, 2, [&shown](std::string_view text) { shown.append(text); });
  limiter.Feed("abcd");
  EXPECT_THAT(shown, Not(HasSubstr("too long")));
  limiter.Feed("e");
  limiter.Feed("f");
  EXPECT_EQ(shown.find("too long"), shown.rfind("too long"));
  EXPECT_THAT(shown, HasSubstr("too long"));
}

TEST(OutputLimiter, WorksWithoutAHead) { EXPECT_THAT(Limited(0, 2, {"abc"}), EndsWith("]\nbc")); }

TEST(OutputLimiter, CountsWhatItLeftOut) {
  OutputLimiter limiter(3, 2, [](std::string_view) {});
  limiter.Feed(std::string(1000, 'x'));
  EXPECT_EQ(limiter.Total(), 1000U);
  EXPECT_EQ(limiter.Omitted(), 995U);
}

}  // namespace
}  // namespace committest::runner
