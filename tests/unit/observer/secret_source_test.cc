#include "observer/secret_source.h"

#include <optional>
#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/support/manual_clock.h"
#include "tests/support/memory_api.h"

namespace committest::observer {
namespace {

using std::chrono::seconds;

class SecretSourceTest : public ::testing::Test {
 protected:
  // "hunter2" as base64, or what the test gives.
  void Store(const std::string& password = "aHVudGVyMg==") {
    const nlohmann::json secret = {{"apiVersion", "v1"},
                                   {"kind", "Secret"},
                                   {"metadata", {{"namespace", "ci"}, {"name", "git"}}},
                                   {"type", "kubernetes.io/basic-auth"},
                                   {"data", {{"password", password}}}};
    api_.Erase("Secret", key_);
    ASSERT_TRUE(api_.Create({"", "v1", "secrets", "Secret"}, secret));
  }

  void Refuse(ErrorCode code) {
    api_.SetFault([code](const std::string&) { return Error{code, "no", {}, std::nullopt}; });
  }

  const kube::ObjectKey key_{"ci", "git"};
  ManualClock clock_;
  MemoryApi api_;
  KubeSecretSource source_{api_, clock_};
};

TEST_F(SecretSourceTest, DecodesValues) {
  Store();
  const auto secret = source_.Get(key_);
  ASSERT_TRUE(secret) << secret.error().message;
  EXPECT_EQ(secret->type, "kubernetes.io/basic-auth");
  EXPECT_EQ(secret->values.at("password"), "hunter2");
  EXPECT_FALSE(secret->resource_version.empty());
}

TEST_F(SecretSourceTest, AChangedSecretIsSeenWithinHalfAMinute) {
  Store();
  ASSERT_TRUE(source_.Get(key_));
  Store("bmV3");
  clock_.Advance(seconds(29));
  EXPECT_EQ(source_.Get(key_)->values.at("password"), "hunter2");
  EXPECT_EQ(api_.Count("GET"), 1);
  clock_.Advance(seconds(1));
  EXPECT_EQ(source_.Get(key_)->values.at("password"), "new");
}

TEST_F(SecretSourceTest, AFreshOneIsReadAtMostEachFewSeconds) {
  Store();
  ASSERT_TRUE(source_.Get(key_));
  Store("bmV3");
  EXPECT_EQ(source_.GetFresh(key_)->values.at("password"), "hunter2");
  clock_.Advance(seconds(5));
  EXPECT_EQ(source_.GetFresh(key_)->values.at("password"), "new");
  EXPECT_EQ(source_.GetFresh(key_)->values.at("password"), "new");
  EXPECT_EQ(api_.Count("GET"), 2);
}

TEST_F(SecretSourceTest, AnErrorIsAskedAgainSoonButNotEachTime) {
  EXPECT_EQ(source_.Get(key_).error().message, "Secret ci/git does not exist");
  Store();
  EXPECT_FALSE(source_.Get(key_));
  clock_.Advance(seconds(5));
  EXPECT_TRUE(source_.Get(key_));
}

TEST_F(SecretSourceTest, SaysWhatToDoWhenItMayNotBeRead) {
  Refuse(ErrorCode::kPermissionDenied);
  const auto secret = source_.Get(key_);
  ASSERT_FALSE(secret);
  EXPECT_EQ(secret.error().code, ErrorCode::kPermissionDenied);
  EXPECT_EQ(secret.error().message,
            "Secret ci/git may not be read by the observer; add git to the chart's value "
            "observer.secretNames");
}

TEST_F(SecretSourceTest, AStoppingProcessLeavesNoError) {
  Store();
  Refuse(ErrorCode::kCancelled);
  EXPECT_FALSE(source_.Get(key_));
  api_.SetFault(nullptr);
  EXPECT_TRUE(source_.Get(key_));
}

TEST_F(SecretSourceTest, NamesTheValueThatIsNotBase64) {
  Store("%%%");
  const auto secret = source_.Get(key_);
  ASSERT_FALSE(secret);
  EXPECT_EQ(secret.error().message, "Secret ci/git: password is not base64");
}

}  // namespace
}  // namespace committest::observer
