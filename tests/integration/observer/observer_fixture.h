#pragma once

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "common/api/commit_test.h"
#include "common/api/observed_repository.h"
#include "common/base/clock.h"
#include "common/base/metrics.h"
#include "common/kube/api_client.h"
#include "tests/support/command.h"
#include "tests/support/crds.h"
#include "tests/support/eventually.h"
#include "tests/support/git_server.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/test_cluster.h"

namespace committest::observer {

inline const kube::ResourceType kNamespaces{"", "v1", "namespaces", "Namespace", false};
inline const kube::ResourceType kQuotas{"", "v1", "resourcequotas", "ResourceQuota", true};

/// The observer as a process, between a real API server (tests/support/test_cluster.h says which) and
/// real Git servers.
class ObserverTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto config = testing::TestClusterConfig();
    ASSERT_TRUE(config) << config.error().message;
    kube::ApiClientOptions options;
    options.component = "test";
    auto client = kube::ApiClient::Make(*config, options, clock_, metrics_);
    ASSERT_TRUE(client) << client.error().message;
    client_ = std::move(*client);
    const auto installed = testing::InstallCrds(*client_, *client_);
    ASSERT_TRUE(installed) << installed.error().message;
    const nlohmann::json made = {
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
    observer_ = std::make_unique<testing::Command>(
        std::vector<std::string>{
            COMMITTEST_OBSERVER, "--namespace=" + namespace_,
            std::string("--kubeconfig=") + std::getenv("COMMITTEST_TEST_KUBECONFIG"),
            "--data-dir=" + (data_.path() / "mirrors").string(), "--allow-http",
            "--allow-private-addresses=127.0.0.1", "--http-address=127.0.0.1:0",
            "--workers=" + std::to_string(workers), "--list-timeout=3", "--fetch-timeout=10"},
        testing::Command::Options{.environment = {{"PATH", "/usr/bin:/bin"}},
                                  .directory = {},
                                  .timeout = std::chrono::minutes(10)});
  }

  void KillObserver() {
    observer_->Signal(SIGKILL);
    observer_->Wait();
    observer_.reset();
  }

  void CreateRepository(const std::string& name, const std::string& url, nlohmann::json spec = {}) {
    spec["url"] = url;
    if (!spec.contains("pollPeriodSeconds")) spec["pollPeriodSeconds"] = 1;
    const nlohmann::json object = {{"apiVersion", "committest.dev/v1alpha1"},
                                   {"kind", "ObservedRepository"},
                                   {"metadata", {{"namespace", namespace_}, {"name", name}}},
                                   {"spec", spec}};
    const auto created = client_->Create(api::ObservedRepositoryType(), object);
    ASSERT_TRUE(created) << created.error().message;
  }

  nlohmann::json Live(const std::string& name) {
    return client_->Get(api::ObservedRepositoryType(), {namespace_, name})
        .value_or(nlohmann::json::object());
  }

  // Changes the object as a user would, until no one else changed it in between.
  void Edit(const std::string& name, const std::function<void(nlohmann::json&)>& change) {
    ASSERT_TRUE(Eventually([&] {
      nlohmann::json object = Live(name);
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
  nlohmann::json RefuseCommitTests() {
    const nlohmann::json hard = {{"count/committests.committest.dev", "0"}};
    const nlohmann::json quota = {{"apiVersion", "v1"},
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
    const auto listed = client_->List(
        api::CommitTestType(), {namespace_, "", ""}, 500, "", {},
        [&tests](nlohmann::json&& object) { tests.push_back(api::ParseCommitTest(object)); });
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
  const std::string namespace_ = testing::UniqueName("observer");
  const testing::TemporaryFolder data_;
  testing::GitServer server_;
  std::unique_ptr<testing::Command> observer_;
};

}  // namespace committest::observer
