#include "common/http/client.h"

#include <algorithm>
#include <atomic>
#include <future>
#include <latch>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/clock.h"
#include "common/base/strings.h"
#include "common/http/network.h"
#include "tests/support/scripted_server.h"

// The client against a server that sends what no well-behaved one would.

namespace committest::http {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::RawSocket;
using testing::ScriptedServer;
using ::testing::SizeIs;
using ::testing::StartsWith;

constexpr char kOk[] = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Name: Value\r\n\r\nhello";
constexpr char kChunked[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

class ThreadsEnvironment : public ::testing::Environment {
 public:
  void SetUp() override { ASSERT_TRUE(InitThreads(2)); }
};
const auto* const kThreads = ::testing::AddGlobalTestEnvironment(new ThreadsEnvironment);

Result<std::unique_ptr<Client>> MakeGuardedOverLoopback(ClientOptions options, const Clock& clock) {
  NetworkOptions network;
  network.addresses = *ParseAddressPolicy({"127.0.0.0/8"});
  return MakeGuardedClient(std::move(options), std::make_shared<Network>(network, clock), clock);
}

using Maker = Result<std::unique_ptr<Client>> (*)(ClientOptions options, const Clock& clock);

// Without spaces and in lower case, which HTTP gives no meaning to in its headers.
std::string Squeezed(std::string text) {
  std::erase(text, ' ');
  return Lower(text);
}

// Both implementations keep the same contract.
class ClientTest : public ::testing::TestWithParam<std::pair<const char*, Maker>> {
 protected:
  Result<std::unique_ptr<Client>> Make(ClientOptions options) {
    return GetParam().second(std::move(options), clock_);
  }

  std::unique_ptr<Client> Connect(const std::string& url, int max_in_flight = 8) {
    ClientOptions options;
    options.endpoint = url;
    options.max_in_flight = max_in_flight;
    auto client = Make(options);
    EXPECT_TRUE(client) << client.error().message;
    return std::move(*client);
  }

  static Request Get(std::string target = "/") {
    Request request;
    request.target = std::move(target);
    return request;
  }

  static Request Post(std::string body) {
    Request request;
    request.method = "POST";
    request.body = std::move(body);
    request.headers["content-type"] = "application/json";
    return request;
  }

  static Limits Within(std::chrono::milliseconds total) {
    Limits limits;
    limits.total = total;
    return limits;
  }

  // Sends one GET to a new client of `server` and returns its error.
  Error ErrorOf(const ScriptedServer& server, const Limits& limits = Within(5s)) {
    const auto answer = Connect(server.Url())->Send(Get(), limits, {});
    EXPECT_FALSE(answer);
    return answer ? Error() : answer.error();
  }

  SystemClock clock_;
};

TEST_P(ClientTest, ReturnsStatusHeadersAndBody) {
  ScriptedServer server({ScriptedServer::Answering(kOk)});
  const auto answer = Connect(server.Url())->Send(Get("/a/b?c=d%2Fe"), {}, {});
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(answer->headers.at("x-name"), "Value");
  EXPECT_EQ(answer->body, "hello");
  EXPECT_THAT(Squeezed(server.Requests().at(0)),
              AllOf(StartsWith("get/a/b?c=d%2fehttp/1.1\r\n"), Not(HasSubstr("accept-encoding")),
                    HasSubstr("user-agent:committest/")));
}

TEST_P(ClientTest, SendsBodyAndHeaders) {
  ScriptedServer server({ScriptedServer::Answering(kOk)});
  Request request = Post(R"({"a":1})");
  request.headers["authorization"] = "Bearer t";
  ASSERT_TRUE(Connect(server.Url())->Send(request, {}, {}));
  EXPECT_THAT(Squeezed(server.Requests().at(0)),
              AllOf(StartsWith("post/http/1.1\r\n"), HasSubstr("content-type:application/json\r\n"),
                    HasSubstr("authorization:bearert\r\n"), ::testing::EndsWith(R"({"a":1})")));
}

TEST_P(ClientTest, JoinsAChunkedBody) {
  ScriptedServer server(
      {ScriptedServer::Answering(std::string(kChunked) + "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")});
  const auto answer = Connect(server.Url())->Send(Get(), {}, {});
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->body, "abcde");
}

TEST_P(ClientTest, RefusedConnectionWasNotSent) {
  const auto answer =
      Connect("http://127.0.0.1:" + std::to_string(testing::UnusedPort()))->Send(Post("x"), {}, {});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(answer.error().reason, kNotSent);
}

TEST_P(ClientTest, RedirectIsAnAnswerAndIsNotFollowed) {
  ScriptedServer target({ScriptedServer::Answering(kOk)});
  ScriptedServer server({ScriptedServer::Answering("HTTP/1.1 302 Found\r\nContent-Length: 0\r\n" +
                                                   ("Location: " + target.Url()) + "/\r\n\r\n")});
  const auto answer = Connect(server.Url())->Send(Get(), {}, {});
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 302);
  EXPECT_EQ(target.Connections(), 0);
}

TEST_P(ClientTest, SilentServerEndsAtTheTotalDeadline) {
  ScriptedServer server({ScriptedServer::Silent()});
  const auto begin = clock_.Monotonic();
  EXPECT_EQ(ErrorOf(server, Within(200ms)).code, ErrorCode::kDeadlineExceeded);
  EXPECT_GE(clock_.Monotonic() - begin, 200ms);
  EXPECT_LT(clock_.Monotonic() - begin, 2s);
}

TEST_P(ClientTest, TricklingServerEndsAtTheTotalDeadline) {
  ScriptedServer server({[this](ScriptedServer& self, RawSocket& connection) {
    self.ReadRequest(connection);
    connection.Send(kChunked);
    while (connection.Send("1\r\nx\r\n")) clock_.SleepFor(10ms, {});
  }});
  EXPECT_EQ(ErrorOf(server, Within(300ms)).code, ErrorCode::kDeadlineExceeded);
}

TEST_P(ClientTest, FastEndlessStreamEndsAtTheTotalDeadline) {
  ScriptedServer server({[](ScriptedServer& self, RawSocket& connection) {
    self.ReadRequest(connection);
    connection.Send(kChunked);
    while (connection.Send("10000\r\n" + std::string(0x10000, 'x') + "\r\n")) {
    }
  }});
  Limits limits = Within(300ms);
  limits.body_bytes = 0;
  const auto ended = Connect(server.Url())
                         ->Stream(
                             Get(), limits, [](std::string_view) { return Status(); },
                             [](int, const Headers&) { return Status(); }, {});
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().code, ErrorCode::kDeadlineExceeded);
}

TEST_P(ClientTest, SilenceAmidABodyEndsAtTheIdleLimit) {
  ScriptedServer server({[](ScriptedServer& self, RawSocket& connection) {
    self.ReadRequest(connection);
    connection.Send(std::string(kChunked) + "1\r\nx\r\n");
    connection.IsClosedByPeer();
  }});
  Limits limits;
  limits.idle = 200ms;
  const Error error = ErrorOf(server, limits);
  EXPECT_EQ(error.code, ErrorCode::kDeadlineExceeded);
  EXPECT_THAT(error.message, HasSubstr("no byte for 200 ms"));
}

TEST_P(ClientTest, TruncatedAnswersAreErrors) {
  const std::vector<std::pair<std::string, std::string>> rows{
      {"nothing", ""},
      {"half a status line", "HTTP/1.1 2"},
      {"half the headers", "HTTP/1.1 200 OK\r\nContent-Len"},
      {"half the body", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello"},
      {"a chunk without an end", std::string(kChunked) + "5\r\nhel"},
      {"chunks without the last", std::string(kChunked) + "5\r\nhello\r\n"}};
  for (const auto& [name, bytes] : rows) {
    SCOPED_TRACE(name);
    ScriptedServer server({ScriptedServer::Answering(bytes)});
    const Error error = ErrorOf(server);
    EXPECT_EQ(error.code, ErrorCode::kUnavailable) << error.message;
    EXPECT_NE(error.reason, kNotSent);
  }
}

TEST_P(ClientTest, WhatIsNotHttpIsDataLoss) {
  const std::vector<std::pair<std::string, std::string>> rows{
      {"another protocol", "SSH-2.0-OpenSSH_9.2\r\n\r\n"},
      {"a negative chunk size", std::string(kChunked) + "-2\r\nhello\r\n0\r\n\r\n"},
      {"a chunk size that is no number", std::string(kChunked) + "zz\r\nhello\r\n"}};
  for (const auto& [name, bytes] : rows) {
    SCOPED_TRACE(name);
    ScriptedServer server({ScriptedServer::Answering(bytes)});
    const Error error = ErrorOf(server);
    EXPECT_EQ(error.code, ErrorCode::kDataLoss) << error.message;
  }
}

TEST_P(ClientTest, EndlessBodyEndsAtItsLimit) {
  std::promise<bool> was_cut;
  ScriptedServer server({[&](ScriptedServer& self, RawSocket& connection) {
    self.ReadRequest(connection);
    connection.Send(kChunked);
    const std::string chunk = "10000\r\n" + std::string(0x10000, 'x') + "\r\n";
    for (int i = 0; i < 10'000; ++i) {
      if (!connection.Send(chunk)) return was_cut.set_value(true);
    }
    was_cut.set_value(false);
  }});
  Limits limits;
  limits.body_bytes = 1'000'000;
  EXPECT_EQ(ErrorOf(server, limits).code, ErrorCode::kResourceExhausted);
  EXPECT_TRUE(was_cut.get_future().get());
}

TEST_P(ClientTest, AnnouncedBodyBeyondItsLimitIsNotRead) {
  ScriptedServer server({[](ScriptedServer& self, RawSocket& connection) {
    self.ReadRequest(connection);
    connection.Send("HTTP/1.1 200 OK\r\nContent-Length: 4000000000\r\n\r\n");
    while (connection.Send(std::string(65536, 'x'))) {
    }
  }});
  Limits limits;
  limits.body_bytes = 1'000;
  EXPECT_EQ(ErrorOf(server, limits).code, ErrorCode::kResourceExhausted);
}

TEST_P(ClientTest, StopEndsACallWithinMilliseconds) {
  // The best of some tries: what the client needs, not how busy the machine is.
  std::chrono::nanoseconds best = 1h;
  for (int i = 0; i < 5 && best >= 100ms; ++i) {
    ScriptedServer server({ScriptedServer::Silent()});
    const auto client = Connect(server.Url());
    std::stop_source stop;
    auto call = std::async(std::launch::async,
                           [&] { return client->Send(Get(), Within(60s), stop.get_token()); });
    while (server.Requests().empty()) clock_.SleepFor(1ms, {});
    const auto stopped = clock_.Monotonic();
    stop.request_stop();
    const auto answer = call.get();
    best = std::min(best, clock_.Monotonic() - stopped);
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, ErrorCode::kCancelled);
  }
  EXPECT_LT(best, 100ms);
}

TEST_P(ClientTest, StopBeforeTheCallSendsNothing) {
  ScriptedServer server({ScriptedServer::Answering(kOk)});
  std::stop_source stop;
  stop.request_stop();
  const auto answer = Connect(server.Url())->Send(Post("x"), {}, stop.get_token());
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::kCancelled);
  EXPECT_EQ(answer.error().reason, kNotSent);
}

TEST_P(ClientTest, LostAnswerOfAWriteIsNotSaidToBeUnsent) {
  ScriptedServer server(
      {[](ScriptedServer& self, RawSocket& connection) { self.ReadRequest(connection); }});
  const auto answer = Connect(server.Url())->Send(Post("x"), {}, {});
  ASSERT_FALSE(answer);
  EXPECT_NE(answer.error().reason, kNotSent);
  EXPECT_THAT(server.Requests(), SizeIs(1));
}

TEST_P(ClientTest, RefusedPermitKeepsTheBodyFromBeingSent) {
  std::promise<std::string> received;
  ScriptedServer server({[&](ScriptedServer&, RawSocket& connection) {
    received.set_value(connection.ReceiveAll());
  }});
  Limits limits;
  limits.permit = [] { return Fail(ErrorCode::kCancelled, "not the leader"); };
  const auto answer = Connect(server.Url())->Send(Post("the body"), limits, {});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::kCancelled);
  EXPECT_THAT(answer.error().message, HasSubstr("not the leader"));
  EXPECT_EQ(answer.error().reason, kNotSent);
  EXPECT_THAT(received.get_future().get(), Not(HasSubstr("the body")));
}

TEST_P(ClientTest, PermitIsAskedAgainWhenTheLibrarySendsAgain) {
  // The library puts a connection back into its pool some time after the answer was read; a request
  // before that goes out on a new connection, once, and shows nothing.
  for (int attempt = 0; attempt < 100; ++attempt) {
    // The first connection serves one request and closes while it rests in the library's pool; the
    // next request on it fails and is sent again on the second connection.
    ScriptedServer server({[&](ScriptedServer& self, RawSocket& connection) {
                             self.ReadRequest(connection);
                             connection.Send(kOk);
                             self.ReadRequest(connection);
                           },
                           ScriptedServer::Answering(kOk)});
    const auto client = Connect(server.Url());
    ASSERT_TRUE(client->Send(Get(), {}, {}));
    std::atomic<int> asked = 0;
    Limits limits;
    limits.permit = [&]() -> Status {
      if (++asked == 1) return {};
      return Fail(ErrorCode::kCancelled, "no longer the leader");
    };
    const auto answer = client->Send(Post("x"), limits, {});
    if (answer && asked == 1) continue;
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, ErrorCode::kCancelled);
    EXPECT_EQ(asked, 2);
    EXPECT_NE(answer.error().reason, kNotSent) << "the first sending may have been acted upon";
    return;
  }
  FAIL() << "the library never sent anything on a connection that it had used before";
}

TEST_P(ClientTest, CallsBeyondTheLimitWait) {
  std::atomic<int> at_once = 0;
  std::atomic<int> most = 0;
  ScriptedServer server({[&](ScriptedServer& self, RawSocket& connection) {
    while (!self.ReadRequest(connection).empty()) {
      const int now = ++at_once;
      if (now > most) most = now;
      clock_.SleepFor(20ms, {});
      --at_once;
      connection.Send(kOk);
    }
  }});
  const auto client = Connect(server.Url(), 2);
  std::vector<std::future<bool>> calls;
  calls.reserve(8);
  for (int i = 0; i < 8; ++i) {
    calls.push_back(
        std::async(std::launch::async, [&] { return client->Send(Get(), {}, {}).has_value(); }));
  }
  for (auto& call : calls) EXPECT_TRUE(call.get());
  EXPECT_EQ(most, 2);
}

TEST_P(ClientTest, WaitingForASlotCountsForTheDeadline) {
  ScriptedServer server({ScriptedServer::Silent()});
  const auto client = Connect(server.Url(), 1);
  std::stop_source stop;
  auto first = std::async(std::launch::async,
                          [&] { return client->Send(Get(), Within(60s), stop.get_token()); });
  while (server.Requests().empty()) clock_.SleepFor(1ms, {});
  const auto second = client->Send(Post("x"), Within(100ms), {});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kDeadlineExceeded);
  EXPECT_EQ(second.error().reason, kNotSent);
  stop.request_stop();
  EXPECT_FALSE(first.get());
}

TEST_P(ClientTest, StreamTellsTheHeadBeforeTheFirstPiece) {
  ScriptedServer server(
      {ScriptedServer::Answering("HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\ngone")});
  std::vector<std::string> seen;
  const auto ended = Connect(server.Url())
                         ->Stream(
                             Get(), {},
                             [&](std::string_view piece) {
                               seen.emplace_back(piece);
                               return Status();
                             },
                             [&](int status, const Headers& headers) {
                               seen.push_back(std::to_string(status));
                               EXPECT_EQ(headers.at("content-length"), "4");
                               return Status();
                             },
                             {});
  EXPECT_TRUE(ended) << ended.error().message;
  EXPECT_THAT(seen, ::testing::ElementsAre("404", "gone"));
}

TEST_P(ClientTest, StreamReadsNoFurtherWhileTheSinkWorks) {
  // 64 MB are offered; what the sockets' buffers take is far less.
  std::atomic<std::size_t> sent = 0;
  ScriptedServer server({[&](ScriptedServer& self, RawSocket& connection) {
    self.ReadRequest(connection);
    connection.Send(kChunked);
    const std::string chunk = "10000\r\n" + std::string(0x10000, 'x') + "\r\n";
    for (int i = 0; i < 1024 && connection.Send(chunk); ++i) sent += chunk.size();
  }});
  std::size_t sent_meanwhile = 0;
  const auto ended = Connect(server.Url())
                         ->Stream(
                             Get(), {},
                             [&](std::string_view) {
                               std::size_t before = 0;
                               do {  // Until the server is stuck.
                                 before = sent;
                                 clock_.SleepFor(100ms, {});
                               } while (sent != before);
                               sent_meanwhile = sent;
                               return Fail(ErrorCode::kDataLoss, "enough");
                             },
                             [](int, const Headers&) { return Status(); }, {});
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().code, ErrorCode::kDataLoss);
  EXPECT_LT(sent_meanwhile, 16'000'000U);
}

TEST_P(ClientTest, ExceptionOfASinkEndsTheCallAndItsConnection) {
  std::promise<bool> was_closed;
  ScriptedServer server({[&](ScriptedServer& self, RawSocket& connection) {
    self.ReadRequest(connection);
    connection.Send(std::string(kChunked) + "1\r\nx\r\n");
    was_closed.set_value(connection.IsClosedByPeer());
  }});
  const auto client = Connect(server.Url());
  const auto ended = client->Stream(
      Get(), {}, [](std::string_view) -> Status { throw std::runtime_error("boom"); },
      [](int, const Headers&) { return Status(); }, {});
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().code, ErrorCode::kInternal);
  EXPECT_TRUE(was_closed.get_future().get());
}

TEST_P(ClientTest, RefusingManyPiecesAtOnceLeavesThreadsForOthers) {
  constexpr int kCalls = 16;
  ScriptedServer server({ScriptedServer::Answering(kOk)});
  const auto client = Connect(server.Url(), kCalls);
  std::latch all_have_a_piece(kCalls);
  std::vector<std::future<Status>> calls;
  for (int i = 0; i < kCalls; ++i) {
    calls.push_back(std::async(std::launch::async, [&] {
      const auto refuse = [&](std::string_view) {
        all_have_a_piece.arrive_and_wait();
        return Fail(ErrorCode::kInternal, "not wanted");
      };
      return client->Stream(Get(), Within(60s), refuse,
                            [](int, const Headers&) { return Status(); }, {});
    }));
  }
  for (auto& call : calls) EXPECT_FALSE(call.get());
  const auto answer = client->Send(Get(), Within(10s), {});
  EXPECT_TRUE(answer) << answer.error().message;
}

TEST_P(ClientTest, SinkRunsOnTheCallersThread) {
  ScriptedServer server({ScriptedServer::Answering(kOk)});
  std::thread::id seen;
  ASSERT_TRUE(Connect(server.Url())
                  ->Stream(
                      Get(), {},
                      [&](std::string_view) {
                        seen = std::this_thread::get_id();
                        return Status();
                      },
                      [](int, const Headers&) { return Status(); }, {}));
  EXPECT_EQ(seen, std::this_thread::get_id());
}

TEST_P(ClientTest, RequestsThatCannotBeSentAreRefused) {
  ScriptedServer server({ScriptedServer::Answering(kOk)});
  const auto client = Connect(server.Url());
  Request line_break = Get();
  line_break.headers["x-a"] = "b\r\nevil: 1";
  Request host = Get();
  host.headers["Host"] = "other";
  for (const Request& request : {line_break, host, Get("/a b")}) {
    const auto answer = client->Send(request, {}, {});
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, ErrorCode::kInvalidArgument);
  }
  EXPECT_EQ(server.Connections(), 0);
}

TEST_P(ClientTest, EndpointsThatAreNoneAreRefused) {
  for (const char* url : {"", "localhost", "ftp://x", "https://", "https://x/path",
                          "https://user:secret@x", "https://x?a=b", "https://x y"}) {
    SCOPED_TRACE(url);
    ClientOptions options;
    options.endpoint = url;
    const auto client = Make(options);
    ASSERT_FALSE(client);
    EXPECT_EQ(client.error().code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(client.error().message, Not(HasSubstr("secret")));
  }
}

TEST_P(ClientTest, UnusableAuthorityFailsTheConnection) {
  ScriptedServer server({ScriptedServer::Silent()});
  ClientOptions options;
  options.endpoint = "https://127.0.0.1:" + std::to_string(server.Port());
  options.tls.ca = [] { return Result<std::string>("not a certificate"); };
  const auto client = Make(options);
  ASSERT_TRUE(client);
  const auto answer = (*client)->Send(Get(), {}, {});
  ASSERT_FALSE(answer);
  EXPECT_THAT(answer.error().message, HasSubstr("the CA bundle is not a list of PEM certificates"));
}

INSTANTIATE_TEST_SUITE_P(Both, ClientTest,
                         ::testing::Values(std::pair{"Cpprest", &MakeClient},
                                           std::pair{"Guarded", &MakeGuardedOverLoopback}),
                         [](const auto& maker) { return std::string(maker.param.first); });

TEST(CpprestClient, ThreadsCannotBeSetTwice) {
  const Status again = InitThreads(4);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, ErrorCode::kInternal);
}

}  // namespace
}  // namespace committest::http
