#include "common/http/client.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <future>
#include <set>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "common/base/clock.h"
#include "common/base/metrics.h"
#include "common/kube/api_client.h"
#include "common/kube/json_reader.h"
#include "common/kube/list_projection.h"
#include "tests/support/cluster_control.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/test_cluster.h"

// The client against a real kube-apiserver. See tests/support/test_cluster.h for what it needs.

namespace committest::kube {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using ::testing::HasSubstr;

const ResourceType kNamespaces{"", "v1", "namespaces", "Namespace", false};
const ResourceType kConfigMaps{"", "v1", "configmaps", "ConfigMap", true};
const ResourceType kServiceAccounts{"", "v1", "serviceaccounts", "ServiceAccount", true};
const ResourceType kJobs{"batch", "v1", "jobs", "Job", true};

class ThreadsEnvironment : public ::testing::Environment {
 public:
  void SetUp() override { ASSERT_TRUE(http::InitThreads(3)); }
};
const auto* const kThreads = ::testing::AddGlobalTestEnvironment(new ThreadsEnvironment);

json ConfigMap(const std::string& namespace_, const std::string& name) {
  return {{"apiVersion", "v1"},
          {"kind", "ConfigMap"},
          {"metadata", {{"namespace", namespace_}, {"name", name}}},
          {"data", {{"key", "value"}}}};
}

json Job(const std::string& namespace_, const std::string& name) {
  const json container = {{"name", "main"}, {"image", "none"}};
  return {{"apiVersion", "batch/v1"},
          {"kind", "Job"},
          {"metadata", {{"namespace", namespace_}, {"name", name}}},
          {"spec",
           {{"template",
             {{"spec", {{"restartPolicy", "Never"}, {"containers", json::array({container})}}}}}}}};
}

std::string Uid(const json& object) { return ParseObjectMeta(object).value().uid; }

template <typename R>
ErrorCode CodeOf(const R& result) {
  EXPECT_FALSE(result.has_value());
  return result ? ErrorCode::kInternal : result.error().code;
}

class ApiClientTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto config = testing::TestClusterConfig();
    ASSERT_TRUE(config) << config.error().message;
    config_ = *config;
    client_ = Connect(config_);
    namespace_ = testing::UniqueName("client");
    const auto made = client_->Create(
        kNamespaces,
        {{"apiVersion", "v1"}, {"kind", "Namespace"}, {"metadata", {{"name", namespace_}}}});
    ASSERT_TRUE(made) << made.error().message;
    namespace_uid_ = Uid(*made);
  }

  void TearDown() override {
    if (!namespace_uid_.empty()) {
      EXPECT_TRUE(client_->Delete(kNamespaces, {"", namespace_}, namespace_uid_));
    }
  }

  std::unique_ptr<ApiClient> Connect(const ClusterConfig& config, ApiClientOptions options = {}) {
    options.component = "test";
    auto client = ApiClient::Make(config, std::move(options), clock_, metrics_);
    EXPECT_TRUE(client) << client.error().message;
    return std::move(*client);
  }

  ObjectKey Key(const std::string& name) const { return {namespace_, name}; }

  ClusterConfig Anonymous() const {
    ClusterConfig config = config_;
    config.client_certificate = config.client_key = config.token = {};
    return config;
  }

  // A token of a new ServiceAccount without any rights.
  std::string PowerlessToken() {
    const json account = {{"apiVersion", "v1"},
                          {"kind", "ServiceAccount"},
                          {"metadata", {{"namespace", namespace_}, {"name", "runner"}}}};
    const auto made = client_->Create(kServiceAccounts, account);
    EXPECT_TRUE(made || made.error().code == ErrorCode::kAlreadyExists);
    // A TokenRequest is POSTed to a subresource, which no role of the client does.
    auto transport = http::MakeClient(HttpOptions(), clock_);
    http::Request request;
    request.method = "POST";
    request.target = "/api/v1/namespaces/" + namespace_ + "/serviceaccounts/runner/token";
    request.headers["content-type"] = "application/json";
    request.body = R"({"apiVersion":"authentication.k8s.io/v1","kind":"TokenRequest","spec":{}})";
    const auto answer = (*transport)->Send(request, {}, {});
    EXPECT_TRUE(answer && answer->status == 201) << (answer ? answer->body : "no answer");
    return StringAt(ObjectAt(json::parse(answer->body), "status"), "token");
  }

  http::ClientOptions HttpOptions() const {
    http::ClientOptions options;
    options.endpoint = config_.server;
    options.tls.ca = [ca = config_.ca] { return ReadMaterial(ca); };
    options.tls.client_certificate = [certificate = config_.client_certificate,
                                      key =
                                          config_.client_key]() -> Result<http::ClientCertificate> {
      return http::ClientCertificate{*ReadMaterial(certificate), *ReadMaterial(key)};
    };
    return options;
  }

  SystemClock clock_;
  Metrics metrics_;
  ClusterConfig config_;
  std::unique_ptr<ApiClient> client_;
  std::string namespace_;
  std::string namespace_uid_;
};

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

TEST_F(ApiClientTest, PagesOfAListTogetherAreTheWholeSet) {
  constexpr int kCount = 520;
  std::set<std::string> expected;
  for (int i = 0; i < kCount; ++i) expected.insert("m-" + std::to_string(i));
  std::atomic<int> next = 0;
  std::vector<std::future<void>> creators;
  for (int i = 0; i < 8; ++i) {  // Together, because each waits for etcd's disk.
    creators.push_back(std::async(std::launch::async, [&] {
      for (int n = next++; n < kCount; n = next++) {
        const auto made =
            client_->Create(kConfigMaps, ConfigMap(namespace_, "m-" + std::to_string(n)));
        EXPECT_TRUE(made) << made.error().message;
      }
    }));
  }
  for (auto& creator : creators) creator.get();
  std::multiset<std::string> names;
  bool has_managed_fields = false;
  std::string token;
  std::set<std::string> versions;
  int pages = 0;
  do {
    const auto page = client_->List(kConfigMaps, {namespace_, "", ""}, 200, token,
                                    {"metadata.managedFields"}, [&](json&& object) {
                                      names.insert(object["metadata"]["name"].get<std::string>());
                                      has_managed_fields |=
                                          object["metadata"].contains("managedFields");
                                    });
    ASSERT_TRUE(page) << page.error().message;
    versions.insert(page->resource_version);
    token = page->continue_token;
    ++pages;
  } while (!token.empty());
  EXPECT_EQ(pages, 3);
  EXPECT_EQ(versions.size(), 1U);
  EXPECT_EQ(std::multiset<std::string>(expected.begin(), expected.end()), names);
  EXPECT_FALSE(has_managed_fields);
}

TEST_F(ApiClientTest, ListHonoursALabelSelector) {
  json labelled = ConfigMap(namespace_, "a");
  labelled["metadata"]["labels"] = {{"app", "x"}};
  ASSERT_TRUE(client_->Create(kConfigMaps, labelled));
  ASSERT_TRUE(client_->Create(kConfigMaps, ConfigMap(namespace_, "b")));
  std::vector<std::string> names;
  const auto page = client_->List(
      kConfigMaps, {namespace_, "app in (x,y)", ""}, 500, "", {},
      [&](json&& object) { names.push_back(object["metadata"]["name"].get<std::string>()); });
  ASSERT_TRUE(page) << page.error().message;
  EXPECT_THAT(names, ::testing::ElementsAre("a"));
}

TEST_F(ApiClientTest, ForgedContinueTokenIsAnError) {
  const auto page = client_->List(kConfigMaps, {namespace_, "", ""}, 500, "bm90IGEgdG9rZW4", {},
                                  [](json&&) { FAIL() << "no item was expected"; });
  EXPECT_EQ(CodeOf(page), ErrorCode::kInvalidArgument);
}

TEST_F(ApiClientTest, ContinueTokenOfForgottenHistoryIsGone) {
  const auto control = testing::ClusterControl::Of();
  ASSERT_TRUE(control) << control.error().message;
  for (const char* name : {"a", "b", "c"}) {
    ASSERT_TRUE(client_->Create(kConfigMaps, ConfigMap(namespace_, name)));
  }
  const Selection all{namespace_, "", ""};
  const auto first = client_->List(kConfigMaps, all, 1, "", {}, [](json&&) {});
  ASSERT_TRUE(first) << first.error().message;
  ASSERT_FALSE(first->continue_token.empty());
  ASSERT_TRUE(client_->Create(kConfigMaps, ConfigMap(namespace_, "d")));
  const Status compacted = control->Compact();
  ASSERT_TRUE(compacted) << compacted.error().message;
  // The API server goes on serving that version from snapshots of its own, until it is restarted.
  ASSERT_TRUE(control->Kill("kube-apiserver"));
  const Status restarted = control->Restart("kube-apiserver");
  ASSERT_TRUE(restarted) << restarted.error().message;
  const auto second = client_->List(kConfigMaps, all, 1, first->continue_token, {}, [](json&&) {});
  EXPECT_EQ(CodeOf(second), ErrorCode::kGone);
}

TEST_F(ApiClientTest, WatchThatTheServerRefusesReturnsItsWords) {
  const auto ended = client_->Watch(kConfigMaps, {namespace_, "", ""}, "not-a-version", 5s,
                                    [](std::string_view) { return Status(); }, {});
  // The server says 500 to this, not 400.
  EXPECT_EQ(CodeOf(ended), ErrorCode::kUnavailable);
  EXPECT_THAT(ended.error().message, HasSubstr("resourceVersion: Invalid value"));
}

TEST_F(ApiClientTest, WatchDeliversEventsAndEndsAtItsTimeout) {
  const auto page = client_->List(kConfigMaps, {namespace_, "", ""}, 500, "", {}, [](json&&) {});
  ASSERT_TRUE(page);
  ASSERT_TRUE(client_->Create(kConfigMaps, ConfigMap(namespace_, "seen")));
  std::string text;
  const auto ended = client_->Watch(kConfigMaps, {namespace_, "", ""}, page->resource_version, 1s,
                                    [&](std::string_view bytes) {
                                      text.append(bytes);
                                      return Status();
                                    },
                                    {});
  EXPECT_TRUE(ended) << ended.error().message;
  EXPECT_THAT(text, HasSubstr(R"({"type":"ADDED","object":{"kind":"ConfigMap")"));
  EXPECT_THAT(text, HasSubstr(R"("name":"seen")"));
}

TEST_F(ApiClientTest, WatchEndsWithin100MillisecondsOfItsStop) {
  // The best of some tries: what the client needs, not how busy the machine is.
  std::chrono::nanoseconds best = 1h;
  for (int i = 0; i < 5 && best >= 100ms; ++i) {
    std::stop_source stop;
    MonotonicTime stopped;
    const std::jthread stopper([&] {
      // The watch is quiet from the start, so there is no event of its own to wait for.
      clock_.SleepFor(300ms, {});
      stopped = clock_.Monotonic();
      stop.request_stop();
    });
    const auto ended = client_->Watch(
        kConfigMaps, {namespace_, "", ""}, "", 60s, [](std::string_view) { return Status(); },
        stop.get_token());
    EXPECT_EQ(CodeOf(ended), ErrorCode::kCancelled);
    best = std::min(best, clock_.Monotonic() - stopped);
  }
  EXPECT_LT(best, 100ms);
}

TEST_F(ApiClientTest, ErrorOfTheSinkEndsTheWatch) {
  ASSERT_TRUE(client_->Create(kConfigMaps, ConfigMap(namespace_, "a")));
  const auto ended = client_->Watch(
      kConfigMaps, {namespace_, "", ""}, "", 60s,
      [](std::string_view) { return Fail(ErrorCode::kDataLoss, "not understood"); }, {});
  EXPECT_EQ(CodeOf(ended), ErrorCode::kDataLoss);
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
