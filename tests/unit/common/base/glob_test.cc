#include "common/base/glob.h"

#include <chrono>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace committest {
namespace {

struct Case {
  const char* pattern;
  const char* path;
  bool matches;
};

TEST(Glob, MatchesAsTheTableSays) {
  const std::vector<Case> cases = {
      {"junit.xml", "junit.xml", true},
      {"junit.xml", "a/junit.xml", false},
      {"*.xml", "junit.xml", true},
      {"*.xml", "a/junit.xml", false},
      {"**/junit*.xml", "junit.xml", true},
      {"**/junit*.xml", "a/b/c/junit-1.xml", true},
      {"**/junit*.xml", "a/b/c/other.xml", false},
      {"build/**", "build/a/b", true},
      {"build/**", "build", true},
      {"build/**/r.xml", "build/r.xml", true},
      {"build/**/r.xml", "other/r.xml", false},
      {"a/**/b/**/c", "a/x/b/y/b/z/c", true},
      {"a/**/b/**/c", "a/x/y/c", false},
      {"a**b", "axxb", true},
      {"a**b", "a/b", false},
      {"r?.xml", "r1.xml", true},
      {"r?.xml", "r12.xml", false},
      {"r?.xml", "r\xC3\xA4.xml", true},
      {"r?.xml", "r\xFF.xml", true},
      {"?", "/", false},
      {"./a//b.xml", "a/b.xml", true},
      {"[ab].xml", "a.xml", false},
      {"*", ".hidden", true},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(std::string(c.pattern) + " and " + c.path);
    EXPECT_EQ(GlobMatches(c.pattern, c.path), c.matches);
  }
}

TEST(Glob, SaysWhatItCoversBelowAFolder) {
  struct Below {
    const char* pattern;
    const char* folder;
    GlobCover cover;
  };
  const std::vector<Below> cases = {
      {"docs/**", "docs", GlobCover::kAll},
      {"docs/**", "docs/a/b", GlobCover::kAll},
      {"docs/**", "src", GlobCover::kNone},
      {"docs/**", "", GlobCover::kSome},
      {"**", "", GlobCover::kAll},
      {"**/*.md", "src", GlobCover::kSome},
      {"*.md", "src", GlobCover::kNone},
      {"*.md", "", GlobCover::kSome},
      {"src/*/x/**", "src", GlobCover::kSome},
      {"src/*/x/**", "src/a", GlobCover::kSome},
      {"src/*/x/**", "src/a/x", GlobCover::kAll},
      {"src/*/x/**", "src/a/y", GlobCover::kNone},
      {"a/**/b/**", "a/x", GlobCover::kSome},
      {"a/**/b/**", "a/x/b", GlobCover::kAll},
      {"a/b", "a/b", GlobCover::kNone},
      {"a/b/c", "a", GlobCover::kSome},
  };
  for (const Below& c : cases) {
    SCOPED_TRACE(std::string(c.pattern) + " below " + c.folder);
    EXPECT_EQ(GlobCoversBelow(c.pattern, c.folder), c.cover);
  }
}

TEST(Glob, DoesNotTakeExponentialTimeForManyStars) {
  std::string pattern;
  std::string path;
  for (int i = 0; i < 30; ++i) pattern += "**/a*a*a*/";
  for (int i = 0; i < 60; ++i) path += std::string(60, 'a') + "/";
  const auto start = std::chrono::steady_clock::now();
  EXPECT_FALSE(GlobMatches(pattern + "b", path + "a"));
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
}

TEST(Glob, RefusesPatternsThatLeaveTheCheckout) {
  for (const char* pattern : {"", "/", ".", "/etc/*.xml", "../x.xml", "a/../../x.xml", "a/.."}) {
    SCOPED_TRACE(pattern);
    const Status status = CheckGlob(pattern);
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, ErrorCode::kInvalidArgument);
  }
}

TEST(Glob, AcceptsPatternsInsideTheCheckout) {
  for (const char* pattern : {"**/junit*.xml", "a/b.xml", "..a/b", "a..b"}) {
    EXPECT_TRUE(CheckGlob(pattern)) << pattern;
  }
}

}  // namespace
}  // namespace committest
