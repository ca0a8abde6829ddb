#include "observer/repository_reconciler.h"

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "common/api/commit_test.h"
#include "common/kube/json_reader.h"
#include "tests/support/manual_clock.h"
#include "tests/unit/observer/fake_git_remote.h"

namespace committest::observer {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr const char* kMain = "refs/heads/main";
const kube::ObjectKey kKey{"ci", "app"};

// One ObservedRepository and the CommitTests beside it, with the server's rules that matter: names
// are taken once, and a status patch needs the newest resource version.
class FakeApi final : public kube::Reader, public kube::Writer, public kube::StatusWriter {
 public:
  json repository;
  std::vector<std::string> tests;  // Commits, in the order of creation.
  std::vector<std::string> names;
  std::vector<json> objects;  // The CommitTests.
  std::string refuse_path;    // Of CommitTests that the schema does not take.
  int status_writes = 0;
  std::optional<int> creations_before_failure;
  Error create_error{ErrorCode::kUnavailable, "cut", {}, std::nullopt};
  std::optional<Error> status_error;
  bool cache_is_behind = false;
  json cached;

  Result<json> Get(const kube::ResourceType&, const kube::ObjectKey&) override {
    if (repository.is_null()) return Fail(ErrorCode::kNotFound, "no such repository");
    return repository;
  }

  Result<json> Create(const kube::ResourceType&, const json& object) override {
    if (creations_before_failure && (*creations_before_failure)-- <= 0) return Fail(create_error);
    const std::string name = object["metadata"]["name"];
    if (std::ranges::find(names, name) != names.end()) {
      return Fail(ErrorCode::kAlreadyExists, "exists", "AlreadyExists");
    }
    if (object["spec"]["tests"]["path"] == refuse_path) {
      return Fail(ErrorCode::kInvalidArgument, "spec.tests.path is no good", "Invalid");
    }
    names.push_back(name);
    objects.push_back(object);
    tests.push_back(object["spec"]["source"]["commit"]);
    return object;
  }

  Status Delete(const kube::ResourceType&, const kube::ObjectKey&, std::string_view) override {
    return {};
  }

  Result<json> PatchStatus(const kube::ResourceType&, const kube::ObjectMeta& target,
                           const json& patch) override {
    if (status_error) return Fail(*status_error);
    if (target.resource_version != repository["metadata"]["resourceVersion"].get<std::string>()) {
      return Fail(ErrorCode::kConflict, "the object has been modified", "Conflict");
    }
    ++status_writes;
    repository["status"].merge_patch(patch);
    Touch();
    return repository;
  }

  void Touch() {
    const int version = std::stoi(repository["metadata"]["resourceVersion"].get<std::string>());
    repository["metadata"]["resourceVersion"] = std::to_string(version + 1);
    if (!cache_is_behind) cached = repository;
  }
};

class ReconcilerTest : public ::testing::Test {
 protected:
  ReconcilerTest() {
    api_.repository = {
        {"apiVersion", "committest.dev/v1alpha1"},
        {"kind", "ObservedRepository"},
        {"metadata",
         {{"namespace", "ci"},
          {"name", "app"},
          {"uid", "u-1"},
          {"resourceVersion", "10"},
          {"generation", 1}}},
        {"spec", {{"url", "https://git.example.org/app"}, {"refs", json::array({"refs/heads/*"})}}},
        {"status", json::object()}};
    api_.cached = api_.repository;
    Restart();
  }

  // A new process: nothing in memory survives.
  void Restart() {
    const ReconcilerOptions options;
    reconciler_ = std::make_unique<RepositoryReconciler>(
        options,
        RepositoryReconciler::Api{[this](const kube::ObjectKey& key) { return Cached(key); }, api_,
                                  api_, api_},
        remote_, clock_, *random_, metrics_);
  }

  RepositoryReconciler::RepositoryPtr Cached(const kube::ObjectKey& key) const {
    if (api_.cached.is_null() || key != kKey) return nullptr;
    return std::make_shared<const api::ObservedRepository>(
        api::ParseObservedRepository(api_.cached));
  }

  kube::Outcome Reconcile() {
    const auto outcome = reconciler_->Reconcile(kKey);
    EXPECT_TRUE(outcome) << outcome.error().message;
    return outcome ? *outcome : kube::Outcome{};
  }

  void SetSpec(const std::string& field, json value) {
    api_.repository["spec"][field] = std::move(value);
    api_.repository["metadata"]["generation"] =
        api_.repository["metadata"]["generation"].get<int>() + 1;
    api_.Touch();
  }

  api::ObservedRepository Now() const { return api::ParseObservedRepository(api_.repository); }
  std::string Cursor(const std::string& ref = kMain) const {
    for (const auto& entry : Now().status.refs) {
      if (entry.name == ref) return entry.last_seen_commit;
    }
    return "";
  }
  std::string Ready() const {
    const auto status = Now().status;
    const auto* ready = api::FindCondition(status.conditions, "Ready");
    return ready == nullptr ? "none" : ready->status + "/" + ready->reason;
  }
  std::string Message() const {
    const auto status = Now().status;
    return api::FindCondition(status.conditions, "Ready")->message;
  }

  static std::string Id(int number) { return FakeGitRemote::Id(number); }

  ManualClock clock_;
  std::unique_ptr<Random> random_ = MakeSeededRandom(7);
  Metrics metrics_;
  FakeApi api_;
  FakeGitRemote remote_;
  std::unique_ptr<RepositoryReconciler> reconciler_;
};

TEST_F(ReconcilerTest, TestsTheTipAtFirstSight) {
  remote_.Push(kMain, 1, 3);
  Reconcile();
  EXPECT_THAT(api_.tests, ElementsAre(Id(3)));
  EXPECT_EQ(Cursor(), Id(3));
  EXPECT_EQ(Ready(), "True/Observing");
  EXPECT_EQ(Now().status.last_commit, Id(3).substr(0, 8));
  EXPECT_EQ(Now().status.observed_generation, 1);
  EXPECT_TRUE(Now().status.last_poll_time);
}

TEST_F(ReconcilerTest, TestsEachNewCommitOldestFirst) {
  remote_.Push(kMain, 1, 1);
  Reconcile();
  remote_.Push(kMain, 2, 4);
  Reconcile();
  EXPECT_THAT(api_.tests, ElementsAre(Id(1), Id(2), Id(3), Id(4)));
  EXPECT_EQ(Cursor(), Id(4));
}

TEST_F(ReconcilerTest, WritesAndFetchesNothingWhenNothingHasChanged) {
  remote_.Push(kMain, 1, 1);
  Reconcile();
  const int writes = api_.status_writes;
  const int fetches = remote_.fetches;
  for (int i = 0; i < 100; ++i) {
    clock_.Advance(std::chrono::seconds(5));
    Reconcile();
  }
  EXPECT_EQ(remote_.listings, 101);
  EXPECT_EQ(api_.status_writes, writes);
  EXPECT_EQ(remote_.fetches, fetches);
  EXPECT_EQ(api_.tests.size(), 1U);
}

TEST_F(ReconcilerTest, ComesBackAfterThePollPeriodGiveOrTakeATenth) {
  SetSpec("pollPeriodSeconds", 20);
  remote_.Push(kMain, 1, 1);
  for (int i = 0; i < 50; ++i) {
    const auto outcome = Reconcile();
    ASSERT_TRUE(outcome.requeue_after);
    EXPECT_GE(*outcome.requeue_after, std::chrono::seconds(18));
    EXPECT_LE(*outcome.requeue_after, std::chrono::seconds(22));
  }
}

TEST_F(ReconcilerTest, LosesAndRepeatsNothingWhenKilledBeforeTheCursorMoves) {
  remote_.Push(kMain, 1, 1);
  Reconcile();
  remote_.Push(kMain, 2, 6);
  for (int killed_after = 0; killed_after <= 5; ++killed_after) {
    api_.creations_before_failure = killed_after;
    api_.status_error = Error{ErrorCode::kUnavailable, "killed", {}, std::nullopt};
    EXPECT_FALSE(reconciler_->Reconcile(kKey));
    EXPECT_EQ(Cursor(), Id(1));
    Restart();
  }
  api_.creations_before_failure.reset();
  api_.status_error.reset();
  Reconcile();
  EXPECT_THAT(api_.tests, ElementsAre(Id(1), Id(2), Id(3), Id(4), Id(5), Id(6)));
  EXPECT_EQ(Cursor(), Id(6));
}

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

TEST_F(ReconcilerTest, DoesNotMakeADeletedCommitTestAgain) {
  remote_.Push(kMain, 1, 1);
  Reconcile();
  api_.names.clear();
  api_.tests.clear();
  Restart();
  Reconcile();
  EXPECT_THAT(api_.tests, IsEmpty());
}

TEST_F(ReconcilerTest, TwoObserversTestEachCommitOnce) {
  remote_.Push(kMain, 1, 1);
  Reconcile();
  remote_.Push(kMain, 2, 3);
  // The other one has done everything by the time that our cache still shows the old cursor.
  api_.cache_is_behind = true;
  Reconcile();
  Restart();
  const auto outcome = reconciler_->Reconcile(kKey);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::kConflict);
  EXPECT_THAT(api_.tests, ElementsAre(Id(1), Id(2), Id(3)));
  EXPECT_EQ(Cursor(), Id(3));
}

TEST_F(ReconcilerTest, WaitsUntilTheCacheShowsItsOwnWrite) {
  remote_.Push(kMain, 1, 1);
  api_.cache_is_behind = true;
  Reconcile();
  const int listings = remote_.listings;
  const auto outcome = Reconcile();
  EXPECT_EQ(remote_.listings, listings);
  ASSERT_TRUE(outcome.requeue_after);
  EXPECT_LE(*outcome.requeue_after, std::chrono::seconds(1));
}

TEST_F(ReconcilerTest, ReadsTheObjectItselfWhenTheCacheStaysBehind) {
  remote_.Push(kMain, 1, 1);
  api_.cache_is_behind = true;
  Reconcile();
  Reconcile();
  clock_.Advance(std::chrono::seconds(30));
  remote_.Push(kMain, 2, 2);
  Reconcile();
  EXPECT_THAT(api_.tests, ElementsAre(Id(1), Id(2)));
  EXPECT_EQ(Cursor(), Id(2));
}

TEST_F(ReconcilerTest, DropsTheCursorOfADeletedBranch) {
  remote_.Push(kMain, 1, 1);
  remote_.Push("refs/heads/dev", 2, 2);
  Reconcile();
  remote_.branches.erase("refs/heads/dev");
  Reconcile();
  EXPECT_EQ(Now().status.refs.size(), 1U);
  remote_.branches.erase(kMain);
  Reconcile();
  EXPECT_THAT(Now().status.refs, IsEmpty());
  EXPECT_EQ(Ready(), "True/NoMatchingRefs");
}

TEST_F(ReconcilerTest, CountsWhatIsBeyondTheBackfill) {
  SetSpec("maxBackfill", 2);
  remote_.Push(kMain, 1, 1);
  Reconcile();
  remote_.Push(kMain, 2, 9);
  Reconcile();
  EXPECT_THAT(api_.tests, ElementsAre(Id(1), Id(8), Id(9)));
  EXPECT_EQ(Now().status.refs[0].skipped_commits, 6);
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

TEST_F(ReconcilerTest, DoesNotLookWhileSuspended) {
  remote_.Push(kMain, 1, 1);
  SetSpec("suspend", true);
  EXPECT_FALSE(Reconcile().requeue_after);
  EXPECT_EQ(Ready(), "False/Suspended");
  EXPECT_EQ(remote_.listings, 0);
  const int writes = api_.status_writes;
  Reconcile();
  EXPECT_EQ(api_.status_writes, writes);
  SetSpec("suspend", false);
  Reconcile();
  EXPECT_EQ(Ready(), "True/Observing");
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

TEST_F(ReconcilerTest, ForgetsADeletedRepository) {
  api_.cached = json();
  EXPECT_FALSE(Reconcile().requeue_after);
  EXPECT_THAT(remote_.forgotten, ElementsAre("ci/app"));
}

TEST_F(ReconcilerTest, DoesNotLookAtARepositoryThatIsBeingDeleted) {
  api_.repository["metadata"]["deletionTimestamp"] = "2026-11-21T08:45:00Z";
  api_.Touch();
  Reconcile();
  EXPECT_EQ(remote_.listings, 0);
}

TEST_F(ReconcilerTest, LooksOnceAtATimeAtAHostThatHasNotAnsweredYet) {
  std::optional<kube::Outcome> second;
  remote_.before_list = [&] {
    remote_.before_list = nullptr;
    second = Reconcile();  // While the first look is under way.
  };
  Reconcile();
  EXPECT_EQ(remote_.listings, 1);
  ASSERT_TRUE(second && second->requeue_after);
  EXPECT_LE(*second->requeue_after, std::chrono::seconds(1));
  Reconcile();
  EXPECT_EQ(remote_.listings, 2);
}

TEST_F(ReconcilerTest, CountsItsLooks) {
  remote_.Push(kMain, 1, 1);
  Reconcile();
  Reconcile();
  remote_.list_error = Error{ErrorCode::kUnavailable, "x", {}, std::nullopt};
  Reconcile();
  const std::string text = metrics_.Expose();
  EXPECT_THAT(text, HasSubstr("committest_observer_polls_total{outcome=\"changed\"} 1"));
  EXPECT_THAT(text, HasSubstr("committest_observer_polls_total{outcome=\"unchanged\"} 1"));
  EXPECT_THAT(text, HasSubstr("committest_observer_polls_total{outcome=\"failed\"} 1"));
  EXPECT_THAT(text, HasSubstr("committest_observer_committests_created_total 1"));
  EXPECT_THAT(text, HasSubstr("committest_observer_poll_seconds_count 3"));
}

TEST_F(ReconcilerTest, LooksAtOnceForSpecAnnotationAndExistenceOnly) {
  const auto before = Now();
  auto after = before;
  after.meta.resource_version = "99";
  after.status.last_commit = "x";
  after.meta.annotations["other"] = "1";
  EXPECT_FALSE(RepositoryReconciler::CallsForLook(&before, &after));
  after.meta.annotations[api::kPollNowAnnotation] = "1";
  EXPECT_TRUE(RepositoryReconciler::CallsForLook(&before, &after));
  after = before;
  after.meta.generation++;
  EXPECT_TRUE(RepositoryReconciler::CallsForLook(&before, &after));
  after = before;
  after.meta.uid = "another";
  EXPECT_TRUE(RepositoryReconciler::CallsForLook(&before, &after));
  EXPECT_TRUE(RepositoryReconciler::CallsForLook(nullptr, &after));
  EXPECT_TRUE(RepositoryReconciler::CallsForLook(&before, nullptr));
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
