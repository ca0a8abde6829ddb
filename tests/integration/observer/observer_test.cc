#include <algorithm>
#include <chrono>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "common/http/client.h"
#include "tests/integration/observer/observer_fixture.h"
#include "tests/support/scripted_server.h"

// What the observer makes of pushes, and that it goes on whatever happens to it.

namespace committest::observer {
namespace {

using namespace std::chrono_literals;
using committest::testing::CommandEnd;
using committest::testing::GitRepository;
using committest::testing::ScriptedServer;
using nlohmann::json;

class ThreadsEnvironment : public ::testing::Environment {
 public:
  void SetUp() override { ASSERT_TRUE(http::InitThreads(3)); }
};
const auto* const kThreads = ::testing::AddGlobalTestEnvironment(new ThreadsEnvironment);

TEST_F(ObserverTest, TurnsAPushIntoCommitTestsAndMovesTheCursor) {
  GitRepository repository = server_.CreateRepository("app");
  const std::string a = repository.Commit({{"f", "1"}}, "First");
  StartObserver();
  CreateRepository("app", server_.Url("app"),
                   {{"template", {{"tests", {{"framework", "Pytest"}}}}}});
  ASSERT_TRUE(Eventually([&] { return Cursor("app") == a; }));
  EXPECT_EQ(TestedCommits(), std::multiset<std::string>{a});
  EXPECT_EQ(Ready("app"), "True/Observing");

  const std::string b = repository.Commit({{"f", "2"}}, "Second");
  const std::string c = repository.Commit({{"f", "3"}}, "Third");
  ASSERT_TRUE(Eventually([&] { return Cursor("app") == c; }));
  EXPECT_EQ(TestedCommits(), (std::multiset<std::string>{a, b, c}));
  for (const auto& test : Tests()) {
    EXPECT_EQ(test.parse_error, "");
    EXPECT_EQ(test.spec.source.url, server_.Url("app"));
    EXPECT_EQ(test.spec.source.ref, "refs/heads/main");
    EXPECT_EQ(test.spec.source.author, "Test");
    EXPECT_EQ(test.spec.trigger.type, api::TriggerType::kPoll);
    EXPECT_EQ(test.spec.tests.framework, api::Framework::kPytest);
  }
}

TEST_F(ObserverTest, WritesNothingWhileNothingChanges) {
  GitRepository repository = server_.CreateRepository("app");
  const std::string a = repository.Commit({{"f", "1"}});
  StartObserver();
  CreateRepository("app", server_.Url("app"));
  ASSERT_TRUE(Eventually([&] { return Cursor("app") == a; }));
  const json before = Live("app");
  const std::size_t requests = server_.Requests().size();
  ASSERT_TRUE(Eventually([&] { return server_.Requests().size() >= requests + 5; }));
  EXPECT_EQ(Live("app")["metadata"]["resourceVersion"], before["metadata"]["resourceVersion"]);
  EXPECT_EQ(TestedCommits().size(), 1U);
}

TEST_F(ObserverTest, LosesNothingAndRepeatsNothingWhenItIsKilled) {
  std::multiset<std::string> pushed;
  std::vector<GitRepository> repositories;
  for (int i = 0; i < 4; ++i) {
    const std::string name = "app" + std::to_string(i);
    repositories.push_back(server_.CreateRepository(name));
    pushed.insert(repositories.back().Commit({{"f", name}}, "Start of " + name));
    CreateRepository(name, server_.Url(name));
  }
  StartObserver();
  ASSERT_TRUE(Eventually([&] { return TestedCommits() == pushed; }));
  for (int round = 0; round < 6; ++round) {
    for (auto& repository : repositories) {
      for (int i = 0; i < 3; ++i) {
        pushed.insert(repository.Commit({{"f", std::to_string(round * 3 + i)}}, "Next"));
      }
    }
    // In the midst of creating: as soon as some, but seldom all, of this round exist. On a slow
    // machine the observer has found them all before the last is pushed.
    const std::size_t some =
        std::min(TestedCommits().size() + static_cast<std::size_t>(round) % 4, pushed.size());
    EXPECT_TRUE(Eventually([&] { return TestedCommits().size() >= some; }));
    KillObserver();
    StartObserver();
  }
  EXPECT_TRUE(Eventually([&] { return TestedCommits().size() >= pushed.size(); }, 60s));
  EXPECT_EQ(TestedCommits(), pushed);
}

TEST_F(ObserverTest, DoesNotMakeADeletedCommitTestAgain) {
  GitRepository repository = server_.CreateRepository("app");
  const std::string a = repository.Commit({{"f", "1"}});
  StartObserver();
  CreateRepository("app", server_.Url("app"));
  ASSERT_TRUE(Eventually([&] { return Cursor("app") == a; }));
  for (const auto& test : Tests()) {
    ASSERT_TRUE(client_->Delete(api::CommitTestType(), test.meta.Key(), test.meta.uid));
  }
  KillObserver();
  StartObserver();
  const std::size_t requests = server_.Requests().size();
  ASSERT_TRUE(Eventually([&] { return server_.Requests().size() >= requests + 4; }));
  EXPECT_THAT(TestedCommits(), ::testing::IsEmpty());
}

TEST_F(ObserverTest, TwoObserversCreateEachCommitTestOnce) {
  GitRepository repository = server_.CreateRepository("app");
  std::multiset<std::string> pushed = {repository.Commit({{"f", "0"}})};
  StartObserver();
  const auto first = std::move(observer_);
  StartObserver();
  CreateRepository("app", server_.Url("app"));
  ASSERT_TRUE(Eventually([&] { return TestedCommits() == pushed; }));
  for (int i = 1; i <= 10; ++i) pushed.insert(repository.Commit({{"f", std::to_string(i)}}));
  EXPECT_TRUE(Eventually([&] { return TestedCommits().size() >= pushed.size(); }));
  EXPECT_EQ(TestedCommits(), pushed);
}

TEST_F(ObserverTest, GoesOnWithHealthyRepositoriesBesideSilentOnes) {
  ScriptedServer silent({ScriptedServer::Silent()});
  GitRepository repository = server_.CreateRepository("app");
  repository.Commit({{"f", "1"}});
  StartObserver(4);
  for (int i = 0; i < 8; ++i) {
    CreateRepository("silent" + std::to_string(i), silent.Url() + "/x" + std::to_string(i));
  }
  ASSERT_TRUE(Eventually([&] { return Ready("silent0") == "False/Unreachable"; }, 60s));
  EXPECT_EQ(Told("silent0", "Reachable"), "False/DeadlineExceeded");
  CreateRepository("app", server_.Url("app"));
  ASSERT_TRUE(Eventually([&] { return Ready("app") == "True/Observing"; }, 60s));
  ASSERT_TRUE(Eventually([&] { return Ready("silent7") == "False/Unreachable"; }, 60s));
  for (int i = 0; i < 5; ++i) {
    const auto start = std::chrono::steady_clock::now();
    const std::string commit = repository.Commit({{"f", std::to_string(100 + i)}});
    ASSERT_TRUE(Eventually([&] { return Cursor("app") == commit; }));
    // All silent ones have failed once, so they take no more than half of the workers.
    EXPECT_LT(std::chrono::steady_clock::now() - start, 10s);
  }
}

TEST_F(ObserverTest, LooksAtOnceWhenTheAnnotationChanges) {
  GitRepository repository = server_.CreateRepository("app");
  const std::string a = repository.Commit({{"f", "1"}});
  StartObserver();
  CreateRepository("app", server_.Url("app"), {{"pollPeriodSeconds", 86400}});
  ASSERT_TRUE(Eventually([&] { return Cursor("app") == a; }));
  const std::string b = repository.Commit({{"f", "2"}});
  Edit("app",
       [](json& object) { object["metadata"]["annotations"][api::kPollNowAnnotation] = "now"; });
  EXPECT_TRUE(Eventually([&] { return Cursor("app") == b; }));
}

TEST_F(ObserverTest, FollowsGlobsNewAndDeletedBranches) {
  GitRepository repository = server_.CreateRepository("app");
  const std::string a = repository.Commit({{"f", "1"}});
  repository.Git({"branch", "release/1"});
  StartObserver();
  CreateRepository("app", server_.Url("app"), {{"refs", json::array({"refs/heads/release/*"})}});
  ASSERT_TRUE(Eventually([&] { return Cursor("app", "refs/heads/release/1") == a; }));
  EXPECT_EQ(Cursor("app"), "");
  repository.Git({"branch", "release/2"});
  ASSERT_TRUE(Eventually([&] { return Cursor("app", "refs/heads/release/2") == a; }));
  // The same commit on two branches is tested once.
  EXPECT_EQ(TestedCommits(), std::multiset<std::string>{a});
  repository.Git({"branch", "-D", "release/1"});
  EXPECT_TRUE(Eventually([&] { return Cursor("app", "refs/heads/release/1").empty(); }));
}

TEST_F(ObserverTest, EndsSoonAndCleanlyAlsoBesideASilentServer) {
  ScriptedServer silent({ScriptedServer::Silent()});
  StartObserver();
  CreateRepository("silent", silent.Url() + "/x");
  ASSERT_TRUE(Eventually([&] { return silent.Connections() > 0; }));
  const auto start = std::chrono::steady_clock::now();
  observer_->Signal(SIGTERM);
  const CommandEnd end = observer_->Wait();
  EXPECT_EQ(end.exit_code, 0) << end.output;
  EXPECT_LT(std::chrono::steady_clock::now() - start, 10s);
}

}  // namespace
}  // namespace committest::observer
