#include "common/http/server.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/eventually.h"
#include "tests/support/raw_socket.h"

namespace committest::http {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using testing::RawSocket;
using ::testing::StartsWith;

constexpr char kGet[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
constexpr char kLastGet[] = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

Response Echo(const Request& request) {
  if (request.target == "/throw") throw std::runtime_error("secret detail");
  Response response{200, {{"content-type", "text/plain"}, {"x-method", request.method}}, {}};
  response.body = request.target + "|" + request.body;
  if (const auto it = request.headers.find("x-test"); it != request.headers.end()) {
    response.body += "|" + it->second;
  }
  return response;
}

std::unique_ptr<Server> StartOnLoopback(ServerOptions options = {}) {
  options.address = "127.0.0.1";
  auto server = Server::Start(options, Echo);
  EXPECT_TRUE(server) << server.error().message;
  return std::move(*server);
}

// The server has no state that a broken connection could have damaged.
void ExpectAlive(const Server& server) {
  RawSocket connection(server.Port());
  connection.Send(kLastGet);
  EXPECT_THAT(connection.ReceiveAll(), StartsWith("HTTP/1.1 200 OK\r\n"));
}

TEST(Server, AnswersWithWhatTheHandlerGives) {
  const auto server = StartOnLoopback();
  RawSocket connection(server->Port());
  connection.Send(
      "POST /a?b=c HTTP/1.1\r\nHost: x\r\nX-Test: one\r\nX-Test: two\r\nContent-Length: 4\r\n"
      "Connection: close\r\n\r\nbody");
  EXPECT_THAT(connection.ReceiveAll(),
              AllOf(StartsWith("HTTP/1.1 200 OK\r\n"), HasSubstr("x-method: POST\r\n"),
                    EndsWith("\r\n\r\n/a?b=c|body|one, two")));
}

TEST(Server, KeepsAConnectionForSeveralRequests) {
  const auto server = StartOnLoopback();
  RawSocket connection(server->Port());
  for (int i = 0; i < 3; ++i) {
    connection.Send(kGet);
    EXPECT_THAT(connection.ReceiveUntil("/|"), StartsWith("HTTP/1.1 200 OK\r\n"));
  }
}

TEST(Server, AnswersPipelinedRequestsInOrder) {
  const auto server = StartOnLoopback();
  RawSocket connection(server->Port());
  connection.Send(
      "POST /1 HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n1"
      "POST /2 HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nConnection: close\r\n\r\n2");
  EXPECT_THAT(connection.ReceiveUntil("/1|1"), EndsWith("/1|1"));
  EXPECT_THAT(connection.ReceiveAll(), EndsWith("/2|2"));
}

TEST(Server, HeadHasTheLengthButNoBody) {
  const auto server = StartOnLoopback();
  RawSocket connection(server->Port());
  connection.Send("HEAD /abc HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(connection.ReceiveAll(),
              AllOf(HasSubstr("Content-Length: 5\r\n"), EndsWith("\r\n\r\n")));
}

TEST(Server, OtherMethodsAreNotAllowed) {
  const auto server = StartOnLoopback();
  RawSocket connection(server->Port());
  connection.Send("DELETE / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(connection.ReceiveAll(), StartsWith("HTTP/1.1 405 "));
}

TEST(Server, ExceptionOfTheHandlerIsA500WithoutItsText) {
  const auto server = StartOnLoopback();
  RawSocket connection(server->Port());
  connection.Send("GET /throw HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(connection.ReceiveAll(),
              AllOf(StartsWith("HTTP/1.1 500 "), Not(HasSubstr("secret detail"))));
  ExpectAlive(*server);
}

TEST(Server, HeaderBeyondItsLimitIs431) {
  const auto server = StartOnLoopback();
  RawSocket connection(server->Port());
  connection.Send("GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + std::string(20'000, 'a') + "\r\n\r\n");
  EXPECT_THAT(connection.ReceiveAll(), StartsWith("HTTP/1.1 431 "));
  ExpectAlive(*server);
}

TEST(Server, EndlessHeaderIs431) {
  const auto server = StartOnLoopback();
  RawSocket connection(server->Port());
  connection.Send("GET / HTTP/1.1\r\n");
  for (int i = 0; i < 2'000; ++i) {
    if (!connection.Send("X-H: some value\r\n")) break;
  }
  EXPECT_THAT(connection.ReceiveAll(), StartsWith("HTTP/1.1 431 "));
  ExpectAlive(*server);
}

TEST(Server, AnnouncedBodyBeyondItsLimitIs413) {
  const auto server = StartOnLoopback();
  RawSocket connection(server->Port());
  connection.Send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n");
  EXPECT_THAT(connection.ReceiveAll(), StartsWith("HTTP/1.1 413 "));
  ExpectAlive(*server);
}

TEST(Server, ChunkedBodyBeyondItsLimitIs413) {
  ServerOptions options;
  options.body_bytes = 1000;
  const auto server = StartOnLoopback(options);
  RawSocket connection(server->Port());
  connection.Send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
  for (int i = 0; i < 20; ++i) connection.Send("64\r\n" + std::string(100, 'b') + "\r\n");
  EXPECT_THAT(connection.ReceiveAll(), StartsWith("HTTP/1.1 413 "));
  ExpectAlive(*server);
}

TEST(Server, WhatIsNotHttpIs400) {
  const auto server = StartOnLoopback();
  const std::vector<std::pair<std::string, std::string>> rows{
      {"a negative chunk size",
       "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
       "-2\r\n"},
      {"a chunk size beyond 64 bits",
       "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffffff\r\n"},
      {"a negative content length", "POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n"},
      {"two different content lengths",
       "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"},
      {"binary", std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n", 13)},
      {"no version", "GET /\r\n\r\n"},
      {"a target without a slash", "GET x HTTP/1.1\r\nConnection: close\r\n\r\n"}};
  for (const auto& [name, bytes] : rows) {
    SCOPED_TRACE(name);
    RawSocket connection(server->Port());
    connection.Send(bytes);
    EXPECT_THAT(connection.ReceiveAll(), StartsWith("HTTP/1.1 400 "));
  }
  ExpectAlive(*server);
}

TEST(Server, SlowRequestIsClosedAtTheDeadline) {
  ServerOptions options;
  options.deadline = 200ms;
  const auto server = StartOnLoopback(options);
  RawSocket connection(server->Port());
  const auto begin = std::chrono::steady_clock::now();
  // One byte every 20 ms: the deadline is for the whole request, not for each byte.
  std::string text = "GET / HTTP/1.1\r\nX: " + std::string(500, 'y');
  RawSocket probe(server->Port(), 20ms);
  for (const char c : text) {
    if (!connection.Send({&c, 1})) break;
    probe.ReceiveUntil("x");  // Nothing comes; this is the pause.
    if (std::chrono::steady_clock::now() - begin > 1s) break;
  }
  EXPECT_TRUE(connection.IsClosedByPeer());
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 3s);
  ExpectAlive(*server);
}

TEST(Server, RequestThatHasBegunIsTold408AtTheDeadline) {
  ServerOptions options;
  options.deadline = 200ms;
  const auto server = StartOnLoopback(options);
  for (const char* begun : {"G", "GET / HTTP/1.1\r\nHost:",
                            "POST / HTTP/1.1\r\nHost: x\r\n"
                            "Content-Length: 5\r\n\r\nbod"}) {
    RawSocket connection(server->Port());
    connection.Send(begun);
    EXPECT_THAT(connection.ReceiveAll(), StartsWith("HTTP/1.1 408 ")) << begun;
  }
  RawSocket silent(server->Port());
  EXPECT_EQ(silent.ReceiveAll(), "");
  ExpectAlive(*server);
}

TEST(Server, SilentConnectionIsClosedAtTheDeadline) {
  ServerOptions options;
  options.deadline = 200ms;
  const auto server = StartOnLoopback(options);
  RawSocket connection(server->Port());
  EXPECT_TRUE(connection.IsClosedByPeer());
}

TEST(Server, OneConnectionTooManyClosesTheOneThatHasWaitedLongest) {
  ServerOptions options;
  options.max_connections = 2;
  const auto server = StartOnLoopback(options);
  RawSocket first(server->Port());
  RawSocket second(server->Port());
  // An answer on each shows that the server has taken them; the second is the last to wait again.
  for (RawSocket* connection : {&first, &second}) {
    connection->Send(kGet);
    EXPECT_THAT(connection->ReceiveUntil("/|"), Not(IsEmpty()));
  }
  RawSocket third(server->Port());
  EXPECT_TRUE(first.IsClosedByPeer());
  for (RawSocket* connection : {&second, &third}) {
    connection->Send(kGet);
    EXPECT_THAT(connection->ReceiveUntil("/|"), StartsWith("HTTP/1.1 200 "));
  }
}

TEST(Server, SlowConnectionsDoNotKeepOthersOut) {
  ServerOptions options;
  options.max_connections = 4;
  const auto server = StartOnLoopback(options);
  std::vector<std::unique_ptr<RawSocket>> slow;
  for (int i = 0; i < 40; ++i) {
    slow.push_back(std::make_unique<RawSocket>(server->Port()));
    slow.back()->Send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nbod");
    if (i % 10 == 9) ExpectAlive(*server);
  }
}

TEST(Server, ConnectionsOfOneClientBeyondItsLimitAreClosed) {
  ServerOptions options;
  options.max_connections_per_peer = 1;
  const auto server = StartOnLoopback(options);
  {
    RawSocket first(server->Port());
    first.Send(kGet);
    EXPECT_THAT(first.ReceiveUntil("/|"), Not(IsEmpty()));
    RawSocket second(server->Port());
    EXPECT_TRUE(second.IsClosedByPeer());
  }
  // The place of one that has gone is free again.
  const auto answers = [&] {
    RawSocket next(server->Port());
    next.Send(kLastGet);
    return next.ReceiveAll().starts_with("HTTP/1.1 200 ");
  };
  EXPECT_TRUE(Eventually(answers));
}

TEST(Server, TellsWhoAsks) {
  ServerOptions options;
  options.address = "127.0.0.1";
  const auto server = Server::Start(
      options, [](const Request& request) { return Response{200, {}, request.peer}; });
  ASSERT_TRUE(server);
  RawSocket connection((*server)->Port());
  connection.Send(kLastGet);
  EXPECT_THAT(connection.ReceiveAll(), EndsWith("\r\n\r\n127.0.0.1"));
}

TEST(Server, GateAnswersBeforeTheBodyIsRead) {
  ServerOptions options;
  options.address = "127.0.0.1";
  const auto gate = [](const Request& head) -> std::optional<Response> {
    if (head.target == "/throw") throw std::runtime_error("secret detail");
    if (head.target != "/refused") return std::nullopt;
    return Response{403, {}, head.method + head.body + "|"};
  };
  const auto server = Server::Start(options, Echo, gate);
  ASSERT_TRUE(server);
  RawSocket refused((*server)->Port());
  refused.Send("POST /refused HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n");
  const std::string answer = refused.ReceiveAll();
  EXPECT_THAT(answer, AllOf(StartsWith("HTTP/1.1 403 "), EndsWith("\r\n\r\nPOST|"),
                            HasSubstr("Connection: close\r\n")));
  RawSocket thrown((*server)->Port());
  thrown.Send("POST /throw HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n");
  EXPECT_THAT(thrown.ReceiveAll(), AllOf(StartsWith("HTTP/1.1 500 "), Not(HasSubstr("secret"))));
  RawSocket passed((*server)->Port());
  passed.Send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbody");
  EXPECT_THAT(passed.ReceiveAll(), EndsWith("/|body"));
}

TEST(Server, BodiesOfAllConnectionsTogetherAreBounded) {
  ServerOptions options;
  options.body_bytes = 1000;
  options.total_body_bytes = 1500;
  const auto server = StartOnLoopback(options);
  const std::string head = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n";
  RawSocket first(server->Port());
  first.Send(kGet);
  EXPECT_THAT(first.ReceiveUntil("/|"), Not(IsEmpty()));
  first.Send(head + std::string(900, 'a'));
  // It is known to be read when a second one finds no room.
  const auto second_answer = [&] {
    RawSocket second(server->Port());
    second.Send(head + std::string(900, 'b'));
    return second.ReceiveUntil("\r\n");
  };
  EXPECT_TRUE(Eventually([&] { return second_answer().starts_with("HTTP/1.1 503 "); }));
  first.Send(std::string(100, 'a'));
  EXPECT_THAT(first.ReceiveUntil("/|a"), StartsWith("HTTP/1.1 200 "));
  // And what was given back serves others.
  RawSocket third(server->Port());
  third.Send(head + std::string(1000, 'c'));
  EXPECT_THAT(third.ReceiveUntil("/|c"), StartsWith("HTTP/1.1 200 "));
}

TEST(Server, BodiesOfEverySizeArriveWhole) {
  ServerOptions options;
  options.body_bytes = 100'000;
  const auto server = StartOnLoopback(options);
  for (const std::size_t size : {0U, 1U, 16'383U, 16'384U, 16'385U, 32'768U, 100'000U}) {
    RawSocket plain(server->Port());
    plain.Send("POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: " +
               std::to_string(size) + "\r\n\r\n" + std::string(size, 'p'));
    EXPECT_THAT(plain.ReceiveAll(), EndsWith("\r\n\r\n/|" + std::string(size, 'p'))) << size;
    RawSocket chunked(server->Port());
    chunked.Send(
        "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: "
        "chunked\r\n\r\n");
    for (std::size_t sent = 0; sent < size; sent += 10'000) {
      const std::size_t count = std::min<std::size_t>(10'000, size - sent);
      std::array<char, 16> digits{};
      std::snprintf(digits.data(), digits.size(), "%zx\r\n", count);
      chunked.Send(digits.data() + std::string(count, 'c') + "\r\n");
    }
    chunked.Send("0\r\n\r\n");
    EXPECT_THAT(chunked.ReceiveAll(), EndsWith("\r\n\r\n/|" + std::string(size, 'c'))) << size;
  }
}

TEST(Server, StopClosesConnectionsAndFreesThePort) {
  const auto server = StartOnLoopback();
  ServerOptions same;
  same.port = server->Port();
  RawSocket connection(server->Port());
  connection.Send(kGet);
  EXPECT_THAT(connection.ReceiveUntil("/|"), Not(IsEmpty()));
  server->Stop();
  server->Stop();
  EXPECT_TRUE(connection.IsClosedByPeer());
  ExpectAlive(*StartOnLoopback(same));
}

TEST(Server, OccupiedPortIsAnError) {
  const auto server = StartOnLoopback();
  ServerOptions same;
  same.address = "127.0.0.1";
  same.port = server->Port();
  const auto second = Server::Start(same, Echo);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(second.error().message, HasSubstr(std::to_string(server->Port())));
}

TEST(Server, AddressThatIsNoneIsAnError) {
  ServerOptions options;
  options.address = "localhost:80";
  const auto server = Server::Start(options, Echo);
  ASSERT_FALSE(server);
  EXPECT_EQ(server.error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace committest::http
