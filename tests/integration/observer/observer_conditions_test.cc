#include <chrono>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/integration/observer/observer_fixture.h"
#include "tests/support/scripted_server.h"

// What the observer says of repositories that it cannot observe.

namespace committest::observer {
namespace {

using namespace std::chrono_literals;
using committest::testing::GitRepository;
using committest::testing::ScriptedServer;
using nlohmann::json;

TEST_F(ObserverTest, SaysWhatIsWrongWithASpecAndRecovers) {
  GitRepository repository = server_.CreateRepository("app");
  const std::string a = repository.Commit({{"f", "1"}});
  StartObserver();
  CreateRepository("app", "https://127.0.0.1:99999/app");
  ASSERT_TRUE(Eventually([&] { return Ready("app") == "False/InvalidSpec"; }));
  Edit("app", [&](json& object) { object["spec"]["url"] = server_.Url("app"); });
  EXPECT_TRUE(Eventually([&] { return Cursor("app") == a; }));
  EXPECT_EQ(Ready("app"), "True/Observing");
}

TEST_F(ObserverTest, SaysThatNoRefMatchesAndThatItIsSuspended) {
  server_.CreateRepository("app").Commit({{"f", "1"}});
  StartObserver();
  CreateRepository("app", server_.Url("app"), {{"refs", json::array({"refs/heads/release/*"})}});
  ASSERT_TRUE(Eventually([&] { return Ready("app") == "True/NoMatchingRefs"; }));
  EXPECT_EQ(Told("app", "Reachable"), "True/Answered");
  Edit("app", [](json& object) { object["spec"]["suspend"] = true; });
  EXPECT_TRUE(Eventually([&] { return Ready("app") == "False/Suspended"; }));
}

TEST_F(ObserverTest, SaysThatAServerRedirects) {
  ScriptedServer elsewhere({ScriptedServer::Answering(
      "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/x\r\nContent-Length: 0\r\n\r\n")});
  StartObserver();
  CreateRepository("app", elsewhere.Url() + "/app");
  ASSERT_TRUE(Eventually([&] { return Ready("app") == "False/Unreachable"; }));
  EXPECT_EQ(Told("app", "Reachable"), "False/Redirected");
}

TEST_F(ObserverTest, SaysThatAnAddressIsRefused) {
  StartObserver();
  CreateRepository("app", "http://169.254.169.254/latest/meta-data");
  ASSERT_TRUE(Eventually([&] { return Ready("app") == "False/Unreachable"; }));
  EXPECT_EQ(Told("app", "Reachable"), "False/AddressRefused");
}

TEST_F(ObserverTest, SaysThatACommitTestIsRefusedAndMovesOnWhenItIsNot) {
  const json quota = RefuseCommitTests();
  const std::string a = server_.CreateRepository("app").Commit({{"f", "1"}});
  StartObserver();
  CreateRepository("app", server_.Url("app"));
  ASSERT_TRUE(Eventually([&] { return Ready("app") == "False/CreateFailed"; }));
  EXPECT_EQ(Told("app", "Reachable"), "True/Answered");
  EXPECT_EQ(Cursor("app"), "");
  const auto meta = kube::ParseObjectMeta(quota);
  ASSERT_TRUE(client_->Delete(kQuotas, meta->Key(), meta->uid));
  EXPECT_TRUE(Eventually([&] { return Cursor("app") == a; }, 60s));
  EXPECT_EQ(Ready("app"), "True/Observing");
}

TEST_F(ObserverTest, SaysThatAServerIsGoneAndComesBack) {
  GitRepository repository = server_.CreateRepository("app");
  repository.Commit({{"f", "1"}});
  StartObserver();
  CreateRepository("app", server_.Url("app"));
  ASSERT_TRUE(Eventually([&] { return Ready("app") == "True/Observing"; }));
  server_.Stop();
  ASSERT_TRUE(Eventually([&] { return Ready("app") == "False/Unreachable"; }));
  server_.Start();
  const std::string b = repository.Commit({{"f", "2"}});
  EXPECT_TRUE(Eventually([&] { return Cursor("app") == b; }, 60s));
  EXPECT_EQ(Ready("app"), "True/Observing");
}

}  // namespace
}  // namespace committest::observer
