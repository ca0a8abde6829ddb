#include <atomic>
#include <chrono>
#include <future>
#include <map>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/clock.h"
#include "common/http/endpoint.h"
#include "common/http/network.h"
#include "tests/support/scripted_server.h"

// What the guarded client promises beyond the contract of all clients (client_test.cc).

namespace committest::http {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using testing::RawSocket;
using testing::ScriptedServer;

constexpr char kOk[] = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
constexpr char kChunked[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

// Answers each name from a list, its last entry for ever; counts the questions.
class ScriptedResolver final : public Resolver {
 public:
  using Answers = std::vector<std::vector<std::string>>;
  explicit ScriptedResolver(Answers answers) : answers_(std::move(answers)) {}

  Result<std::vector<IpAddress>> Resolve(const std::string&, MonotonicTime,
                                         const std::stop_token&) override {
    const auto number = static_cast<std::size_t>(asked_++);
    std::vector<IpAddress> addresses;
    for (const std::string& text : answers_[std::min(number, answers_.size() - 1)]) {
      addresses.push_back(*ParseIpAddress(text));
    }
    return addresses;
  }
  int Asked() const { return asked_; }

 private:
  const Answers answers_;
  std::atomic<int> asked_ = 0;
};

class GuardedClientTest : public ::testing::Test {
 protected:
  std::unique_ptr<Client> Connect(const std::string& url) {
    ClientOptions options;
    options.endpoint = url;
    auto client = MakeGuardedClient(options, network_, clock_);
    EXPECT_TRUE(client) << client.error().message;
    return std::move(*client);
  }

  void Allow(const std::vector<std::string>& words, std::shared_ptr<Resolver> resolver = nullptr) {
    NetworkOptions options;
    options.addresses = *ParseAddressPolicy(words);
    options.resolver = std::move(resolver);
    network_ = std::make_shared<Network>(options, clock_);
  }

  static Limits Within(std::chrono::milliseconds total) {
    Limits limits;
    limits.total = total;
    limits.body_bytes = std::size_t{1} << 20U;
    return limits;
  }

  Error ErrorOf(const std::string& url, const Limits& limits = Within(5s)) {
    const auto answer = Connect(url)->Send({}, limits, {});
    EXPECT_FALSE(answer);
    return answer ? Error() : answer.error();
  }

  SystemClock clock_;
  std::shared_ptr<Network> network_ = [this] {
    NetworkOptions options;
    options.addresses = *ParseAddressPolicy({"127.0.0.0/8", "::1"});
    return std::make_shared<Network>(options, clock_);
  }();
};

TEST_F(GuardedClientTest, HostileAnswersAreErrors) {
  const std::string head = "HTTP/1.1 200 OK\r\n";
  const std::vector<std::tuple<std::string, std::string, ErrorCode>> rows{
      {"a negative chunk size", std::string(kChunked) + "-2\r\nhello\r\n0\r\n\r\n",
       ErrorCode::kDataLoss},
      {"the largest chunk size", std::string(kChunked) + "ffffffffffffffff\r\nhello\r\n",
       ErrorCode::kResourceExhausted},
      {"a chunk size beyond 64 bits", std::string(kChunked) + "1ffffffffffffffff\r\nhello\r\n",
       ErrorCode::kDataLoss},
      {"an endless chunk size", std::string(kChunked) + std::string(40'000, '0'),
       ErrorCode::kResourceExhausted},
      {"an endless chunk extension", std::string(kChunked) + "5;" + std::string(40'000, 'x'),
       ErrorCode::kResourceExhausted},
      {"endless trailers", std::string(kChunked) + "0\r\n" + std::string(40'000, 'x'),
       ErrorCode::kResourceExhausted},
      {"two lengths", head + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
       ErrorCode::kDataLoss},
      {"a length and chunks",
       head + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
       ErrorCode::kDataLoss},
      {"a negative length", head + "Content-Length: -1\r\n\r\n", ErrorCode::kDataLoss},
      {"a length beyond 64 bits", head + "Content-Length: 99999999999999999999\r\n\r\n",
       ErrorCode::kDataLoss},
      {"a header without a name", head + ": x\r\n\r\n", ErrorCode::kDataLoss},
      {"a zero byte in a header", head + std::string("x: a\0b\r\n\r\n", 10), ErrorCode::kDataLoss},
      {"a status that is none", "HTTP/1.1 9999 OK\r\n\r\n", ErrorCode::kDataLoss},
      {"HTTP/2", "HTTP/2 200 OK\r\n\r\n", ErrorCode::kDataLoss},
      {"an upgrade that nobody asked for", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
       ErrorCode::kDataLoss},
  };
  for (const auto& [name, bytes, code] : rows) {
    SCOPED_TRACE(name);
    ScriptedServer server({ScriptedServer::Answering(bytes)});
    const Error error = ErrorOf(server.Url());
    EXPECT_EQ(error.code, code) << ErrorCodeName(error.code) << ": " << error.message;
  }
}

// Sends `piece` until the client closes; 1 GB would be memory that somebody has lost.
ScriptedServer::Script Flooding(std::string begin, std::string piece, std::promise<bool>& was_cut) {
  return [begin = std::move(begin), piece = std::move(piece), &was_cut](ScriptedServer& self,
                                                                        RawSocket& connection) {
    self.ReadRequest(connection);
    connection.Send(begin);
    for (std::size_t sent = 0; sent < 1'000'000'000; sent += piece.size()) {
      if (!connection.Send(piece)) return was_cut.set_value(true);
    }
    was_cut.set_value(false);
  };
}

TEST_F(GuardedClientTest, FloodsAreCutAtTheirLimits) {
  const std::vector<std::tuple<std::string, std::string, std::string, ErrorCode>> rows{
      {"header lines", "HTTP/1.1 200 OK\r\n", "x: y\r\n", ErrorCode::kResourceExhausted},
      {"one header line", "HTTP/1.1 200 OK\r\nx: ", "yyyyyyyy", ErrorCode::kResourceExhausted},
      {"a status line", "HTTP/1.1 200 ", "xxxxxxxx", ErrorCode::kResourceExhausted},
      {"100 Continue", "", "HTTP/1.1 100 Continue\r\n\r\n", ErrorCode::kDataLoss},
      {"103 Early Hints", "", "HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n", ErrorCode::kDataLoss},
      {"a body without length", "HTTP/1.1 200 OK\r\n\r\n", std::string(4096, 'x'),
       ErrorCode::kResourceExhausted},
      {"chunks", kChunked, "1\r\nx\r\n", ErrorCode::kResourceExhausted},
  };
  for (const auto& [name, begin, piece, code] : rows) {
    SCOPED_TRACE(name);
    std::promise<bool> was_cut;
    ScriptedServer server({Flooding(begin, piece, was_cut)});
    const Error error = ErrorOf(server.Url(), Within(30s));
    EXPECT_EQ(error.code, code) << ErrorCodeName(error.code) << ": " << error.message;
    EXPECT_TRUE(was_cut.get_future().get());
  }
}

TEST_F(GuardedClientTest, OneByteAtATimeEndsAtTheTotalDeadline) {
  for (const std::string begin : {"", "HTTP/1.1 200 OK\r\nx: ", "HTTP/1.1 200 OK\r\n\r\n"}) {
    SCOPED_TRACE(begin);
    ScriptedServer server({[&](ScriptedServer& self, RawSocket& connection) {
      self.ReadRequest(connection);
      connection.Send(begin.empty() ? "HTTP/1.1 200 " : begin);
      while (connection.Send("y")) clock_.SleepFor(10ms, {});
    }});
    Limits limits = Within(300ms);
    limits.idle = 200ms;
    const auto start = clock_.Monotonic();
    EXPECT_EQ(ErrorOf(server.Url(), limits).code, ErrorCode::kDeadlineExceeded);
    EXPECT_LT(clock_.Monotonic() - start, 2s);
  }
}

TEST_F(GuardedClientTest, InterimAnswersArePassedOver) {
  ScriptedServer server({ScriptedServer::Answering(
      std::string("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nx: y\r\n\r\n") + kOk)});
  const auto answer = Connect(server.Url())->Send({}, {}, {});
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(answer->headers.count("x"), 0U);
  EXPECT_EQ(answer->body, "hello");
}

TEST_F(GuardedClientTest, EmptyTrailersAndOtherHeadersAreKeptApart) {
  ScriptedServer server({ScriptedServer::Answering(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nx: a\r\nX: b\r\n\r\n"
      "5;ext=1\r\nhello\r\n0\r\nx: trailer\r\n\r\n")});
  const auto answer = Connect(server.Url())->Send({}, {}, {});
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->headers.at("x"), "a, b");
  EXPECT_EQ(answer->body, "hello");
}

TEST_F(GuardedClientTest, AnswersWithoutABodyEndAtTheirHead) {
  for (const std::string answer : {"204 No Content", "304 Not Modified"}) {
    ScriptedServer server({[&](ScriptedServer& self, RawSocket& connection) {
      self.ReadRequest(connection);
      connection.Send("HTTP/1.1 " + answer + "\r\n\r\n");
      connection.IsClosedByPeer();
    }});
    EXPECT_TRUE(Connect(server.Url())->Send({}, Within(2s), {})) << answer;
  }
}

// Serves as many requests as come on one connection.
void ServeAll(ScriptedServer& self, RawSocket& connection) {
  while (!self.ReadRequest(connection).empty()) connection.Send(kOk);
}

TEST_F(GuardedClientTest, ConnectionsAreUsedAgain) {
  ScriptedServer server({&ServeAll});
  {
    const auto client = Connect(server.Url());
    for (int i = 0; i < 5; ++i) ASSERT_TRUE(client->Send({}, {}, {}));
    EXPECT_EQ(server.Connections(), 1);
  }
}

TEST_F(GuardedClientTest, ConnectionsThatCannotServeAgainAreNotKept) {
  const std::vector<std::string> rows{
      "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello",
      "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello",
      std::string(kOk) + "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"};
  for (const std::string& bytes : rows) {
    SCOPED_TRACE(bytes);
    ScriptedServer server({[&](ScriptedServer& self, RawSocket& connection) {
      while (!self.ReadRequest(connection).empty()) connection.Send(bytes);
    }});
    const auto client = Connect(server.Url());
    for (int i = 0; i < 2; ++i) {
      const auto answer = client->Send({}, {}, {});
      ASSERT_TRUE(answer) << answer.error().message;
      EXPECT_EQ(answer->body, "hello");
    }
    EXPECT_EQ(server.Connections(), 2);
  }
}

TEST_F(GuardedClientTest, AnAnswerThatNobodyAskedForIsNotTakenForTheNext) {
  std::promise<void> poisoned;
  ScriptedServer server({[&](ScriptedServer& self, RawSocket& connection) {
                           self.ReadRequest(connection);
                           connection.Send(kOk);
                           connection.Send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
                           poisoned.set_value();
                           connection.IsClosedByPeer();
                         },
                         ScriptedServer::Answering(kOk)});
  const auto client = Connect(server.Url());
  ASSERT_TRUE(client->Send({}, {}, {}));
  poisoned.get_future().wait();
  const auto answer = client->Send({}, {}, {});
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->body, "hello");
}

TEST_F(GuardedClientTest, RestingConnectionsAreBoundedOverAllClients) {
  NetworkOptions options;
  options.addresses = *ParseAddressPolicy({"127.0.0.0/8"});
  options.max_idle_connections = 1;
  network_ = std::make_shared<Network>(options, clock_);
  ScriptedServer first({&ServeAll});
  ScriptedServer second({&ServeAll});
  const auto to_first = Connect(first.Url());
  const auto to_second = Connect(second.Url());
  ASSERT_TRUE(to_first->Send({}, {}, {}));
  ASSERT_TRUE(to_second->Send({}, {}, {}));
  ASSERT_TRUE(to_second->Send({}, {}, {}));
  ASSERT_TRUE(to_first->Send({}, {}, {}));
  EXPECT_EQ(second.Connections(), 1);
  EXPECT_EQ(first.Connections(), 2);
}

TEST_F(GuardedClientTest, PrivateAddressesAreRefusedBeforeAnythingIsSent) {
  ScriptedServer server({ScriptedServer::Answering(kOk)});
  Allow({});
  const Error error = ErrorOf(server.Url());
  EXPECT_EQ(error.code, ErrorCode::kPermissionDenied);
  EXPECT_EQ(error.reason, kAddressRefused);
  EXPECT_THAT(error.message, HasSubstr("127.0.0.1, a loopback one"));
  EXPECT_EQ(server.Connections(), 0);
}

TEST_F(GuardedClientTest, AllResolvedAddressesAreJudged) {
  ScriptedServer server({ScriptedServer::Answering(kOk)});
  Allow({}, std::make_shared<ScriptedResolver>(
                ScriptedResolver::Answers{{"::ffff:127.0.0.1", "169.254.169.254", "10.0.0.1"}}));
  const Error error =
      ErrorOf("http://git.example.org:" + std::to_string(server.Port()), Within(2s));
  EXPECT_EQ(error.reason, kAddressRefused);
  EXPECT_EQ(server.Connections(), 0);
}

TEST_F(GuardedClientTest, RefusedAddressesAreLeftOutBesideAllowedOnes) {
  ScriptedServer server({ScriptedServer::Answering(kOk)});
  Allow({"127.0.0.1"},
        std::make_shared<ScriptedResolver>(ScriptedResolver::Answers{{"127.0.0.2", "127.0.0.1"}}));
  EXPECT_TRUE(
      Connect("http://git.example.org:" + std::to_string(server.Port()))->Send({}, Within(2s), {}));
}

TEST_F(GuardedClientTest, ANameIsAskedOnceForEachConnectionAndJudgedEachTime) {
  ScriptedServer server({ScriptedServer::Answering(kOk)});
  const auto resolver =
      std::make_shared<ScriptedResolver>(ScriptedResolver::Answers{{"127.0.0.1"}, {"127.0.0.2"}});
  Allow({"127.0.0.1"}, resolver);
  const auto client = Connect("http://git.example.org:" + std::to_string(server.Port()));
  ASSERT_TRUE(client->Send({}, {}, {}));
  EXPECT_EQ(resolver->Asked(), 1);
  const auto rebound = client->Send({}, {}, {});
  ASSERT_FALSE(rebound);
  EXPECT_EQ(rebound.error().reason, kAddressRefused);
  EXPECT_EQ(server.Connections(), 1);
}

TEST_F(GuardedClientTest, TheNextAddressIsTriedWhenOneRefuses) {
  ScriptedServer server({ScriptedServer::Answering(kOk)});
  Allow({"127.0.0.0/8"},
        std::make_shared<ScriptedResolver>(ScriptedResolver::Answers{{"127.0.0.9", "127.0.0.1"}}));
  EXPECT_TRUE(
      Connect("http://git.example.org:" + std::to_string(server.Port()))->Send({}, Within(2s), {}));
  EXPECT_THAT(server.Requests().at(0),
              HasSubstr("Host: git.example.org:" + std::to_string(server.Port()) + "\r\n"));
}

TEST_F(GuardedClientTest, NamesAreResolvedByTheMachine) {
  ScriptedServer server({ScriptedServer::Answering(kOk)});
  EXPECT_TRUE(
      Connect("http://localhost:" + std::to_string(server.Port()))->Send({}, Within(5s), {}));
  const Error error = ErrorOf("http://nothing.invalid", Within(20s));
  EXPECT_EQ(error.code, ErrorCode::kUnavailable);
  EXPECT_EQ(error.reason, kNotSent);
  EXPECT_THAT(error.message, HasSubstr("nothing.invalid cannot be resolved"));
}

TEST_F(GuardedClientTest, EndpointsAreReadOrRefused) {
  for (const char* url : {"https://x:0", "https://x:65536", "https://x:", "https://[::1",
                          "https://[x]", "https://[127.0.0.1]", "https://::1", "https://x\r\ny"}) {
    ClientOptions options;
    options.endpoint = url;
    EXPECT_FALSE(MakeGuardedClient(options, network_, clock_)) << url;
  }
  EXPECT_EQ(ParseEndpoint("https://[::1]:8443")->Authority(), "[::1]:8443");
  EXPECT_EQ(ParseEndpoint("https://git.example.org:443")->Authority(), "git.example.org");
  EXPECT_EQ(ParseEndpoint("http://git.example.org:443/")->Authority(), "git.example.org:443");
}

}  // namespace
}  // namespace committest::http
