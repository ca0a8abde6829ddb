#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/clock.h"
#include "common/http/network.h"
#include "tests/support/scripted_server.h"

// What the guarded client says to a proxy, and what it makes of the answers.

namespace committest::http {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::RawSocket;
using testing::ScriptedServer;
using ::testing::StartsWith;

constexpr char kOk[] = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
constexpr char kConnected[] = "HTTP/1.1 200 Connection established\r\n\r\n";
constexpr char kGivenCredentials[] = "Authorization: Basic canary";
constexpr char kProxyAuthorization[] = "Proxy-Authorization: Basic dXNlcjpwYXNzd29yZA==\r\n";

class ThroughProxyTest : public ::testing::Test {
 protected:
  // All but what `exceptions` says goes through a proxy on this port of loopback, which no policy
  // allows but the one for `words`.
  void Use(std::uint16_t port, const std::string& exceptions = "",
           const std::vector<std::string>& words = {}) {
    const std::string url = "http://user:password@127.0.0.1:" + std::to_string(port);
    NetworkOptions options;
    options.addresses = *ParseAddressPolicy(words);
    options.proxies = *ReadProxySettings(
        [&](const std::string& name) { return name == "no_proxy" ? exceptions : url; });
    network_ = std::make_shared<Network>(options, clock_);
  }

  Result<Response> Ask(const std::string& url) {
    ClientOptions options;
    options.endpoint = url;
    Request request;
    request.target = "/app/info/refs?service=git-upload-pack";
    request.headers = {{"Authorization", "Basic canary"}};
    Limits limits;
    limits.total = 5s;
    limits.idle = 1s;
    return (*MakeGuardedClient(options, network_, clock_))->Send(request, limits, {});
  }
  Error ErrorOf(const std::string& url) {
    const auto answer = Ask(url);
    EXPECT_FALSE(answer);
    return answer ? Error() : answer.error();
  }

  SystemClock clock_;
  std::shared_ptr<Network> network_;
};

TEST_F(ThroughProxyTest, HttpIsAskedInAbsoluteForm) {
  ScriptedServer proxy({ScriptedServer::Answering(kOk)});
  Use(proxy.Port());
  const auto answer = Ask("http://git.invalid:3000");
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->body, "hello");
  EXPECT_THAT(proxy.Requests().at(0),
              AllOf(StartsWith("GET http://git.invalid:3000/app/info/refs?service=git-upload-pack "
                               "HTTP/1.1\r\nHost: git.invalid:3000\r\n"),
                    HasSubstr(kProxyAuthorization), HasSubstr(kGivenCredentials)));
}

TEST_F(ThroughProxyTest, HttpsIsSpokenInATunnel) {
  std::promise<std::string> hello;
  ScriptedServer proxy({[&](ScriptedServer& self, RawSocket& connection) {
    self.ReadRequest(connection);
    connection.Send(kConnected);
    hello.set_value(connection.Receive(3));
  }});
  Use(proxy.Port());
  const Error error = ErrorOf("https://git.invalid");
  // From here on it is the server's fault.
  EXPECT_EQ(error.reason, kNotSent);
  EXPECT_THAT(error.message, Not(HasSubstr("proxy")));
  EXPECT_THAT(proxy.Requests().at(0),
              AllOf(StartsWith("CONNECT git.invalid:443 HTTP/1.1\r\nHost: git.invalid:443\r\n"),
                    HasSubstr(kProxyAuthorization), Not(HasSubstr("canary"))));
  EXPECT_EQ(hello.get_future().get(), "\x16\x03\x01") << "a TLS handshake";
}

TEST_F(ThroughProxyTest, AnIpv6AddressIsNamedInBrackets) {
  ScriptedServer proxy({ScriptedServer::Answering("HTTP/1.1 503 No\r\n\r\n")});
  Use(proxy.Port());
  EXPECT_THAT(ErrorOf("https://[2606:4700::1]:8443").message,
              HasSubstr("it does not connect to [2606:4700::1]:8443 (HTTP 503)"));
  EXPECT_THAT(proxy.Requests().at(0), StartsWith("CONNECT [2606:4700::1]:8443 HTTP/1.1\r\n"));
}

TEST_F(ThroughProxyTest, WhatAProxyCannotDoIsSaidWithItsName) {
  struct Row {
    const char* url;
    const char* answer;
    const char* message;
  };
  for (const Row& row : {
           Row{"https://git.invalid", "HTTP/1.1 407 No\r\nContent-Length: 5\r\n\r\nnever",
               "it wants credentials, or others (HTTP 407)"},
           Row{"http://git.invalid", "HTTP/1.1 407 No\r\nContent-Length: 5\r\n\r\nnever",
               "it wants credentials, or others (HTTP 407)"},
           Row{"https://git.invalid", "HTTP/1.1 403 No\r\n\r\n",
               "it does not connect to git.invalid:443 (HTTP 403)"},
           Row{"https://git.invalid", "HTTP/1.1 302 Found\r\nLocation: http://login\r\n\r\n",
               "it does not connect to git.invalid:443 (HTTP 302)"},
           Row{"https://git.invalid", "HTTP/1.1 100 Continue\r\n\r\n",
               "it does not connect to git.invalid:443 (HTTP 100)"},
           Row{"https://git.invalid", "HTTP/1.1 200 OK\r\n\r\nhello",
               "it sends more than it was asked for"},
           Row{"https://git.invalid", "SSH-2.0-OpenSSH\r\n", "the answer is not HTTP"},
           Row{"https://git.invalid", "HTTP/1.1 200", "connection closed"},
       }) {
    SCOPED_TRACE(std::string(row.url) + " " + row.answer);
    ScriptedServer proxy({ScriptedServer::Answering(row.answer)});
    Use(proxy.Port());
    const Error error = ErrorOf(row.url);
    EXPECT_EQ(error.reason, kProxyFailed);
    EXPECT_THAT(error.message, HasSubstr(std::string(row.url) + ": the proxy 127.0.0.1:" +
                                         std::to_string(proxy.Port()) + ": " + row.message));
    EXPECT_THAT(error.message, AllOf(Not(HasSubstr("password")), Not(HasSubstr("dXNlcj"))));
  }
}

TEST_F(ThroughProxyTest, AProxyThatIsAwayOrSilentIsSaidWithItsName) {
  const auto unused = testing::UnusedPort();
  Use(unused);
  for (const char* url : {"http://git.invalid", "https://git.invalid"}) {
    const Error error = ErrorOf(url);
    EXPECT_EQ(error.code, ErrorCode::kUnavailable);
    EXPECT_EQ(error.reason, kProxyFailed);
    EXPECT_THAT(error.message, HasSubstr("the proxy 127.0.0.1:" + std::to_string(unused)));
  }
  ScriptedServer silent({ScriptedServer::Silent()});
  Use(silent.Port());
  const Error error = ErrorOf("https://git.invalid");
  EXPECT_EQ(error.code, ErrorCode::kDeadlineExceeded);
  EXPECT_EQ(error.reason, kProxyFailed);
}

TEST_F(ThroughProxyTest, AnyOtherAnswerToAForwardedRequestIsTheServers) {
  ScriptedServer proxy({ScriptedServer::Answering("HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n")});
  Use(proxy.Port());
  const auto answer = Ask("http://git.invalid");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 403);
}

TEST_F(ThroughProxyTest, AConnectionToTheProxyIsKept) {
  ScriptedServer proxy({[](ScriptedServer& self, RawSocket& connection) {
    for (int i = 0; i < 2; ++i) {
      self.ReadRequest(connection);
      connection.Send(kOk);
    }
  }});
  Use(proxy.Port());
  ClientOptions options;
  options.endpoint = "http://git.invalid";
  const auto client = std::move(*MakeGuardedClient(options, network_, clock_));
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(client->Send({}, {}, {}));
  EXPECT_EQ(proxy.Connections(), 1);
}

TEST_F(ThroughProxyTest, AddressesInTheUrlAreJudgedAllTheSame) {
  ScriptedServer proxy({ScriptedServer::Answering(kOk)});
  Use(proxy.Port());
  for (const char* host :
       {"169.254.169.254", "127.0.0.1", "10.0.0.1", "[::1]", "[::ffff:10.0.0.1]", "[fd00::1]",
        // As C libraries read them, which many proxies do.
        "2130706433", "127.1", "0x7f.0.0.1", "0177.0.0.1", "127.0.0.1.", "localhost", "LOCALHOST.",
        "git.localhost"}) {
    SCOPED_TRACE(host);
    for (const char* scheme : {"http://", "https://"}) {
      EXPECT_EQ(ErrorOf(std::string(scheme) + host).reason, kAddressRefused);
    }
  }
  EXPECT_EQ(proxy.Connections(), 0);
  Use(proxy.Port(), "", {"10.0.0.0/8"});
  EXPECT_TRUE(Ask("http://10.0.0.1"));
  EXPECT_TRUE(Ask("http://8.8.8.8"));
}

TEST_F(ThroughProxyTest, ExceptedServersAreAskedDirectlyAndJudged) {
  ScriptedServer proxy({ScriptedServer::Answering(kOk)});
  ScriptedServer server({ScriptedServer::Answering(kOk)});
  Use(proxy.Port(), "127.0.0.1");
  EXPECT_EQ(ErrorOf(server.Url()).reason, kAddressRefused);
  Use(proxy.Port(), "127.0.0.1", {"127.0.0.1"});
  EXPECT_TRUE(Ask(server.Url()));
  EXPECT_EQ(proxy.Connections(), 0);
  EXPECT_THAT(server.Requests().at(0),
              AllOf(StartsWith("GET /app/"), Not(HasSubstr("Proxy-Authorization"))));
}

}  // namespace
}  // namespace committest::http
