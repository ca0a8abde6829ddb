#include <algorithm>
#include <atomic>
#include <future>
#include <latch>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/common/http/client_fixture.h"

// What a call may take at most, of time, bytes and connections, and what ends it.

namespace committest::http {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::RawSocket;
using testing::ScriptedServer;

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

}  // namespace
}  // namespace committest::http
