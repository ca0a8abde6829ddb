// Looks at servers, specs and files that something is wrong with.
#include <optional>
#include <stdexcept>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/unit/observer/reconciler_fixture.h"

namespace committest::observer {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

TEST_F(ReconcilerTest, MovesTheRefsWhoseTestsExistThoughAnotherFails) {
  remote_.Push("refs/heads/a", 1, 1);
  remote_.Push("refs/heads/b", 2, 2);
  api_.creations_before_failure = 1;
  const auto outcome = Reconcile();
  EXPECT_EQ(Cursor("refs/heads/a"), Id(1));
  EXPECT_EQ(Cursor("refs/heads/b"), "");
  EXPECT_EQ(Ready(), "False/CreateFailed");
  ASSERT_TRUE(outcome.requeue_after);
  api_.creations_before_failure.reset();
  Reconcile();
  EXPECT_EQ(Cursor("refs/heads/b"), Id(2));
  EXPECT_THAT(api_.tests, ElementsAre(Id(1), Id(2)));
  EXPECT_EQ(Ready(), "True/Observing");
}

TEST_F(ReconcilerTest, SaysWhichFieldOfTheSpecIsWrongAndDoesNotLook) {
  for (const auto& [field, value, expected] :
       {std::tuple{"url", json("ftp://h/x"), "spec.url is"},
        std::tuple{"url", json("http://h/x"), "spec.url uses http"},
        std::tuple{"refs", json::array({"main"}), "spec.refs[0] is 'main'"},
        std::tuple{"commitPolicy", json("Sometimes"), "commitPolicy is 'Sometimes'"}}) {
    const json before = api_.repository["spec"].value(field, json());
    SetSpec(field, value);
    const auto outcome = Reconcile();
    EXPECT_EQ(Ready(), "False/InvalidSpec");
    EXPECT_THAT(Message(), HasSubstr(expected));
    EXPECT_FALSE(outcome.requeue_after);
    if (before.is_null()) api_.repository["spec"].erase(field);
    if (!before.is_null()) SetSpec(field, before);
  }
  EXPECT_EQ(remote_.listings, 0);
}

TEST_F(ReconcilerTest, BacksOffFromAServerThatFailsAndWritesThatOnce) {
  remote_.list_error =
      Error{ErrorCode::kUnavailable, "cannot connect to https://u:pw@h", {}, std::nullopt};
  std::chrono::milliseconds last{0};
  for (int i = 0; i < 12; ++i) {
    const auto outcome = Reconcile();
    ASSERT_TRUE(outcome.requeue_after);
    last = *outcome.requeue_after;
    EXPECT_LE(last, std::chrono::minutes(6));
  }
  EXPECT_GE(last, std::chrono::minutes(5));
  EXPECT_EQ(api_.status_writes, 1);
  EXPECT_EQ(Ready(), "False/Unreachable");
  EXPECT_EQ(Message(), "cannot connect to https://***@h");
  remote_.list_error.reset();
  remote_.Push(kMain, 1, 1);
  const auto outcome = Reconcile();
  EXPECT_LE(*outcome.requeue_after, std::chrono::seconds(6));
  EXPECT_EQ(Ready(), "True/Observing");
}

TEST_F(ReconcilerTest, LooksEachMinuteWhetherAWrongSecretWasMended) {
  SetSpec("credentialsSecretName", "deploy");
  remote_.list_error = Error{ErrorCode::kInvalidArgument, "Secret deploy key token is missing",
                             "CredentialsInvalid", std::nullopt};
  for (int i = 0; i < 12; ++i) EXPECT_LE(*Reconcile().requeue_after, std::chrono::minutes(1));
  EXPECT_EQ(remote_.secret_name, "deploy");
  EXPECT_EQ(Ready(), "False/CredentialsInvalid");
  EXPECT_EQ(Message(), "Secret deploy key token is missing");
  remote_.list_error = Error{ErrorCode::kUnauthenticated, "refused", {}, std::nullopt};
  EXPECT_LE(*Reconcile().requeue_after, std::chrono::minutes(1));
  EXPECT_EQ(Ready(), "False/Unreachable");
}

TEST_F(ReconcilerTest, WaitsAsLongAsTheServerAsks) {
  remote_.list_error =
      Error{ErrorCode::kResourceExhausted, "too often", {}, std::chrono::minutes(4)};
  EXPECT_GE(*Reconcile().requeue_after, std::chrono::minutes(4));
  remote_.list_error->retry_after = std::chrono::hours(1000);
  EXPECT_LE(*Reconcile().requeue_after, std::chrono::minutes(10));
}

TEST_F(ReconcilerTest, KeepsTheCursorsWhileTheServerFails) {
  remote_.Push(kMain, 1, 1);
  Reconcile();
  remote_.Push(kMain, 2, 2);
  remote_.history_error = Error{ErrorCode::kDeadlineExceeded, "slow", {}, std::nullopt};
  Reconcile();
  EXPECT_EQ(Cursor(), Id(1));
  remote_.history_error.reset();
  Reconcile();
  EXPECT_EQ(Cursor(), Id(2));
}

TEST_F(ReconcilerTest, GoesOnWithTheOtherRefsWhenOneIsWithheld) {
  remote_.Push("refs/heads/a", 1, 1);
  remote_.Push("refs/heads/b", 2, 2);
  remote_.withheld = {"refs/heads/a"};
  Reconcile();
  EXPECT_THAT(api_.tests, ElementsAre(Id(2)));
  EXPECT_EQ(Cursor("refs/heads/a"), "");
  EXPECT_THAT(Message(), HasSubstr("does not give out the commit of refs/heads/a"));
  remote_.withheld.clear();
  Reconcile();
  EXPECT_EQ(Cursor("refs/heads/a"), Id(1));
}

TEST_F(ReconcilerTest, TurnsAnExceptionIntoACondition) {
  remote_.before_list = [] { throw std::runtime_error("poison"); };
  const auto outcome = Reconcile();
  EXPECT_TRUE(outcome.requeue_after);
  EXPECT_EQ(Ready(), "False/InternalError");
  EXPECT_THAT(Message(), HasSubstr("poison"));
}

TEST_F(ReconcilerTest, BlamesNobodyWhenItIsStopped) {
  remote_.list_error = Error{ErrorCode::kCancelled, "stopped", {}, std::nullopt};
  EXPECT_EQ(reconciler_->Reconcile(kKey).error().code, ErrorCode::kCancelled);
  EXPECT_EQ(api_.status_writes, 0);
}

TEST_F(ReconcilerTest, GoesOnLookingWhenItsStatusIsRefused) {
  remote_.Push(kMain, 1, 1);
  api_.status_error = Error{ErrorCode::kInvalidArgument, "status.refs is wrong", {}, std::nullopt};
  const auto outcome = reconciler_->Reconcile(kKey);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(DispositionOf(outcome.error().code), Disposition::kRetry);
}

CommitDetails DetailsOf(const std::string& commit, const std::string& file) {
  return {commit, true, {ConfigFile::Kind::kFile, "file-id", file}};
}

TEST_F(ReconcilerTest, TestsACommitAsItsFileSaysAndTellsOfABrokenOne) {
  remote_.Push(kMain, 1, 1);
  Reconcile();
  remote_.Push(kMain, 2, 4);
  remote_.details[remote_.Id(2)] = DetailsOf(remote_.Id(2), "tests: {path: checks}");
  remote_.details[remote_.Id(3)] = DetailsOf(remote_.Id(3), "tests:\n  pat: checks");
  remote_.details[remote_.Id(4)] = {remote_.Id(4), false, {}};
  Reconcile();
  ASSERT_EQ(api_.objects.size(), 4U);
  EXPECT_EQ(api_.objects[1]["spec"]["tests"]["path"], "checks");
  EXPECT_FALSE(api_.objects[1]["spec"].contains("notRun"));
  EXPECT_EQ(api_.objects[2]["spec"]["notRun"]["reason"], "ConfigurationError");
  EXPECT_THAT(api_.objects[2]["spec"]["notRun"]["message"].get<std::string>(),
              HasSubstr("line 2, column 3: tests.pat is not known here"));
  EXPECT_EQ(api_.objects[3]["spec"]["notRun"]["reason"], "PathsUnaffected");
  EXPECT_EQ(remote_.detail_fetches, 2);
}

TEST_F(ReconcilerTest, LosesNoCommitWhoseFilesCannotBeReadAndSaysSo) {
  remote_.Push(kMain, 1, 1);
  remote_.Push("refs/heads/dev", 11, 11);
  Reconcile();
  remote_.Push(kMain, 2, 2);
  remote_.Push("refs/heads/dev", 12, 12);
  remote_.unreadable = {remote_.Id(2)};
  Reconcile();
  EXPECT_THAT(api_.tests, UnorderedElementsAre(remote_.Id(1), remote_.Id(11), remote_.Id(12)));
  EXPECT_EQ(Ready(), "False/CommitsUnreadable");
  remote_.unreadable.clear();
  Reconcile();
  EXPECT_THAT(api_.tests,
              UnorderedElementsAre(remote_.Id(1), remote_.Id(11), remote_.Id(12), remote_.Id(2)));
  EXPECT_EQ(Ready(), "True/Observing");
}

TEST_F(ReconcilerTest, TestsNothingOfWhatWasDeletedMeanwhile) {
  remote_.Push(kMain, 1, 3);
  const json before = api_.cached;
  remote_.before_list = [&] { api_.cached = nullptr; };
  EXPECT_FALSE(Reconcile().requeue_after);
  EXPECT_THAT(api_.tests, ElementsAre());
  // The same with another of its name in its place.
  api_.cached = before;
  remote_.before_list = [&] { api_.cached["metadata"]["uid"] = "u-2"; };
  EXPECT_FALSE(Reconcile().requeue_after);
  EXPECT_THAT(api_.tests, ElementsAre());
}

TEST_F(ReconcilerTest, IsNotHeldUpByAFileThatTheApiRefuses) {
  remote_.Push(kMain, 1, 1);
  remote_.details[remote_.Id(1)] = DetailsOf(remote_.Id(1), "tests: {path: checks}");
  api_.refuse_path = "checks";
  Reconcile();
  ASSERT_EQ(api_.objects.size(), 1U);
  EXPECT_EQ(api_.objects[0]["spec"]["notRun"]["reason"], "ConfigurationError");
  EXPECT_EQ(Ready(), "True/Observing");
}

}  // namespace
}  // namespace committest::observer
