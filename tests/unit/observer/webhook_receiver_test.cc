#include "observer/webhook_receiver.h"

#include <map>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/manual_clock.h"
#include "tests/unit/observer/fake_secrets.h"

namespace committest::observer {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// GitHub's own example.
constexpr const char* kSecret = "It's a Secret to Everybody";
constexpr const char* kBody = "Hello, World!";
constexpr const char* kSignature =
    "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

class WebhookReceiverTest : public ::testing::Test {
 protected:
  WebhookReceiverTest() {
    secrets_source_.Set({"ci", "hook"}, "webhook-secret", kSecret);
    secrets_source_.Set({"ci", "empty"}, "webhook-secret", "");
    Add("app", "hook");
    Add("without-secret", "missing");
    Add("with-empty-secret", "empty");
    Add("without-webhook", "");
  }

  void Add(const std::string& name, const std::string& secret) {
    auto repository = std::make_shared<api::ObservedRepository>();
    repository->meta.namespace_ = "ci";
    repository->meta.name = name;
    if (!secret.empty()) {
      repository->spec.webhook = api::WebhookSpec{api::WebhookProvider::kGitHub, secret};
      static_cast<void>(secrets_.Refresh(*repository));
    }
    repositories_[repository->meta.Key()] = repository;
  }

  static http::Request Delivery(const std::string& name, const std::string& id = "1") {
    http::Request request;
    request.method = "POST";
    request.target = "/webhooks/ci/" + name;
    request.headers = {{"x-hub-signature-256", kSignature}, {"x-github-delivery", id}};
    request.body = kBody;
    request.peer = "192.0.2.1";
    return request;
  }

  // As the server asks: first with the head alone.
  http::Response Send(const http::Request& request) {
    http::Request head = request;
    head.body.clear();
    if (auto refusal = receiver_.Refuse(head)) return *refusal;
    return receiver_.Take(request);
  }
  int StatusOf(const http::Request& request) { return Send(request).status; }

  bool IsOpen() const { return deliveries_.Get({"ci", "app"}).is_open; }
  std::string Count(const std::string& provider, const std::string& result) const {
    const std::string series = "committest_observer_webhook_deliveries_total{provider=\"" +
                               provider + "\",result=\"" + result + "\"} ";
    const std::string text = metrics_.Expose();
    const std::size_t at = text.find(series);
    if (at == std::string::npos) return "no series";
    return text.substr(at + series.size(), text.find('\n', at) - at - series.size());
  }

  ManualClock clock_{SleepMode::kBlock};
  Metrics metrics_;
  FakeSecrets secrets_source_;
  WebhookSecrets secrets_{secrets_source_, clock_};
  Deliveries deliveries_;
  std::map<kube::ObjectKey, WebhookReceiver::RepositoryPtr> repositories_;
  std::vector<std::string> looks_;
  WebhookReceiver receiver_{
      {[this](const kube::ObjectKey& key) {
         const auto it = repositories_.find(key);
         return it == repositories_.end() ? nullptr : it->second;
       },
       [this](const kube::ObjectKey& key) { looks_.push_back(key.ToString()); }},
      secrets_,
      deliveries_,
      clock_,
      metrics_};
};

TEST_F(WebhookReceiverTest, AGenuineDeliveryBringsALook) {
  const http::Response response = Send(Delivery("app"));
  EXPECT_EQ(response.status, 202);
  EXPECT_THAT(looks_, ElementsAre("ci/app"));
  EXPECT_TRUE(IsOpen());
  EXPECT_EQ(Count("GitHub", "accepted"), "1");
  EXPECT_THAT(metrics_.Expose(), HasSubstr("committest_observer_webhook_seconds_count 1"));
}

TEST_F(WebhookReceiverTest, APingIsADeliveryLikeAnyOther) {
  auto ping = Delivery("app");
  ping.headers["x-github-event"] = "ping";
  EXPECT_EQ(StatusOf(ping), 202);
}

TEST_F(WebhookReceiverTest, ARepeatedOneIsTakenAndBringsNoLook) {
  EXPECT_EQ(StatusOf(Delivery("app")), 202);
  EXPECT_EQ(StatusOf(Delivery("app")), 202);
  EXPECT_THAT(looks_, ElementsAre("ci/app"));
  EXPECT_EQ(Count("GitHub", "repeated"), "1");
  EXPECT_EQ(StatusOf(Delivery("app", "2")), 202);
  EXPECT_EQ(looks_.size(), 2U);
  // Of another repository with the same secret it is another one.
  Add("other", "hook");
  EXPECT_EQ(StatusOf(Delivery("other")), 202);
  EXPECT_EQ(looks_.back(), "ci/other");
}

TEST_F(WebhookReceiverTest, StrangersCannotTellWhichRepositoriesThereAre) {
  auto wrong = Delivery("app");
  wrong.headers["x-hub-signature-256"] = "sha256=" + std::string(64, '0');
  auto unsigned_one = Delivery("app");
  unsigned_one.headers.clear();
  auto changed = Delivery("app");
  changed.body += " ";
  const http::Response expected = Send(wrong);
  EXPECT_EQ(expected.status, 401);
  EXPECT_EQ(expected.body, "unauthorized\n");
  for (const auto& request :
       {unsigned_one, changed, Delivery("nowhere"), Delivery("without-webhook"),
        Delivery("without-secret"), Delivery("with-empty-secret")}) {
    SCOPED_TRACE(request.target);
    const http::Response response = Send(request);
    EXPECT_EQ(response.status, expected.status);
    EXPECT_EQ(response.body, expected.body);
    EXPECT_EQ(response.headers, expected.headers);
  }
  EXPECT_THAT(looks_, IsEmpty());
  EXPECT_FALSE(IsOpen());
  EXPECT_EQ(Count("GitHub", "refused"), "5");
  EXPECT_EQ(Count("unknown", "refused"), "2");
}

TEST_F(WebhookReceiverTest, ARequestThatSignsNothingIsRefusedWithoutASecret) {
  // What an empty secret would sign.
  auto request = Delivery("with-empty-secret");
  request.headers["x-hub-signature-256"] =
      "sha256=b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad";
  request.body = "";
  EXPECT_EQ(StatusOf(request), 401);
  request.headers["x-hub-signature-256"] = "";
  EXPECT_EQ(StatusOf(request), 401);
}

TEST_F(WebhookReceiverTest, OtherPathsAndMethodsAreRefusedBeforeTheBodyIsRead) {
  struct Row {
    const char* method;
    std::string target;
    int status;
  };
  const std::vector<Row> rows{{"POST", "/", 404},
                              {"POST", "/webhooks", 404},
                              {"POST", "/webhooks/", 404},
                              {"POST", "/webhooks/ci", 404},
                              {"POST", "/webhooks/ci/", 404},
                              {"POST", "/webhooks//app", 404},
                              {"POST", "/webhooks/ci/app/", 404},
                              {"POST", "/webhooks/ci/app/x", 404},
                              {"POST", "/webhooks/ci/%61pp", 404},
                              {"POST", "/webhooks/ci/../app", 404},
                              {"POST", "/webhooks/CI/app", 404},
                              {"POST", "/webhooks/ci/" + std::string(254, 'a'), 404},
                              {"POST", "/webhooks/" + std::string(64, 'a') + "/app", 404},
                              {"GET", "/webhooks/ci/app", 405},
                              {"HEAD", "/webhooks/ci/app", 405},
                              {"GET", "/metrics", 404}};
  for (const Row& row : rows) {
    http::Request request;
    request.method = row.method;
    request.target = row.target;
    const auto refusal = receiver_.Refuse(request);
    ASSERT_TRUE(refusal) << row.target;
    EXPECT_EQ(refusal->status, row.status) << row.target;
  }
  auto with_query = Delivery("app");
  with_query.target += "?x=/y";
  EXPECT_EQ(StatusOf(with_query), 202);
}

TEST_F(WebhookReceiverTest, WhoIsRefusedTooOftenHasToWaitAndOthersDoNot) {
  auto bad = Delivery("app");
  bad.headers.clear();
  int refused = 0;
  while (StatusOf(bad) == 401 && refused < 1000) ++refused;
  EXPECT_EQ(refused, 100);
  const auto answer = Send(Delivery("app"));
  EXPECT_EQ(answer.status, 429);
  EXPECT_EQ(answer.headers.at("retry-after"), "1");
  EXPECT_EQ(Count("unknown", "throttled"), "2");
  auto other = Delivery("app");
  other.peer = "192.0.2.2";
  EXPECT_EQ(StatusOf(other), 202);
  clock_.Advance(std::chrono::seconds(1));
  EXPECT_EQ(StatusOf(Delivery("app", "2")), 202);
}

TEST_F(WebhookReceiverTest, WhoSendsWhatIsRightIsNeverLimited) {
  for (int i = 0; i < 1000; ++i) {
    ASSERT_EQ(StatusOf(Delivery("app", std::to_string(i))), 202) << i;
  }
}

TEST_F(WebhookReceiverTest, EverySeriesExistsFromTheStart) {
  for (const char* provider : {"GitHub", "GitLab", "Gitea", "Generic", "unknown"}) {
    for (const char* result : {"accepted", "repeated", "refused", "stale", "throttled"}) {
      EXPECT_EQ(Count(provider, result), "0") << provider << " " << result;
    }
  }
}

TEST_F(WebhookReceiverTest, TakesManyAtOnce) {
  std::vector<std::jthread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([this, thread] {
      for (int i = 0; i < 200; ++i) {
        auto request = Delivery("without-webhook", std::to_string(i));
        request.peer = std::to_string(thread);
        request.headers["x-hub-signature-256"] = i % 2 == 0 ? kSignature : "";
        static_cast<void>(Send(request));
        request.target = "/webhooks/ci/with-empty-secret";
        static_cast<void>(Send(request));
        deliveries_.Note({"ci", "app"}, clock_.Wall());
        deliveries_.Settle({"ci", "app"}, deliveries_.Get({"ci", "app"}));
      }
    });
  }
  threads.clear();
  EXPECT_FALSE(IsOpen());
}

TEST(RecentTexts, RemembersTheNewest) {
  RecentTexts texts(2);
  EXPECT_TRUE(texts.Add("a"));
  EXPECT_TRUE(texts.Add("b"));
  EXPECT_FALSE(texts.Add("a"));
  EXPECT_TRUE(texts.Add("c"));  // In place of b, which was used longest ago.
  EXPECT_FALSE(texts.Add("a"));
  EXPECT_TRUE(texts.Add("b"));
}

TEST(SourceLimits, HoldsABoundedNumberOfSources) {
  SourceLimits::Options options;
  options.burst = 1;
  options.max_sources = 10;
  SourceLimits limits(options);
  const MonotonicTime now{std::chrono::hours(1)};
  for (int i = 0; i < 10; ++i) limits.Charge(std::to_string(i), now);
  EXPECT_FALSE(limits.Allows("0", now));
  // The eleventh finds the others full again, or has all forgotten.
  limits.Charge("x", now);
  EXPECT_TRUE(limits.Allows("0", now));
  EXPECT_FALSE(limits.Allows("x", now));
}

TEST(Deliveries, StayOpenUntilALookThatBeganLaterWentWell) {
  const kube::ObjectKey key{"ci", "app"};
  const WallTime now{std::chrono::seconds(5)};
  Deliveries deliveries;
  EXPECT_FALSE(deliveries.Get(key).is_open);
  EXPECT_FALSE(deliveries.Get(key).has_looked);
  deliveries.Note(key, now);
  const auto seen = deliveries.Get(key);
  EXPECT_TRUE(seen.is_open);
  EXPECT_EQ(seen.newest, now);
  deliveries.Note(key, now);
  deliveries.Settle(key, seen);
  EXPECT_TRUE(deliveries.Get(key).is_open);
  EXPECT_TRUE(deliveries.Get(key).has_looked);
  deliveries.Settle(key, deliveries.Get(key));
  EXPECT_FALSE(deliveries.Get(key).is_open);
  deliveries.Forget(key);
  EXPECT_FALSE(deliveries.Get(key).has_looked);
}

}  // namespace
}  // namespace committest::observer
