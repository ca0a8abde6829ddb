#include "common/http/proxy.h"

#include <map>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace committest::http {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

Result<ProxySettings> Of(const std::map<std::string, std::string>& environment) {
  return ReadProxySettings([&](const std::string& name) {
    const auto it = environment.find(name);
    return it == environment.end() ? std::string() : it->second;
  });
}

// "host:port" of the proxy to `url`, empty for none.
std::string Way(const Result<ProxySettings>& settings, const std::string& url) {
  const Proxy* proxy = settings->For(*ParseEndpoint(url));
  return proxy == nullptr ? "" : proxy->Name();
}

TEST(ReadProxySettings, WithoutVariablesThereAreNone) {
  const auto settings = Of({{"no_proxy", "example.org"}, {"all_proxy", "http://all:1"}});
  ASSERT_TRUE(settings);
  EXPECT_EQ(Way(settings, "https://git.example.org"), "");
  EXPECT_EQ(Way(settings, "http://git.example.org"), "");
}

TEST(ReadProxySettings, LowerCaseComesBeforeUpperCase) {
  const auto settings = Of({{"HTTPS_PROXY", "http://upper:1"},
                            {"https_proxy", "http://lower:2"},
                            {"HTTP_PROXY", "only-upper:3"},
                            {"NO_PROXY", "upper.example"},
                            {"no_proxy", "lower.example"}});
  ASSERT_TRUE(settings);
  EXPECT_EQ(Way(settings, "https://git.example.org"), "lower:2");
  EXPECT_EQ(Way(settings, "http://git.example.org"), "only-upper:3");
  EXPECT_EQ(Way(settings, "https://upper.example"), "lower:2");
  EXPECT_EQ(Way(settings, "https://lower.example"), "");
}

TEST(ReadProxySettings, EachIsForItsOwnScheme) {
  const auto settings = Of({{"HTTPS_PROXY", "http://p:1"}});
  ASSERT_TRUE(settings);
  EXPECT_EQ(Way(settings, "https://git.example.org"), "p:1");
  EXPECT_EQ(Way(settings, "http://git.example.org"), "");
}

TEST(ReadProxySettings, TakesTheseForms) {
  struct Row {
    const char* value;
    const char* name;
    const char* url;
    const char* authorization;
  };
  const std::vector<Row> rows = {
      {"http://proxy.example.org:3128", "proxy.example.org:3128", "http://proxy.example.org:3128",
       ""},
      {"http://proxy.example.org:3128/", "proxy.example.org:3128", "http://proxy.example.org:3128",
       ""},
      {" HTTP://proxy ", "proxy:80", "http://proxy:80", ""},
      {"proxy:3128", "proxy:3128", "http://proxy:3128", ""},
      {"http://[2001:db8::1]:3128", "[2001:db8::1]:3128", "http://[2001:db8::1]:3128", ""},
      {"10.0.0.1:3128", "10.0.0.1:3128", "http://10.0.0.1:3128", ""},
      {"http://us%40er:p%3Aw@p:1", "p:1", "http://us%40er:p%3Aw@p:1", "Basic dXNAZXI6cDp3"},
      {"user:pass@p:1", "p:1", "http://user:pass@p:1", "Basic dXNlcjpwYXNz"},
      {"http://user@p:1", "p:1", "http://user:@p:1", "Basic dXNlcjo="},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.value);
    const auto settings = Of({{"https_proxy", row.value}});
    ASSERT_TRUE(settings) << settings.error().message;
    EXPECT_EQ(settings->https->Name(), row.name);
    EXPECT_EQ(settings->https->url.Reveal(), row.url);
    EXPECT_EQ(settings->https->authorization.Reveal(), row.authorization);
  }
}

TEST(ReadProxySettings, RefusesEverythingElseWithoutShowingCredentials) {
  struct Row {
    const char* value;
    const char* shown;
  };
  const std::vector<Row> rows = {
      {"socks5://user:secret@p:1", "'socks5://***@p…'"},
      {"https://p:443", "'https://p…'"},
      {"http://user:secret@", "'http://***@'"},
      {"http://user:secret", "'http://user…'"},
      {"http://user:se/cret@p:1", "'http://***@p…'"},
      {"http://user:se@cret@p:1", "'http://***@p…'"},
      {"http://user:se%zzcret@p:1", "'http://***@p…'"},
      {"http://user:se%4", "'http://user…'"},
      {"http://user:secret%0d%0aX: y@p:1", "'http://***@p…'"},
      {"http://user:secr\xC3\xA9t@p:1", "'http://***@p…'"},
      {"http://p:0", "'http://p…'"},
      {"http://p:secret", "'http://p…'"},
      {"http://p/secret", "'http://p…'"},
      {"http://p q", "'http://p q'"},
      {"http://", "'http://'"},
      {"user:secret@p\nq:1", "'***@p q…'"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.value);
    const auto settings = Of({{"HTTPS_PROXY", row.value}});
    ASSERT_FALSE(settings);
    EXPECT_EQ(settings.error().code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(settings.error().message,
                AllOf(HasSubstr(std::string("HTTPS_PROXY is ") + row.shown +
                                ", expected http://[user:password@]host[:port]"),
                      Not(HasSubstr("secr")), Not(HasSubstr("cret"))));
  }
  EXPECT_THAT(Of({{"http_proxy", "x://"}}).error().message, HasSubstr("http_proxy is 'x://'"));
}

TEST(ReadProxySettings, KnowsWhatMustNotBeSeen) {
  const auto settings = Of({{"https_proxy", "http://user:p%40ssword@p:1"}, {"http_proxy", "p:1"}});
  ASSERT_TRUE(settings);
  EXPECT_EQ(settings->https->secrets,
            (std::vector{SecretText("dXNlcjpwQHNzd29yZA=="), SecretText("p@ssword")}));
  EXPECT_THAT(settings->http->secrets, IsEmpty());
}

TEST(ProxySettings, NoProxyExcepts) {
  struct Row {
    const char* entries;
    const char* url;
    bool is_excepted;
  };
  const std::vector<Row> rows = {
      {"", "https://git.example.org", false},
      {"*", "https://git.example.org", true},
      {"*", "https://10.0.0.1", true},
      {"example.org", "https://example.org", true},
      {"example.org", "https://git.example.org", true},
      {"example.org", "https://badexample.org", false},
      {"example.org", "https://example.org.example.net", false},
      {".example.org", "https://git.example.org", true},
      {".example.org", "https://example.org", true},
      {".example.org", "https://badexample.org", false},
      {"*.example.org", "https://git.example.org", true},
      {"git.*.org", "https://git.example.org", false},
      {"git.example.org", "https://example.org", false},
      {"EXAMPLE.org", "https://Git.Example.ORG", true},
      {"example.org.", "https://example.org", true},
      {"example.org", "https://example.org.", true},
      {"a, git.example.org ,b", "https://git.example.org", true},
      {"a git.example.org\tb", "https://git.example.org", true},
      {"a,,b", "https://git.example.org", false},
      {".", "https://git.example.org", false},
      {"*.", "https://git.example.org", false},
      {"git.example.org:8443", "https://git.example.org:8443", true},
      {"git.example.org:8443", "https://git.example.org", false},
      {"git.example.org:443", "https://git.example.org", true},
      {".example.org:443", "https://git.example.org", true},
      {"https://git.example.org", "https://git.example.org", false},
      {"10.1.2.3", "https://10.1.2.3:3000", true},
      {"10.1.2.3:3000", "https://10.1.2.3:3000", true},
      {"10.1.2.3:3001", "https://10.1.2.3:3000", false},
      {"2.3", "https://10.1.2.3", false},
      {"10.0.0.0/8", "https://10.1.2.3", true},
      {"10.0.0.0/8", "https://11.1.2.3", false},
      {"10.0.0.0/8", "https://10.example.org", false},
      {"10.0.0.0/99", "https://10.0.0.0", false},
      {"0.0.0.0/0", "https://10.1.2.3", true},
      {"::1", "https://[::1]", true},
      {"[::1]", "https://[::1]", true},
      {"[::1]:443", "https://[::1]", true},
      {"[::1]:444", "https://[::1]", false},
      {"[::1", "https://[::1]", false},
      {"fd00::/8", "https://[fd12::1]", true},
      {"fd00::/8", "https://[fe80::1]", false},
      {".svc,.cluster.local", "https://gitea.git.svc:3000", true},
      {".svc,.cluster.local", "https://gitea.git:3000", false},
      {"127.0.0.1", "https://localhost", false},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(std::string("'") + row.entries + "' for " + row.url);
    const auto settings = Of({{"https_proxy", "http://proxy:3128"}, {"no_proxy", row.entries}});
    ASSERT_TRUE(settings);
    EXPECT_EQ(Way(settings, row.url).empty(), row.is_excepted);
  }
}

}  // namespace
}  // namespace committest::http
