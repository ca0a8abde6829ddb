#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/integration/kube/client_fixture.h"
#include "tests/support/temporary_folder.h"

// Single objects against a real kube-apiserver. See tests/support/test_cluster.h for what it needs.

namespace committest::kube {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

class ThreadsEnvironment : public ::testing::Environment {
 public:
  void SetUp() override { ASSERT_TRUE(http::InitThreads(3)); }
};
const auto* const kThreads = ::testing::AddGlobalTestEnvironment(new ThreadsEnvironment);

TEST_F(ApiClientTest, GetsWhatItCreated) {
  const auto created = client_->Create(kConfigMaps, ConfigMap(namespace_, "a"));
  ASSERT_TRUE(created) << created.error().message;
  const auto got = client_->Get(kConfigMaps, Key("a"));
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(*got, *created);
  EXPECT_EQ((*got)["data"]["key"], "value");
}

TEST_F(ApiClientTest, GetOfAnAbsentObjectIsNotFound) {
  const auto got = client_->Get(kConfigMaps, Key("absent"));
  EXPECT_EQ(CodeOf(got), ErrorCode::kNotFound);
  EXPECT_EQ(got.error().reason, "NotFound");
  EXPECT_THAT(got.error().message, HasSubstr("\"absent\" not found"));
}

TEST_F(ApiClientTest, SecondCreateAlreadyExists) {
  ASSERT_TRUE(client_->Create(kConfigMaps, ConfigMap(namespace_, "a")));
  const auto second = client_->Create(kConfigMaps, ConfigMap(namespace_, "a"));
  EXPECT_EQ(CodeOf(second), ErrorCode::kAlreadyExists);
}

TEST_F(ApiClientTest, InvalidObjectNamesTheField) {
  json job = Job(namespace_, "j");
  job["spec"]["template"]["spec"]["restartPolicy"] = "Always";
  const auto created = client_->Create(kJobs, job);
  EXPECT_EQ(CodeOf(created), ErrorCode::kInvalidArgument);
  EXPECT_EQ(created.error().reason, "Invalid");
  EXPECT_THAT(created.error().message, HasSubstr("spec.template.spec.restartPolicy"));
}

TEST_F(ApiClientTest, ReplaceWithAnOldVersionConflicts) {
  auto object = client_->Create(kConfigMaps, ConfigMap(namespace_, "a"));
  ASSERT_TRUE(object);
  json changed = *object;
  changed["data"]["key"] = "other";
  const auto replaced = client_->Replace(kConfigMaps, changed);
  ASSERT_TRUE(replaced) << replaced.error().message;
  EXPECT_EQ((*replaced)["data"]["key"], "other");
  EXPECT_EQ(CodeOf(client_->Replace(kConfigMaps, *object)), ErrorCode::kConflict);
}

TEST_F(ApiClientTest, PatchStatusChangesOnlyTheStatusItWasComputedFrom) {
  const auto created = client_->Create(kJobs, Job(namespace_, "j"));
  ASSERT_TRUE(created) << created.error().message;
  const ObjectMeta meta = ParseObjectMeta(*created).value();
  const auto patched = client_->PatchStatus(kJobs, meta, {{"active", 1}});
  ASSERT_TRUE(patched) << patched.error().message;
  EXPECT_EQ((*patched)["status"]["active"], 1);
  EXPECT_EQ((*patched)["spec"], (*created)["spec"]);
  EXPECT_EQ(CodeOf(client_->PatchStatus(kJobs, meta, {{"active", 2}})), ErrorCode::kConflict);
}

TEST_F(ApiClientTest, PatchStatusOfAnObjectThatWasMadeAgainConflicts) {
  const auto first = client_->Create(kJobs, Job(namespace_, "j"));
  ASSERT_TRUE(first);
  ASSERT_TRUE(client_->Delete(kJobs, Key("j"), Uid(*first)));
  const auto second = client_->Create(kJobs, Job(namespace_, "j"));
  ASSERT_TRUE(second) << second.error().message;
  const ObjectMeta stale = ParseObjectMeta(*first).value();
  EXPECT_EQ(CodeOf(client_->PatchStatus(kJobs, stale, {{"active", 2}})), ErrorCode::kConflict);
}

TEST_F(ApiClientTest, DeleteRemovesTheObjectAndRepeatsQuietly) {
  const auto object = client_->Create(kConfigMaps, ConfigMap(namespace_, "a"));
  ASSERT_TRUE(object);
  EXPECT_TRUE(client_->Delete(kConfigMaps, Key("a"), Uid(*object)));
  EXPECT_EQ(CodeOf(client_->Get(kConfigMaps, Key("a"))), ErrorCode::kNotFound);
  EXPECT_TRUE(client_->Delete(kConfigMaps, Key("a"), Uid(*object)));
}

TEST_F(ApiClientTest, DeleteLeavesAnotherObjectOfThatNameAlone) {
  ASSERT_TRUE(client_->Create(kConfigMaps, ConfigMap(namespace_, "a")));
  EXPECT_TRUE(client_->Delete(kConfigMaps, Key("a"), "00000000-0000-0000-0000-000000000000"));
  EXPECT_TRUE(client_->Get(kConfigMaps, Key("a")));
}

TEST_F(ApiClientTest, TokenWithoutRightsIsDenied) {
  ClusterConfig powerless = Anonymous();
  powerless.token.inline_text = PowerlessToken();
  const auto got = Connect(powerless)->Get(kConfigMaps, Key("a"));
  EXPECT_EQ(CodeOf(got), ErrorCode::kPermissionDenied);
  EXPECT_THAT(got.error().message, HasSubstr("system:serviceaccount:" + namespace_ + ":runner"));
}

TEST_F(ApiClientTest, RefusedTokenIsReadAgainFromItsFile) {
  const testing::TemporaryFolder folder;
  ClusterConfig rotated = Anonymous();
  rotated.token.file = folder.path() / "token";
  testing::WriteTestFile(rotated.token.file, "not-a-token");
  const auto client = Connect(rotated);
  EXPECT_EQ(CodeOf(client->Get(kConfigMaps, Key("a"))), ErrorCode::kUnauthenticated);
  testing::WriteTestFile(rotated.token.file, PowerlessToken() + "\n");
  // Authenticated now, though without rights; the first answer was 401 within the minute in which
  // the token would otherwise have been kept.
  EXPECT_EQ(CodeOf(client->Get(kConfigMaps, Key("a"))), ErrorCode::kPermissionDenied);
}

TEST_F(ApiClientTest, ServerOfAnotherAuthorityIsNotTrusted) {
  ClusterConfig config = config_;
  config.ca = config_.client_certificate;  // A certificate, but not the server's authority.
  const auto got = Connect(config)->Get(kConfigMaps, Key("a"));
  EXPECT_EQ(CodeOf(got), ErrorCode::kUnavailable);
  EXPECT_THAT(got.error().message, HasSubstr("certificate verify failed"));
  EXPECT_EQ(got.error().reason, http::kNotSent);
}

TEST_F(ApiClientTest, CreateInATerminatingNamespaceSaysSo) {
  // Without a namespace controller a namespace stays Terminating while an object is in it.
  ASSERT_TRUE(client_->Delete(kNamespaces, {"", namespace_}, namespace_uid_));
  const auto created = client_->Create(kConfigMaps, ConfigMap(namespace_, "late"));
  EXPECT_EQ(CodeOf(created), ErrorCode::kPermissionDenied);
  EXPECT_EQ(created.error().reason, "NamespaceTerminating");
}

TEST_F(ApiClientTest, PermitHoldsAWriteBack) {
  ApiClientOptions options;
  options.write_permit = [] { return Fail(ErrorCode::kCancelled, "not the leader"); };
  const auto fenced = Connect(config_, options);
  const auto created = fenced->Create(kConfigMaps, ConfigMap(namespace_, "a"));
  EXPECT_EQ(CodeOf(created), ErrorCode::kCancelled);
  EXPECT_EQ(created.error().reason, http::kNotSent);
  EXPECT_EQ(CodeOf(fenced->Get(kConfigMaps, Key("a"))), ErrorCode::kNotFound);
}

TEST_F(ApiClientTest, CancelEndsCallsForGood) {
  client_->Cancel();
  EXPECT_EQ(CodeOf(client_->Get(kConfigMaps, Key("a"))), ErrorCode::kCancelled);
  client_ = Connect(config_);  // For the clean-up.
}

TEST_F(ApiClientTest, RequestsAreCounted) {
  ASSERT_FALSE(client_->Get(kConfigMaps, Key("absent")));
  EXPECT_THAT(
      metrics_.Expose(),
      HasSubstr(R"(committest_api_requests_total{code="404",kind="ConfigMap",verb="get"} 1)"));
}

}  // namespace
}  // namespace committest::kube
