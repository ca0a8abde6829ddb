#include "runner-image/source_policy.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace committest::runner {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(CheckUrl, AcceptsHttpAndHttps) {
  for (const char* url : {"https://example.com/a.git", "http://127.0.0.1:8080/a/.git",
                          "HTTPS://example.com", "http://[::1]:80/a", "https://h/a@b"}) {
    EXPECT_TRUE(CheckUrl(url)) << url;
  }
}

TEST(CheckUrl, RefusesEverythingElse) {
  for (const char* url : {"",
                          "ext::sh -c x",
                          "file:///etc",
                          "/etc",
                          "git://h/a",
                          "ssh://h/a",
                          "git@h:a",
                          "-u",
                          "http",
                          "http:",
                          "http:/h",
                          "http://",
                          "http:///a",
                          "http://-oProxy/a",
                          "http://:80/a",
                          "https://h/a b",
                          "https://h/\n",
                          "https://h/\x7f",
                          "ftp://h",
                          "https::ext::x"}) {
    const Status status = CheckUrl(url);
    ASSERT_FALSE(status) << url;
    EXPECT_EQ(status.error().code, ErrorCode::kInvalidArgument);
  }
}

TEST(CheckUrl, SaysWhatToDoAboutSsh) {
  const Status status = CheckUrl("ssh://git@h/a.git");
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().message, HasSubstr("ssh://git@h/a.git' needs an ssh key"));
  EXPECT_THAT(status.error().message, HasSubstr("expected an https:// or http://"));
}

TEST(CheckUrl, RefusesUserinfoAndDoesNotRepeatIt) {
  for (const char* url : {"https://user:secret@h/a", "https://secret@h"}) {
    const Status status = CheckUrl(url);
    ASSERT_FALSE(status) << url;
    EXPECT_THAT(status.error().message, Not(HasSubstr("secret")));
  }
}

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
