#include "runner-image/source_policy.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace committest::runner {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(CheckRef, AcceptsRefsOfAnyKind) {
  for (const char* ref : {"", "refs/heads/main", "refs/heads/feature/x-1", "refs/tags/v1.0",
                          "refs/pull/12/head", "refs/heads/\xC3\xBC"}) {
    EXPECT_TRUE(CheckRef(ref)) << ref;
  }
}

TEST(CheckRef, RefusesWhatGitWouldReadAsSomethingElse) {
  for (const char* ref : {"main",
                          "HEAD",
                          "--upload-pack=x",
                          "refs/heads/a:refs/heads/b",
                          "+refs/heads/a",
                          "refs/heads/a..b",
                          "refs/heads/a b",
                          "refs/heads/*",
                          "refs/heads/a^",
                          "refs/heads/a~1",
                          "refs/heads/a?",
                          "refs/heads/[",
                          "refs/heads/a\\b",
                          "refs/heads/a@{1}",
                          "refs/heads/.a",
                          "refs/heads/a.lock",
                          "refs/heads/",
                          "refs//a",
                          "refs/heads/a.",
                          "refs/heads/a\n"}) {
    EXPECT_FALSE(CheckRef(ref)) << ref;
  }
}

TEST(CheckRef, RefusesRefsThatAreTooLong) {
  EXPECT_FALSE(CheckRef("refs/heads/" + std::string(300, 'a')));
}

}  // namespace
}  // namespace committest::runner
