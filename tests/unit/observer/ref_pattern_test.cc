#include "observer/ref_pattern.h"

#include <chrono>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace committest::observer {
namespace {

bool Matches(std::string_view pattern, std::string_view ref) {
  const auto parsed = RefPattern::Parse(pattern);
  EXPECT_TRUE(parsed) << pattern;
  return parsed && parsed->Matches(ref);
}

TEST(IsAllowedRefName, AcceptsUsualNames) {
  for (const char* name :
       {"refs/heads/main", "refs/heads/feature/x-1", "refs/tags/v1.2.3", "refs/pull/12/head",
        "refs/heads/release_2024+rc", "refs/heads/dependabot/npm/@babel", "refs/heads/fix#12"}) {
    EXPECT_TRUE(IsAllowedRefName(name)) << name;
  }
}

TEST(IsAllowedRefName, RefusesNamesThatCouldBeMoreThanNames) {
  for (const char* name : {"",
                           "main",
                           "HEAD",
                           "refs",
                           "refs/",
                           "refs/heads/",
                           "refs//main",
                           "refs/heads/../x",
                           "refs/heads/a..b",
                           "refs/heads/-x",
                           "-refs/heads/x",
                           "refs/heads/x.lock",
                           "refs/heads/x.lock/y",
                           "refs/heads/.x",
                           "refs/heads/x.",
                           "refs/heads/x y",
                           "refs/heads/x\n",
                           "refs/heads/x\ty",
                           "refs/heads/x~1",
                           "refs/heads/x^",
                           "refs/heads/x:y",
                           "refs/heads/x*",
                           "refs/heads/x?",
                           "refs/heads/[x]",
                           "refs/heads/x\\y",
                           "refs/heads/@{1}",
                           "refs/heads/x'y",
                           "refs/heads/x\"y",
                           "refs/heads/x|y",
                           "refs/heads/x\xc3\xa9"}) {
    EXPECT_FALSE(IsAllowedRefName(name)) << name;
  }
}

TEST(IsAllowedRefName, BoundsTheLength) {
  EXPECT_TRUE(IsAllowedRefName("refs/heads/" + std::string(kMaxRefBytes - 11, 'x')));
  EXPECT_FALSE(IsAllowedRefName("refs/heads/" + std::string(kMaxRefBytes - 10, 'x')));
}

TEST(RefPattern, MatchesAFullNameExactly) {
  EXPECT_TRUE(Matches("refs/heads/main", "refs/heads/main"));
  EXPECT_FALSE(Matches("refs/heads/main", "refs/heads/mainline"));
  EXPECT_FALSE(Matches("refs/heads/main", "refs/heads/mai"));
  EXPECT_FALSE(Matches("refs/heads/main", ""));
}

TEST(RefPattern, StarStaysWithinAComponent) {
  EXPECT_TRUE(Matches("refs/heads/release/*", "refs/heads/release/1.2"));
  EXPECT_TRUE(Matches("refs/heads/*", "refs/heads/main"));
  EXPECT_TRUE(Matches("refs/heads/v*-rc", "refs/heads/v1-rc"));
  EXPECT_TRUE(Matches("refs/heads/v*", "refs/heads/v"));
  EXPECT_FALSE(Matches("refs/heads/*", "refs/heads/release/1.2"));
  EXPECT_FALSE(Matches("refs/heads/v*-rc", "refs/heads/v1-rc2"));
}

TEST(RefPattern, DoubleStarCrossesComponents) {
  EXPECT_TRUE(Matches("refs/heads/**", "refs/heads/a/b/c"));
  EXPECT_TRUE(Matches("refs/**/head", "refs/pull/12/head"));
  EXPECT_FALSE(Matches("refs/heads/**", "refs/tags/a"));
}

TEST(RefPattern, QuestionMarkIsOneCharacterButNoSlash) {
  EXPECT_TRUE(Matches("refs/heads/v?", "refs/heads/v1"));
  EXPECT_FALSE(Matches("refs/heads/v?", "refs/heads/v"));
  EXPECT_FALSE(Matches("refs/heads/v?", "refs/heads/v12"));
  EXPECT_FALSE(Matches("refs/heads?main", "refs/heads/main"));
}

TEST(RefPattern, KnowsItsLiteralPrefix) {
  EXPECT_EQ(RefPattern::Parse("refs/heads/rel*/x")->LiteralPrefix(), "refs/heads/rel");
  EXPECT_EQ(RefPattern::Parse("refs/heads/main")->LiteralPrefix(), "refs/heads/main");
  EXPECT_EQ(RefPattern::Parse("refs/heads/v?*")->LiteralPrefix(), "refs/heads/v");
}

TEST(RefPattern, TakesShortTimeForAnyPattern) {
  std::string pattern = "refs/heads/";
  while (pattern.size() + 2 < kMaxRefBytes) pattern.append("a*");
  const std::string ref = "refs/heads/" + std::string(kMaxRefBytes - 12, 'a') + "b";
  const auto start = std::chrono::steady_clock::now();
  EXPECT_FALSE(Matches(pattern + "c", ref));
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(1));
}

TEST(ParseRefPatterns, NamesTheEntryTheValueAndWhatWasExpected) {
  const auto patterns = ParseRefPatterns({"refs/heads/main", "master"});
  ASSERT_FALSE(patterns);
  EXPECT_EQ(patterns.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(patterns.error().message,
              ::testing::StartsWith("spec.refs[1] is 'master', expected a full ref name"));
}

TEST(ParseRefPatterns, RefusesOptionsAndPaths) {
  for (const char* text : {"--upload-pack=x", "refs/heads/../*", "refs/heads/$(x)", "*", "", "/"}) {
    EXPECT_FALSE(ParseRefPatterns({text})) << text;
  }
}

}  // namespace
}  // namespace committest::observer
