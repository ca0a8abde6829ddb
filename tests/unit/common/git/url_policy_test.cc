#include "common/git/url_policy.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace committest::git {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr UrlPolicy kStrict{};
constexpr UrlPolicy kWithHttp{.allow_http = true};

std::string Refusal(std::string_view url, const UrlPolicy& policy = kStrict) {
  const auto checked = CheckUrl(url, policy);
  if (checked) return "accepted";
  EXPECT_EQ(checked.error().code, ErrorCode::kInvalidArgument);
  return checked.error().message;
}

TEST(UrlPolicy, TakesAnHttpsUrlApart) {
  const auto url = CheckUrl("https://Git.Example.org:8443/team/app.git/", kStrict);
  ASSERT_TRUE(url);
  EXPECT_EQ(*url, (GitUrl{"https", "git.example.org", 8443, "/team/app.git", ""}));
  EXPECT_EQ(url->Origin(), "https://git.example.org:8443");
  EXPECT_EQ(url->ToString(), "https://git.example.org:8443/team/app.git");
}

TEST(UrlPolicy, LeavesTheUsualPortOut) {
  EXPECT_EQ(CheckUrl("https://h/x", kStrict)->ToString(), "https://h/x");
  EXPECT_EQ(CheckUrl("https://h:443/x", kStrict)->ToString(), "https://h/x");
  EXPECT_EQ(CheckUrl("http://h:80/x", kWithHttp)->ToString(), "http://h/x");
}

TEST(UrlPolicy, AcceptsAddressesAsHosts) {
  EXPECT_EQ(CheckUrl("https://192.0.2.1/x", kStrict)->host, "192.0.2.1");
  const auto v6 = CheckUrl("https://[2001:DB8::1]:8443/x", kStrict);
  ASSERT_TRUE(v6);
  EXPECT_EQ(v6->host, "2001:db8::1");
  EXPECT_EQ(v6->Origin(), "https://[2001:db8::1]:8443");
}

TEST(UrlPolicy, AllowsHttpOnlyWhereItIsAllowed) {
  EXPECT_THAT(Refusal("http://git.ci.svc/app.git"), HasSubstr("does not allow"));
  EXPECT_TRUE(CheckUrl("http://git.ci.svc/app.git", kWithHttp));
}

TEST(UrlPolicy, TakesSshAddressesWithAUserApart) {
  const auto url = CheckUrl("ssh://git@Example.org:2222/team/app.git/", kStrict);
  ASSERT_TRUE(url) << url.error().message;
  EXPECT_EQ(*url, (GitUrl{"ssh", "example.org", 2222, "/team/app.git", "git"}));
  EXPECT_EQ(url->ToString(), "ssh://git@example.org:2222/team/app.git");
  EXPECT_EQ(CheckUrl("ssh://git@h:22/~bob/app", kStrict)->ToString(), "ssh://git@h/~bob/app");
}

TEST(UrlPolicy, RefusesSshAddressesThatSshCouldMisread) {
  for (const char* url :
       {"ssh://example.org/app", "ssh://@example.org/app", "ssh://git:pw@example.org/app",
        "ssh://-oProxyCommand=id@example.org/app", "ssh://git@-oProxyCommand=id/app",
        "ssh://a@b@example.org/app", "ssh://git;id@example.org/app", "ssh://git@exa$(id)mple/app",
        "ssh://git@example.org/a%27b", "ssh://git@example.org/a'b", "ssh://git@example.org",
        "git+ssh://git@example.org/app", "ssh://git@example.org:0/app"}) {
    EXPECT_NE(Refusal(url), "accepted") << url;
  }
  EXPECT_THAT(Refusal("ssh://git:hunter2@example.org/app"), Not(HasSubstr("hunter2")));
  EXPECT_THAT(Refusal("git@example.org:app.git"),
              HasSubstr("expected https://host/path or ssh://"));
}

TEST(UrlPolicy, RefusesOtherSchemesAndLocalPaths) {
  for (const char* url :
       {"file:///etc/passwd", "ext::sh -c id", "ext::sh", "git://example.org/app", "ftp://h/x",
        "/srv/git/app.git", "./app", "../app", "-oProxyCommand=id", "--upload-pack=id", "", "https",
        "https:", "https:/h/x", "javascript:alert(1)", "gopher://h/x", "fd::0"}) {
    EXPECT_NE(Refusal(url, kWithHttp), "accepted") << url;
  }
}

TEST(UrlPolicy, RefusesUserNamesAndPasswordsWithoutRepeatingThem) {
  const std::string refusal = Refusal("https://bob:hunter2@example.org/app.git");
  EXPECT_THAT(refusal, HasSubstr("user name or password"));
  EXPECT_THAT(refusal, Not(HasSubstr("hunter2")));
  EXPECT_THAT(Refusal("ftp://bob:hunter2@example.org/app.git"), Not(HasSubstr("hunter2")));
}

TEST(UrlPolicy, RefusesHostsThatAreNone) {
  for (const char* url :
       {"https:///app", "https://-evil/app", "https://a..b/app", "https://a b/app",
        "https://exa mple.org/x", "https://[::1/app", "https://[zz]/app", "https://[::1]x/app",
        "https://h:0/x", "https://h:65536/x", "https://h:/x", "https://h:8a/x", "https://$(id)/x",
        "https://a;b/x", "https://:80/x"}) {
    EXPECT_NE(Refusal(url), "accepted") << url;
  }
}

TEST(UrlPolicy, RefusesPathsThatAreNoRepository) {
  for (const char* url :
       {"https://h", "https://h/", "https://h//", "https://h/a/../b", "https://h/./b",
        "https://h/a?token=x", "https://h/a#b", "https://h/a\"b", "https://h/a\\b", "https://h/a'b",
        "https://h/a b", "https://h/a\nb", "https://h/a\x7f", "https://h/caf\xc3\xa9",
        "https://h/a`b", "https://h/a;b", "https://h/a|b", "https://h/a<b"}) {
    EXPECT_NE(Refusal(url), "accepted") << url;
  }
}

TEST(UrlPolicy, BoundsTheLength) {
  const std::string prefix = "https://h/";
  EXPECT_TRUE(CheckUrl(prefix + std::string(2048 - prefix.size(), 'a'), kStrict));
  EXPECT_THAT(Refusal(prefix + std::string(2049 - prefix.size(), 'a')), HasSubstr("longer"));
}

TEST(UrlPolicy, GivesNothingToQuoteInAConfigurationFile) {
  for (int c = 1; c < 256; ++c) {
    const std::string url = std::string("https://h/a") + static_cast<char>(c) + "b";
    const auto checked = CheckUrl(url, kStrict);
    if (!checked) continue;
    EXPECT_EQ(checked->ToString().find_first_of("\"\\\n\r#;'` \t"), std::string::npos) << c;
  }
}

}  // namespace
}  // namespace committest::git
