#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "observer/pkt_line.h"
#include "tests/integration/observer/hosted_repository.h"
#include "tests/support/scripted_server.h"

// Listing from and fetching from servers that misbehave.

namespace committest::observer {
namespace {

using namespace std::chrono_literals;
using committest::testing::ScriptedServer;
using ::testing::HasSubstr;

// What a listing makes of servers that are not what they should be.
Error ListError(const ScriptedServer::Script& script, std::chrono::milliseconds deadline = 20s) {
  ScriptedServer server({script});
  ObserverSide observer(deadline);
  const auto refs = observer.ListRefs(server.Url() + "/app", {});
  EXPECT_FALSE(refs);
  return refs ? Error{} : refs.error();
}

std::string Ok(const std::string& body) {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

TEST(HostileServer, ThatIsSilentCostsTheDeadline) {
  const auto start = std::chrono::steady_clock::now();
  const Error error = ListError(ScriptedServer::Silent(), 500ms);
  EXPECT_EQ(error.code, ErrorCode::kDeadlineExceeded);
  EXPECT_EQ(error.message, "the Git server did not answer in time");
  EXPECT_LT(std::chrono::steady_clock::now() - start, 15s);
}

TEST(HostileServer, ThatRedirectsIsNotFollowed) {
  const Error error = ListError(ScriptedServer::Answering(
      "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/x\r\nContent-Length: 0\r\n\r\n"));
  EXPECT_EQ(error.reason, "Redirected");
  EXPECT_THAT(error.message, HasSubstr("spec.url must be the final address"));
}

TEST(HostileServer, ThatSendsAWebPageIsNoGitServer) {
  const Error error = ListError(ScriptedServer::Answering(Ok("<html>hello</html>")));
  EXPECT_EQ(error.code, ErrorCode::kDataLoss);
  EXPECT_THAT(error.message, HasSubstr("does not answer as a Git server"));
  EXPECT_EQ(ListError(ScriptedServer::Answering(Ok(""))).code, ErrorCode::kDataLoss);
}

TEST(HostileServer, ThatSendsTooMuchIsCutOff) {
  const Error error = ListError(ScriptedServer::Answering(Ok(std::string(1'000'000, '0'))));
  EXPECT_EQ(error.code, ErrorCode::kResourceExhausted);
}

TEST(HostileServer, ThatExplainsItselfIsQuotedInOneLine) {
  const Error error = ListError(ScriptedServer::Answering(Ok(EncodePkt("ERR no\n\x1b[31mway"))));
  EXPECT_EQ(error.message, "the Git server says: no way");
}

TEST(HostileServer, ThatHangsInAFetchIsLeftAtTheDeadline) {
  ScriptedServer server({ScriptedServer::Silent()});
  ObserverSide observer(20s, 700ms);
  const auto start = std::chrono::steady_clock::now();
  const auto answers =
      observer.History(server.Url() + "/app", {{kMain, "", std::string(40, 'a'), {}, 1}});
  ASSERT_FALSE(answers);
  EXPECT_EQ(answers.error().code, ErrorCode::kDeadlineExceeded);
  EXPECT_LT(std::chrono::steady_clock::now() - start, 20s);
}

TEST(HostileServer, DoesNotHoldUpTheEndOfTheProcess) {
  ScriptedServer server({ScriptedServer::Silent()});
  ObserverSide observer;
  const std::string url = server.Url() + "/app";
  Result<RemoteRefs> refs;
  Result<std::vector<HistoryAnswer>> answers;
  const auto start = std::chrono::steady_clock::now();
  {
    const std::jthread lister([&] { refs = observer.ListRefs(url, {}); });
    const std::jthread fetcher(
        [&] { answers = observer.History(url, {{kMain, "", std::string(40, 'a'), {}, 1}}); });
    observer.Stop();
  }
  EXPECT_LT(std::chrono::steady_clock::now() - start, 15s);
  EXPECT_EQ(refs.error().code, ErrorCode::kCancelled);
  EXPECT_EQ(answers.error().code, ErrorCode::kCancelled);
}

}  // namespace
}  // namespace committest::observer
