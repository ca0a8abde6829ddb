#include "operator/upkeep.h"

#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/support/manual_clock.h"
#include "tests/support/memory_api.h"
#include "tests/support/operator_builders.h"

namespace committest::op {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::IsEmpty;

/// Keeps the patches, and refuses them on demand.
class StatusPatches final : public kube::StatusWriter {
 public:
  Result<json> PatchStatus(const kube::ResourceType& /*type*/, const kube::ObjectMeta& target,
                           const json& status_patch) override {
    if (refusal) return Fail(*refusal, "refused");
    patches.push_back(target.name + " " + status_patch.dump());
    return json::object();
  }

  std::vector<std::string> patches;
  std::optional<ErrorCode> refusal;
};

class UpkeepTest : public testing::Test {
 protected:
  UpkeepTest() {
    api::ObservedRepository repository;
    repository.meta.namespace_ = "ci";
    repository.meta.name = "app";
    repository.spec.concurrency.max = 1;
    PutRepository(repository);
  }

  void PutRepository(const api::ObservedRepository& repository) {
    Cache().repositories.Put(std::make_shared<const api::ObservedRepository>(repository));
  }
  Caches& Cache() { return *caches_.Find(""); }

  /// Puts a CommitTest into cache and server.
  void Put(const std::string& name, std::optional<api::TestResult> result) {
    api::CommitTest commit_test = ACommitTest();
    commit_test.meta.name = name;
    commit_test.meta.uid = "uid-" + name;
    commit_test.status.result = result;
    commit_test.status.completion_time = At(0);
    static_cast<void>(api_.Create(
        api::CommitTestType(),
        {{"metadata", {{"namespace", "ci"}, {"name", name}, {"uid", commit_test.meta.uid}}}}));
    Cache().commit_tests.Put(std::make_shared<const api::CommitTest>(commit_test));
  }

  ManualClock clock_;
  CacheSet caches_{{""}};
  Slots slots_{caches_, 0, clock_};
  MemoryApi api_;
  StatusPatches patches_;
  Upkeep upkeep_{caches_, slots_, api_, patches_, clock_};
};

TEST_F(UpkeepTest, DeletesWhatHasHadItsTimeAndNothingElse) {
  Put("runs", std::nullopt);
  Put("error", api::TestResult::kError);
  Put("passed", api::TestResult::kPassed);
  ASSERT_TRUE(upkeep_.Pass());
  EXPECT_EQ(api_.Count("DELETE"), 0);
  clock_.Advance(std::chrono::hours(24 * 8));
  ASSERT_TRUE(upkeep_.Pass());
  EXPECT_EQ(api_.Count("DELETE"), 1) << "the newest Passed of the ref stays";
}

TEST_F(UpkeepTest, KeepsNothingForEverWhenTheRepositoryIsGone) {
  Cache().repositories.Remove({"ci", "app"});
  Put("passed", api::TestResult::kPassed);
  clock_.Advance(std::chrono::hours(24 * 8));
  ASSERT_TRUE(upkeep_.Pass());
  EXPECT_EQ(api_.Count("DELETE"), 1);
}

TEST_F(UpkeepTest, DeletesInPortions) {
  for (int i = 0; i < 150; ++i) Put("error-" + std::to_string(i), api::TestResult::kError);
  clock_.Advance(std::chrono::hours(24 * 8));
  const auto outcome = upkeep_.Pass();
  ASSERT_TRUE(outcome);
  EXPECT_EQ(api_.Count("DELETE"), 100);
  EXPECT_EQ(outcome->requeue_after, std::chrono::seconds(1));
}

TEST_F(UpkeepTest, TellsTheRepositoryHowManyRunAndWaitOnlyWhenThatChanges) {
  for (int i = 0; i < 3; ++i) Put("test-" + std::to_string(i), std::nullopt);
  ASSERT_TRUE(upkeep_.Pass());
  EXPECT_THAT(patches_.patches, ElementsAre("app {\"queued\":2,\"running\":1}"));
  api::ObservedRepository repository = *Cache().repositories.Get({"ci", "app"});
  repository.status.running = 1;
  repository.status.queued = 2;
  PutRepository(repository);
  patches_.patches.clear();
  const auto outcome = upkeep_.Pass();
  ASSERT_TRUE(outcome);
  EXPECT_THAT(patches_.patches, IsEmpty());
  EXPECT_EQ(outcome->requeue_after, kUpkeepPeriod);
}

TEST_F(UpkeepTest, LeavesACountThatMeetsAnotherWriterForTheNextPass) {
  Put("test", std::nullopt);
  patches_.refusal = ErrorCode::kConflict;
  EXPECT_TRUE(upkeep_.Pass());
  patches_.refusal = ErrorCode::kUnavailable;
  EXPECT_FALSE(upkeep_.Pass());
}

}  // namespace
}  // namespace committest::op
