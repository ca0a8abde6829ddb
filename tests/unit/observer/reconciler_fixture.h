#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "common/api/commit_test.h"
#include "common/kube/json_reader.h"
#include "observer/repository_reconciler.h"
#include "tests/support/manual_clock.h"
#include "tests/unit/observer/fake_git_remote.h"

namespace committest::observer {

inline constexpr const char* kMain = "refs/heads/main";
inline const kube::ObjectKey kKey{"ci", "app"};

/// One ObservedRepository and the CommitTests beside it, with the server's rules that matter: names
/// are taken once, and a status patch needs the newest resource version.
class FakeApi final : public kube::Reader, public kube::Writer, public kube::StatusWriter {
 public:
  nlohmann::json repository;
  std::vector<std::string> tests;  // Commits, in the order of creation.
  std::vector<std::string> names;
  std::vector<nlohmann::json> objects;  // The CommitTests.
  std::string refuse_path;              // Of CommitTests that the schema does not take.
  int status_writes = 0;
  std::optional<int> creations_before_failure;
  Error create_error{ErrorCode::kUnavailable, "cut", {}, std::nullopt};
  std::optional<Error> status_error;
  bool cache_is_behind = false;
  nlohmann::json cached;

  Result<nlohmann::json> Get(const kube::ResourceType&, const kube::ObjectKey&) override {
    if (repository.is_null()) return Fail(ErrorCode::kNotFound, "no such repository");
    return repository;
  }

  Result<nlohmann::json> Create(const kube::ResourceType&, const nlohmann::json& object) override {
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

  Result<nlohmann::json> PatchStatus(const kube::ResourceType&, const kube::ObjectMeta& target,
                                     const nlohmann::json& patch) override {
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

/// A reconciler of that repository, and the remote that it looks at.
class ReconcilerTest : public ::testing::Test {
 protected:
  ReconcilerTest() {
    api_.repository = {{"apiVersion", "committest.dev/v1alpha1"},
                       {"kind", "ObservedRepository"},
                       {"metadata",
                        {{"namespace", "ci"},
                         {"name", "app"},
                         {"uid", "u-1"},
                         {"resourceVersion", "10"},
                         {"generation", 1}}},
                       {"spec",
                        {{"url", "https://git.example.org/app"},
                         {"refs", nlohmann::json::array({"refs/heads/*"})}}},
                       {"status", nlohmann::json::object()}};
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

  void SetSpec(const std::string& field, nlohmann::json value) {
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

}  // namespace committest::observer
