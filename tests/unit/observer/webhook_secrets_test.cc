#include "observer/webhook_secrets.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/eventually.h"
#include "tests/support/manual_clock.h"
#include "tests/unit/observer/fake_secrets.h"

namespace committest::observer {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const kube::ObjectKey kSecret{"ci", "hook"};

std::shared_ptr<api::ObservedRepository> Repository(
    const std::string& name = "app",
    api::WebhookProvider provider = api::WebhookProvider::kGitHub) {
  auto repository = std::make_shared<api::ObservedRepository>();
  repository->meta.namespace_ = "ci";
  repository->meta.name = name;
  repository->spec.webhook = api::WebhookSpec{provider, "hook"};
  return repository;
}

class WebhookSecretsTest : public ::testing::Test {
 protected:
  std::string Found(const api::ObservedRepository& repository) const {
    const auto secret = secrets_.Find(repository);
    return secret ? *secret : "none";
  }
  std::string Problem(const api::ObservedRepository& repository) {
    const auto status = secrets_.Refresh(repository);
    return status ? "" : status.error().message;
  }

  ManualClock clock_{SleepMode::kBlock};
  FakeSecrets source_;
  WebhookSecrets secrets_{source_, clock_};
};

TEST_F(WebhookSecretsTest, GivesWhatTheLastLookHasRead) {
  const auto repository = Repository();
  EXPECT_EQ(Found(*repository), "none");
  source_.Set(kSecret, "webhook-secret", "one");
  EXPECT_EQ(Problem(*repository), "");
  EXPECT_EQ(Found(*repository), "one");
  source_.Set(kSecret, "webhook-secret", "two");
  EXPECT_EQ(Found(*repository), "one");
  EXPECT_EQ(Problem(*repository), "");
  EXPECT_EQ(Found(*repository), "two");
  secrets_.Forget(repository->meta.Key());
  EXPECT_EQ(Found(*repository), "none");
}

TEST_F(WebhookSecretsTest, ALineEndIsNoPartOfASecret) {
  source_.Set(kSecret, "webhook-secret", "one \r\n\n");
  EXPECT_EQ(Problem(*Repository()), "");
  EXPECT_EQ(Found(*Repository()), "one ");
}

TEST_F(WebhookSecretsTest, AnotherSecretInTheSpecIsNotTheOneThatIsKnown) {
  source_.Set(kSecret, "webhook-secret", "one");
  const auto repository = Repository();
  EXPECT_EQ(Problem(*repository), "");
  repository->spec.webhook->secret_name = "other";
  EXPECT_EQ(Found(*repository), "none");
  repository->spec.webhook.reset();
  EXPECT_EQ(Found(*repository), "none");
}

TEST_F(WebhookSecretsTest, SaysWhatIsWrongWithoutTheSecret) {
  struct Row {
    const char* name;
    const char* key;
    std::string value;
    const char* expected;
  };
  const std::vector<Row> rows{
      {"another key", "token", "hunter2", "Secret ci/hook has no key webhook-secret"},
      {"empty", "webhook-secret", "", "Secret ci/hook: webhook-secret is empty"},
      {"only a line end", "webhook-secret", "\n", "Secret ci/hook: webhook-secret is empty"},
      {"a bad signing token", "webhook-secret", "whsec_hunter2%",
       "Secret ci/hook: webhook-secret begins with whsec_ and goes on with something"}};
  const auto repository = Repository("app", api::WebhookProvider::kGitLab);
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    source_.Set(kSecret, "webhook-secret", "good");
    EXPECT_EQ(Problem(*repository), "");
    source_.Set(kSecret, row.key, row.value);
    const std::string problem = Problem(*repository);
    EXPECT_THAT(problem, HasSubstr(row.expected));
    EXPECT_THAT(problem, Not(HasSubstr("hunter2")));
    EXPECT_EQ(Found(*repository), "none");
  }
}

TEST_F(WebhookSecretsTest, OnlyWhatIsSaidOfTheSecretTakesItAway) {
  const std::vector<std::pair<ErrorCode, std::string>> rows{
      {ErrorCode::kUnavailable, "one"},       {ErrorCode::kDeadlineExceeded, "one"},
      {ErrorCode::kCancelled, "one"},         {ErrorCode::kResourceExhausted, "one"},
      {ErrorCode::kPermissionDenied, "none"}, {ErrorCode::kNotFound, "none"},
      {ErrorCode::kDataLoss, "none"}};
  for (const auto& [code, expected] : rows) {
    SCOPED_TRACE(ErrorCodeName(code));
    source_.SetError(std::nullopt);
    source_.Set(kSecret, "webhook-secret", "one");
    EXPECT_EQ(Problem(*Repository()), "");
    source_.SetError(code);
    EXPECT_EQ(Problem(*Repository()).empty(), expected == "one");
    EXPECT_EQ(Found(*Repository()), expected);
  }
}

TEST_F(WebhookSecretsTest, ADoubtReadsAgainButNotForEachDelivery) {
  source_.Set(kSecret, "webhook-secret", "one");
  const auto repository = Repository();
  EXPECT_EQ(Problem(*repository), "");
  source_.Set(kSecret, "webhook-secret", "two");
  for (int i = 0; i < 1000; ++i) secrets_.Doubt(repository);
  EXPECT_TRUE(Eventually([&] { return Found(*repository) == "two"; }));
  EXPECT_EQ(source_.Reads(), 2);
  source_.Set(kSecret, "webhook-secret", "three");
  clock_.Advance(WebhookSecrets::kDoubtPause - std::chrono::milliseconds(1));
  secrets_.Doubt(repository);
  EXPECT_EQ(source_.Reads(), 2);
  clock_.Advance(std::chrono::milliseconds(1));
  secrets_.Doubt(repository);
  EXPECT_TRUE(Eventually([&] { return Found(*repository) == "three"; }));
}

TEST_F(WebhookSecretsTest, DoubtsOfManyRepositoriesWaitTheirTurn) {
  for (int i = 0; i < 10; ++i) secrets_.Doubt(Repository("app-" + std::to_string(i)));
  for (int reads = 1; reads <= 10; ++reads) {
    EXPECT_TRUE(Eventually([&] { return clock_.Sleepers() == 1; }));
    EXPECT_EQ(source_.Reads(), reads);
    clock_.Advance(WebhookSecrets::kReadPause);
    EXPECT_TRUE(Eventually([&] { return reads == 10 || source_.Reads() == reads + 1; }));
  }
}

TEST_F(WebhookSecretsTest, StopsWhileItWaits) {
  secrets_.Stop();
  secrets_.Stop();
  WebhookSecrets busy(source_, clock_);
  busy.Doubt(Repository());
  EXPECT_TRUE(Eventually([&] { return clock_.Sleepers() == 1; }));
  busy.Stop();
}

}  // namespace
}  // namespace committest::observer
