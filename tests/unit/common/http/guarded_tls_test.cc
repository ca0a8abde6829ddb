#include <csignal>
#include <memory>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include "common/base/clock.h"
#include "common/http/network.h"
#include "tests/support/scripted_server.h"
#include "tests/support/tls_server.h"

// Whom the guarded client trusts.

namespace committest::http {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using testing::ScriptedServer;
using testing::TestCertificate;
using testing::TlsServer;

class Loopback final : public Resolver {
 public:
  Result<std::vector<IpAddress>> Resolve(const std::string&, MonotonicTime,
                                         const std::stop_token&) override {
    return std::vector{*ParseIpAddress("127.0.0.1")};
  }
};

class GuardedTlsTest : public ::testing::Test {
 protected:
  // As `main` does: the server's writes to a client that has left would end the test.
  void SetUp() override { std::signal(SIGPIPE, SIG_IGN); }

  std::unique_ptr<Client> Connect(const std::string& host, std::uint16_t port) {
    ClientOptions options;
    options.endpoint = "https://" + host + ":" + std::to_string(port);
    options.tls.ca = [this]() -> Result<std::string> { return trusted_; };
    return std::move(*MakeGuardedClient(options, network_, clock_));
  }

  static Result<Response> Ask(Client& client) {
    Limits limits;
    limits.total = 5s;
    return client.Send({}, limits, {});
  }

  std::string ErrorOf(const std::string& host, const TlsServer& server) {
    const auto answer = Ask(*Connect(host, server.Port()));
    if (answer) return "none";
    EXPECT_EQ(answer.error().code, ErrorCode::kUnavailable);
    EXPECT_EQ(answer.error().reason, kNotSent);
    return answer.error().message;
  }

  SystemClock clock_;
  std::shared_ptr<Network> network_ = [this] {
    NetworkOptions options;
    options.addresses = *ParseAddressPolicy({"127.0.0.0/8"});
    options.resolver = std::make_shared<Loopback>();
    return std::make_shared<Network>(options, clock_);
  }();
  const TestCertificate certificate_{"DNS:git.example.org,DNS:*.wild.example.org,IP:127.0.0.1"};
  std::string trusted_ = certificate_.Pem();
};

TEST_F(GuardedTlsTest, NamesAndAddressesOfTheCertificateAreAccepted) {
  for (const char* host : {"git.example.org", "a.wild.example.org", "127.0.0.1"}) {
    SCOPED_TRACE(host);
    const TlsServer server(certificate_);
    const auto client = Connect(host, server.Port());
    const auto answer = Ask(*client);
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(answer->body, "hello");
    EXPECT_TRUE(Ask(*client));
    EXPECT_EQ(server.Handshakes(), 1);
  }
}

TEST_F(GuardedTlsTest, OtherNamesAndAddressesAreRefused) {
  const TlsServer server(certificate_);
  EXPECT_THAT(ErrorOf("evil.example.org", server), HasSubstr("hostname mismatch"));
  EXPECT_THAT(ErrorOf("a.b.wild.example.org", server), HasSubstr("hostname mismatch"));
  const TestCertificate of_a_name("DNS:git.example.org,DNS:127.0.0.1");
  trusted_ = of_a_name.Pem();
  EXPECT_THAT(ErrorOf("127.0.0.1", TlsServer(of_a_name)), HasSubstr("IP address mismatch"));
}

TEST_F(GuardedTlsTest, ACertificateOfNoTrustedAuthorityIsRefused) {
  const TlsServer server(certificate_);
  trusted_ = TestCertificate("DNS:git.example.org").Pem();
  EXPECT_THAT(ErrorOf("git.example.org", server), HasSubstr("the server's certificate is refused"));
}

TEST_F(GuardedTlsTest, AReplacedAuthorityCountsFromTheNextConnectionOn) {
  const TlsServer server(certificate_);
  trusted_ = TestCertificate("DNS:git.example.org").Pem();
  const auto client = Connect("git.example.org", server.Port());
  ASSERT_FALSE(Ask(*client));
  trusted_ = certificate_.Pem();
  EXPECT_TRUE(Ask(*client));
}

TEST_F(GuardedTlsTest, AnOldVersionIsRefused) {
  const TlsServer old(certificate_, TLS1_1_VERSION);
  EXPECT_THAT(ErrorOf("git.example.org", old), HasSubstr("TLS: "));
  const TlsServer oldest_allowed(certificate_, TLS1_2_VERSION);
  EXPECT_EQ(ErrorOf("git.example.org", oldest_allowed), "none");
}

TEST_F(GuardedTlsTest, SessionsAreContinued) {
  NetworkOptions options;
  options.addresses = *ParseAddressPolicy({"127.0.0.0/8"});
  options.max_idle_connections = 0;
  options.resolver = std::make_shared<Loopback>();
  network_ = std::make_shared<Network>(options, clock_);
  for (const int version : {0, TLS1_2_VERSION}) {
    const TlsServer server(certificate_, version);
    const auto client = Connect("git.example.org", server.Port());
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(Ask(*client));
    EXPECT_EQ(server.Handshakes(), 3);
    EXPECT_EQ(server.Resumed(), 2);
  }
}

TEST_F(GuardedTlsTest, SilenceAmidTheHandshakeEndsAtTheDeadline) {
  ScriptedServer server(
      {[](ScriptedServer&, testing::RawSocket& connection) { connection.IsClosedByPeer(); }});
  Limits limits;
  limits.total = 200ms;
  const auto answer = Connect("127.0.0.1", server.Port())->Send({}, limits, {});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::kDeadlineExceeded);
}

TEST_F(GuardedTlsTest, PlainTextInPlaceOfAHandshakeIsAnError) {
  ScriptedServer server({[](ScriptedServer&, testing::RawSocket& connection) {
    connection.Send("HTTP/1.1 400 Bad Request\r\n\r\n");
    connection.IsClosedByPeer();
  }});
  const auto answer = Ask(*Connect("127.0.0.1", server.Port()));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(answer.error().message, HasSubstr("TLS: "));
}

}  // namespace
}  // namespace committest::http
