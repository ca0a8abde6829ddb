#include "common/http/client.h"

#include <future>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/strings.h"
#include "common/http/network.h"
#include "tests/unit/common/http/client_fixture.h"

// What is sent and answered, by servers that send what no well-behaved one would among them.

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

// Without spaces and in lower case, which HTTP gives no meaning to in its headers.
std::string Squeezed(std::string text) {
  std::erase(text, ' ');
  return Lower(text);
}

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

TEST_P(ClientTest, LostAnswerOfAWriteIsNotSaidToBeUnsent) {
  ScriptedServer server(
      {[](ScriptedServer& self, RawSocket& connection) { self.ReadRequest(connection); }});
  const auto answer = Connect(server.Url())->Send(Post("x"), {}, {});
  ASSERT_FALSE(answer);
  EXPECT_NE(answer.error().reason, kNotSent);
  EXPECT_THAT(server.Requests(), SizeIs(1));
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
