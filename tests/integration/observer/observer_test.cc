#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "common/api/commit_test.h"
#include "common/api/observed_repository.h"
#include "common/base/clock.h"
#include "common/base/metrics.h"
#include "common/http/client.h"
#include "common/kube/api_client.h"
#include "tests/support/command.h"
#include "tests/support/crds.h"
#include "tests/support/eventually.h"
#include "tests/support/git_server.h"
#include "tests/support/scripted_server.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/test_cluster.h"

// The observer as a process, between a real API server (tests/support/test_cluster.h says which) and
// real Git servers.

namespace committest::observer {
namespace {

using namespace std::chrono_literals;
using committest::testing::Command;
using committest::testing::CommandEnd;
using committest::testing::GitRepository;
using committest::testing::GitServer;
using committest::testing::ScriptedServer;
using committest::testing::TemporaryFolder;
using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const kube::ResourceType kNamespaces{"", "v1", "namespaces", "Namespace", false};
const kube::ResourceType kQuotas{"", "v1", "resourcequotas", "ResourceQuota", true};

class ThreadsEnvironment : public ::testing::Environment {
 public:
  void SetUp() override { ASSERT_TRUE(http::InitThreads(3)); }
};
const auto* const kThreads = ::testing::AddGlobalTestEnvironment(new ThreadsEnvironment);

class ObserverTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto config = committest::testing::TestClusterConfig();
    ASSERT_TRUE(config) << config.error().message;
    kube::ApiClientOptions options;
    options.component = "test";
    auto client = kube::ApiClient::Make(*config, options, clock_, metrics_);
    ASSERT_TRUE(client) << client.error().message;
    client_ = std::move(*client);
    const auto installed = committest::testing::InstallCrds(*client_, *client_);
    ASSERT_TRUE(installed) << installed.error().message;
    const json made = {
        {"apiVersion", "v1"}, {"kind", "Namespace"}, {"metadata", {{"name", namespace_}}}};
    const auto created = client_->Create(kNamespaces, made);
    ASSERT_TRUE(created) << created.error().message;
  }

  void TearDown() override {
    observer_.reset();
    if (!client_) return;
    const auto live = client_->Get(kNamespaces, {"", namespace_});
    if (live) {
      const auto gone = client_->Delete(kNamespaces, {"", namespace_},
                                        (*live)["metadata"]["uid"].get<std::string>());
      EXPECT_TRUE(gone);
    }
  }

  void StartObserver(int workers = 4) {
    observer_ = std::make_unique<Command>(
        std::vector<std::string>{
            COMMITTEST_OBSERVER, "--namespace=" + namespace_,
            std::string("--kubeconfig=") + std::getenv("COMMITTEST_TEST_KUBECONFIG"),
            "--data-dir=" + (data_.path() / "mirrors").string(), "--allow-http",
            "--allow-private-addresses=127.0.0.1", "--http-address=127.0.0.1:0",
            "--workers=" + std::to_string(workers), "--list-timeout=3", "--fetch-timeout=10"},
        Command::Options{
            .environment = {{"PATH", "/usr/bin:/bin"}}, .directory = {}, .timeout = 10min});
  }

  void KillObserver() {
    observer_->Signal(SIGKILL);
    observer_->Wait();
    observer_.reset();
  }

  void CreateRepository(const std::string& name, const std::string& url, json spec = {}) {
    spec["url"] = url;
    if (!spec.contains("pollPeriodSeconds")) spec["pollPeriodSeconds"] = 1;
    const json object = {{"apiVersion", "committest.dev/v1alpha1"},
                         {"kind", "ObservedRepository"},
                         {"metadata", {{"namespace", namespace_}, {"name", name}}},
                         {"spec", spec}};
    const auto created = client_->Create(api::ObservedRepositoryType(), object);
    ASSERT_TRUE(created) << created.error().message;
  }

  json Live(const std::string& name) {
    return client_->Get(api::ObservedRepositoryType(), {namespace_, name}).value_or(json::object());
  }

  // Changes the object as a user would, until no one else changed it in between.
  void Edit(const std::string& name, const std::function<void(json&)>& change) {
    ASSERT_TRUE(Eventually([&] {
      json object = Live(name);
      change(object);
      return client_->Replace(api::ObservedRepositoryType(), object).has_value();
    }));
  }

  std::string Cursor(const std::string& name, const std::string& ref = "refs/heads/main") {
    const auto repository = api::ParseObservedRepository(Live(name));
    for (const auto& entry : repository.status.refs) {
      if (entry.name == ref) return entry.last_seen_commit;
    }
    return "";
  }

  std::string Told(const std::string& name, const char* type) {
    const auto repository = api::ParseObservedRepository(Live(name));
    const auto* condition = api::FindCondition(repository.status.conditions, type);
    return condition == nullptr ? "none" : condition->status + "/" + condition->reason;
  }
  std::string Ready(const std::string& name) { return Told(name, "Ready"); }

  // Sets a quota without room for a CommitTest; the status is the quota controller's part.
  json RefuseCommitTests() {
    const json hard = {{"count/committests.committest.dev", "0"}};
    const json quota = {{"apiVersion", "v1"},
                        {"kind", "ResourceQuota"},
                        {"metadata", {{"namespace", namespace_}, {"name", "none"}}},
                        {"spec", {{"hard", hard}}}};
    const auto created = client_->Create(kQuotas, quota);
    EXPECT_TRUE(created) << created.error().message;
    if (!created) return {};
    const auto meta = kube::ParseObjectMeta(*created);
    EXPECT_TRUE(client_->PatchStatus(kQuotas, *meta, {{"hard", hard}, {"used", hard}}));
    return *created;
  }

  std::vector<api::CommitTest> Tests() {
    std::vector<api::CommitTest> tests;
    const auto listed =
        client_->List(api::CommitTestType(), {namespace_, "", ""}, 500, "", {},
                      [&tests](json&& object) { tests.push_back(api::ParseCommitTest(object)); });
    EXPECT_TRUE(listed) << listed.error().message;
    return tests;
  }

  std::multiset<std::string> TestedCommits() {
    std::multiset<std::string> commits;
    for (const auto& test : Tests()) commits.insert(test.spec.source.commit);
    return commits;
  }

  const SystemClock clock_;
  Metrics metrics_;
  std::unique_ptr<kube::ApiClient> client_;
  const std::string namespace_ = committest::testing::UniqueName("observer");
  const TemporaryFolder data_;
  GitServer server_;
  std::unique_ptr<Command> observer_;
};

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
    // In the midst of creating: as soon as some, but seldom all, of this round exist.
    const std::size_t some = TestedCommits().size() + static_cast<std::size_t>(round) % 4;
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
