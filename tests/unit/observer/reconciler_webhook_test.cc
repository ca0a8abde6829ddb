// Looks at a repository that has a webhook: what deliveries bring about, and what their absence does.
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "common/api/condition.h"
#include "observer/repository_reconciler.h"
#include "tests/support/manual_clock.h"
#include "tests/unit/observer/fake_git_remote.h"
#include "tests/unit/observer/fake_secrets.h"

namespace committest::observer {
namespace {

using nlohmann::json;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char* kMain = "refs/heads/main";
const kube::ObjectKey kKey{"ci", "app"};

// One ObservedRepository, and the triggers of the CommitTests that were made.
class OneRepository final : public kube::Reader, public kube::Writer, public kube::StatusWriter {
 public:
  json object = {{"metadata",
                  {{"namespace", "ci"},
                   {"name", "app"},
                   {"uid", "u-1"},
                   {"resourceVersion", "10"},
                   {"generation", 1}}},
                 {"spec",
                  {{"url", "https://git.example.org/app"},
                   {"webhook", {{"provider", "GitHub"}, {"secretName", "hook"}}}}},
                 {"status", json::object()}};
  std::vector<std::string> triggers;
  int writes = 0;
  bool refuses_creations = false;

  Result<json> Get(const kube::ResourceType&, const kube::ObjectKey&) override { return object; }
  Result<json> Create(const kube::ResourceType&, const json& test) override {
    if (refuses_creations) return Fail(ErrorCode::kUnavailable, "cut");
    triggers.push_back(test["spec"]["trigger"]["type"]);
    return test;
  }
  Status Delete(const kube::ResourceType&, const kube::ObjectKey&, std::string_view) override {
    return {};
  }
  Result<json> PatchStatus(const kube::ResourceType&, const kube::ObjectMeta&,
                           const json& patch) override {
    ++writes;
    object["status"].merge_patch(patch);
    object["metadata"]["resourceVersion"] = std::to_string(10 + writes);
    return object;
  }
};

class ReconcilerWebhookTest : public ::testing::Test {
 protected:
  ReconcilerWebhookTest() {
    source_.Set({"ci", "hook"}, "webhook-secret", "s");
    remote_.Push(kMain, 1, 1);
    Start();
  }

  // A new process: nothing in memory survives.
  void Start() {
    deliveries_ = std::make_unique<Deliveries>();
    secrets_ = std::make_unique<WebhookSecrets>(source_, clock_);
    reconciler_ = std::make_unique<RepositoryReconciler>(
        ReconcilerOptions{},
        RepositoryReconciler::Api{[this](const kube::ObjectKey&) {
                                    return std::make_shared<const api::ObservedRepository>(
                                        api::ParseObservedRepository(api_.object));
                                  },
                                  api_, api_, api_},
        remote_, clock_, *random_, metrics_, WebhookParts{deliveries_.get(), secrets_.get()});
  }

  seconds Look() {
    const auto outcome = reconciler_->Reconcile(kKey);
    EXPECT_TRUE(outcome) << outcome.error().message;
    // Up to a tenth is added or taken away.
    return std::chrono::duration_cast<seconds>(*outcome->requeue_after * 10 / 9);
  }
  void Deliver() { deliveries_->Note(kKey, clock_.Wall()); }
  void Push() {
    ++commits_;
    remote_.Push(kMain, commits_, commits_);
  }

  // Looks once, takes a delivery, looks again: the state from which the long period is used.
  void MakeHealthy() {
    Look();
    Deliver();
    Look();
    ASSERT_EQ(Health(), "True/Delivered");
    clock_.Advance(std::chrono::minutes(5));
  }

  api::ObservedRepositoryStatus Now() const {
    return api::ParseObservedRepository(api_.object).status;
  }
  std::string Health() const {
    const auto status = Now();
    const auto* found = api::FindCondition(status.conditions, api::condition::kWebhookHealthy);
    return found == nullptr ? "none" : found->status + "/" + found->reason;
  }
  std::string Message() const {
    const auto status = Now();
    return api::FindCondition(status.conditions, api::condition::kWebhookHealthy)->message;
  }

  ManualClock clock_;
  std::unique_ptr<Random> random_ = MakeSeededRandom(7);
  Metrics metrics_;
  OneRepository api_;
  FakeGitRemote remote_;
  FakeSecrets source_;
  int commits_ = 1;
  std::unique_ptr<Deliveries> deliveries_;
  std::unique_ptr<WebhookSecrets> secrets_;
  std::unique_ptr<RepositoryReconciler> reconciler_;
};

TEST_F(ReconcilerWebhookTest, WithoutAnyDeliveryItPollsAsEver) {
  EXPECT_LE(Look(), seconds(7));
  EXPECT_EQ(Health(), "False/NoDelivery");
  EXPECT_THAT(api_.triggers, ElementsAre("Poll"));
  const auto secret = secrets_->Find(api::ParseObservedRepository(api_.object));
  ASSERT_TRUE(secret);
  EXPECT_EQ(*secret, "s");
}

TEST_F(ReconcilerWebhookTest, ADeliveryMakesItHealthyAndTheTriggerWebhook) {
  Look();
  Push();
  Deliver();
  EXPECT_LE(Look(), seconds(7));  // Once more soon, in case the host's refs lag.
  EXPECT_EQ(Health(), "True/Delivered");
  EXPECT_THAT(api_.triggers, ElementsAre("Poll", "Webhook"));
  EXPECT_EQ(Now().last_webhook_time, clock_.Wall());
  clock_.Advance(seconds(5));
  EXPECT_GE(Look(), seconds(300));
  EXPECT_EQ(Now().missed_webhook_count, 0);
}

TEST_F(ReconcilerWebhookTest, WritesNothingInQuietTimes) {
  MakeHealthy();
  const int writes = api_.writes;
  for (int i = 0; i < 100; ++i) {
    clock_.Advance(std::chrono::minutes(5));
    EXPECT_GE(Look(), seconds(300));
  }
  EXPECT_EQ(api_.writes, writes);
}

TEST_F(ReconcilerWebhookTest, ManyDeliveriesWriteAtMostOnceAMinute) {
  MakeHealthy();
  const int writes = api_.writes;
  for (int i = 0; i < 600; ++i) {
    clock_.Advance(seconds(1));
    Deliver();
    Look();
  }
  EXPECT_LE(api_.writes - writes, 10);
  EXPECT_GE(api_.writes - writes, 9);
}

TEST_F(ReconcilerWebhookTest, APollThatFindsACommitFirstCountsAsMissed) {
  MakeHealthy();
  Push();
  EXPECT_LE(Look(), seconds(7));
  EXPECT_EQ(Health(), "Unknown/AwaitingDelivery");
  EXPECT_EQ(api_.triggers.back(), "Poll");
  clock_.Advance(seconds(61));
  EXPECT_LE(Look(), seconds(7));
  EXPECT_EQ(Health(), "False/MissedDelivery");
  EXPECT_EQ(Now().missed_webhook_count, 1);
  EXPECT_THAT(metrics_.Expose(), HasSubstr("committest_observer_webhook_missed_total 1"));
  // Right again.
  Deliver();
  Look();
  EXPECT_EQ(Health(), "True/Delivered");
  EXPECT_GE(Look(), seconds(300));
  EXPECT_EQ(Now().missed_webhook_count, 1);
}

TEST_F(ReconcilerWebhookTest, ADeliveryThatComesAfterThePollIsInTime) {
  MakeHealthy();
  Push();
  Look();
  clock_.Advance(seconds(20));
  Deliver();
  Look();
  clock_.Advance(seconds(61));
  Look();
  EXPECT_EQ(Health(), "True/Delivered");
  EXPECT_EQ(Now().missed_webhook_count, 0);
}

TEST_F(ReconcilerWebhookTest, AHostWhoseRefsLagIsNotBlamed) {
  MakeHealthy();
  Deliver();
  EXPECT_LE(Look(), seconds(7));
  Push();
  clock_.Advance(seconds(5));
  Look();
  EXPECT_EQ(Health(), "True/Delivered");
}

TEST_F(ReconcilerWebhookTest, ADeliveryStaysOpenWhileTheServerFails) {
  MakeHealthy();
  Push();
  Deliver();
  remote_.list_error = Error{ErrorCode::kUnavailable, "down", {}, std::nullopt};
  EXPECT_LE(Look(), seconds(8));  // The back-off, not the long period.
  clock_.Advance(std::chrono::minutes(10));
  remote_.list_error.reset();
  Look();
  EXPECT_EQ(api_.triggers.back(), "Webhook");
  EXPECT_EQ(Health(), "True/Delivered");
}

TEST_F(ReconcilerWebhookTest, ADeliveryStaysOpenUntilItsTestsExist) {
  MakeHealthy();
  Push();
  Deliver();
  api_.refuses_creations = true;
  Look();
  api_.refuses_creations = false;
  clock_.Advance(seconds(10));
  Look();
  EXPECT_EQ(api_.triggers.back(), "Webhook");
}

TEST_F(ReconcilerWebhookTest, ARestartForgetsNoState) {
  MakeHealthy();
  Start();
  EXPECT_GE(Look(), seconds(300));
  EXPECT_EQ(Health(), "True/Delivered");
  Push();
  Look();
  ASSERT_EQ(Health(), "Unknown/AwaitingDelivery");
  Start();
  clock_.Advance(seconds(61));
  Look();
  EXPECT_EQ(Health(), "False/MissedDelivery");
  Start();
  EXPECT_LE(Look(), seconds(7));
  EXPECT_EQ(Now().missed_webhook_count, 1);
}

TEST_F(ReconcilerWebhookTest, WhatCameWhileItWasDownIsNotMissed) {
  MakeHealthy();
  Push();
  Start();
  Look();
  clock_.Advance(seconds(61));
  Look();
  EXPECT_EQ(Health(), "True/Delivered");
  EXPECT_EQ(Now().missed_webhook_count, 0);
}

TEST_F(ReconcilerWebhookTest, WhatAChangedSpecBringsIsNotMissed) {
  MakeHealthy();
  remote_.Push("refs/heads/other", 50, 50);
  api_.object["spec"]["refs"] = json::array({"refs/heads/*"});
  api_.object["metadata"]["generation"] = 2;
  Look();
  EXPECT_EQ(api_.triggers.size(), 2U);
  EXPECT_EQ(Health(), "True/Delivered");
}

TEST_F(ReconcilerWebhookTest, ASecretThatCannotBeUsedIsSaid) {
  source_.Set({"ci", "hook"}, "webhook-secret", "");
  Look();
  EXPECT_EQ(Health(), "False/SecretUnusable");
  EXPECT_EQ(Message(), "Secret ci/hook: webhook-secret is empty, expected the webhook's secret");
  source_.SetError(ErrorCode::kPermissionDenied);
  Look();
  EXPECT_EQ(Message(), "Secret ci/hook cannot be read");
  source_.SetError(std::nullopt);
  source_.Set({"ci", "hook"}, "webhook-secret", "s");
  Look();
  EXPECT_EQ(Health(), "False/NoDelivery");
}

TEST_F(ReconcilerWebhookTest, AnObserverThatTakesNoneSaysSo) {
  RepositoryReconciler without(
      ReconcilerOptions{},
      RepositoryReconciler::Api{[this](const kube::ObjectKey&) {
                                  return std::make_shared<const api::ObservedRepository>(
                                      api::ParseObservedRepository(api_.object));
                                },
                                api_, api_, api_},
      remote_, clock_, *random_, metrics_);
  EXPECT_TRUE(without.Reconcile(kKey));
  EXPECT_EQ(Health(), "False/NotServed");
}

TEST_F(ReconcilerWebhookTest, WithoutAWebhookThereIsNoCondition) {
  MakeHealthy();
  api_.object["spec"].erase("webhook");
  EXPECT_LE(Look(), seconds(7));
  EXPECT_EQ(Health(), "none");
  EXPECT_FALSE(Now().last_webhook_time);
  // Its period is that of any other.
  EXPECT_LE(Look(), seconds(7));
}

}  // namespace
}  // namespace committest::observer
