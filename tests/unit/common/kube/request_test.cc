#include "common/kube/request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace committest::kube {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

const ResourceType kPods{"", "v1", "pods", "Pod", true};
const ResourceType kJobs{"batch", "v1", "jobs", "Job", true};
const ResourceType kNodes{"", "v1", "nodes", "Node", false};

TEST(PercentEncode, LeavesOnlyUnreservedBytes) {
  EXPECT_EQ(PercentEncode("aZ09-._~"), "aZ09-._~");
  EXPECT_EQ(PercentEncode("a b/c?d=e&f+%"), "a%20b%2Fc%3Fd%3De%26f%2B%25");
  EXPECT_EQ(PercentEncode(std::string("\0\xC3\xA4\xFF", 4)), "%00%C3%A4%FF");
}

TEST(GetRequest, NamesTheObjectInItsGroup) {
  EXPECT_EQ(GetRequest(kPods, {"ns", "p"})->Target(), "/api/v1/namespaces/ns/pods/p");
  EXPECT_EQ(GetRequest(kJobs, {"ns", "j"})->Target(), "/apis/batch/v1/namespaces/ns/jobs/j");
  EXPECT_EQ(GetRequest(kNodes, {"", "n"})->Target(), "/api/v1/nodes/n");
  EXPECT_EQ(GetRequest(kPods, {"ns", "p"})->method, "GET");
  EXPECT_FALSE(GetRequest(kPods, {"ns", "p"})->IsWrite());
}

TEST(GetRequest, RefusesWhatWouldNameSomethingElse) {
  const std::vector<std::pair<std::string, ObjectKey>> rows{
      {"an empty name", {"ns", ""}},
      {"the parent", {"ns", ".."}},
      {"the folder itself", {"ns", "."}},
      {"a subresource", {"ns", "p/status"}},
      {"an encoded slash", {"ns", "p%2Fx"}},
      {"a namespace with a slash", {"a/b", "p"}},
      {"no namespace", {"", "p"}}};
  for (const auto& [name, key] : rows) {
    SCOPED_TRACE(name);
    const auto request = GetRequest(kPods, key);
    ASSERT_FALSE(request);
    EXPECT_EQ(request.error().code, ErrorCode::kInvalidArgument);
  }
}

TEST(ListRequest, StartsConsistentlyAndEncodesSelectors) {
  const auto request = ListRequest(kPods, {"ns", "app in (a,b)", "status.phase=Running"}, 500, "");
  EXPECT_EQ(request->Target(),
            "/api/v1/namespaces/ns/pods?labelSelector=app%20in%20%28a%2Cb%29"
            "&fieldSelector=status.phase%3DRunning&limit=500");
  EXPECT_EQ(request->verb, "list");
}

TEST(ListRequest, WithoutANamespaceListsAll) {
  EXPECT_EQ(ListRequest(kJobs, {}, 1, "")->Target(), "/apis/batch/v1/jobs?limit=1");
}

TEST(ListRequest, ContinuesWithTheTokenAsItIs) {
  EXPECT_EQ(ListRequest(kPods, {"ns", "", ""}, 2, "a+/=")->Target(),
            "/api/v1/namespaces/ns/pods?limit=2&continue=a%2B%2F%3D");
}

TEST(WatchRequest, AsksForBookmarksAndATimeout) {
  const auto request = WatchRequest(kPods, {"ns", "a=b", ""}, "123", std::chrono::seconds(290));
  EXPECT_EQ(request->Target(),
            "/api/v1/namespaces/ns/pods?watch=true&labelSelector=a%3Db&allowWatchBookmarks=true"
            "&resourceVersion=123&timeoutSeconds=290");
  EXPECT_EQ(request->verb, "watch");
}

TEST(CreateRequest, PostsToTheObjectsNamespace) {
  const json object = {{"metadata", {{"namespace", "ns"}, {"name", "j"}}}};
  const auto request = CreateRequest(kJobs, object);
  EXPECT_EQ(request->method, "POST");
  EXPECT_EQ(request->Target(), "/apis/batch/v1/namespaces/ns/jobs");
  EXPECT_EQ(request->content_type, "application/json");
  EXPECT_EQ(json::parse(request->body), object);
  EXPECT_TRUE(request->IsWrite());
}

TEST(CreateRequest, NeedsANamespaceForANamespacedKind) {
  EXPECT_FALSE(CreateRequest(kJobs, {{"metadata", {{"name", "j"}}}}));
  EXPECT_TRUE(CreateRequest(kNodes, {{"metadata", {{"name", "n"}}}}));
}

TEST(CreateRequest, RepairsInvalidUtf8) {
  const json object = {{"metadata", {{"namespace", "ns"}}}, {"x", "\xff"}};
  EXPECT_THAT(CreateRequest(kJobs, object)->body, HasSubstr("\xEF\xBF\xBD"));
}

TEST(DeleteRequest, HasTheUidAsPreconditionAndRunsInTheBackground) {
  const auto request = DeleteRequest(kPods, {"ns", "p"}, "u-1");
  EXPECT_EQ(request->method, "DELETE");
  EXPECT_EQ(request->Target(), "/api/v1/namespaces/ns/pods/p");
  const json body = json::parse(request->body);
  EXPECT_EQ(body["preconditions"], json({{"uid", "u-1"}}));
  EXPECT_EQ(body["propagationPolicy"], "Background");
}

TEST(DeleteRequest, NeedsAUid) { EXPECT_FALSE(DeleteRequest(kPods, {"ns", "p"}, "")); }

TEST(PatchStatusRequest, IsAMergePatchGuardedByUidAndVersion) {
  ObjectMeta target;
  target.namespace_ = "ns";
  target.name = "j";
  target.uid = "u-1";
  target.resource_version = "42";
  const auto request = PatchStatusRequest(kJobs, target, {{"active", nullptr}});
  EXPECT_EQ(request->method, "PATCH");
  EXPECT_EQ(request->Target(), "/apis/batch/v1/namespaces/ns/jobs/j/status");
  EXPECT_EQ(request->content_type, "application/merge-patch+json");
  EXPECT_EQ(json::parse(request->body),
            json::parse(R"({"metadata":{"uid":"u-1","resourceVersion":"42"},
                            "status":{"active":null}})"));
}

TEST(PatchStatusRequest, NeedsUidAndVersion) {
  ObjectMeta target;
  target.namespace_ = "ns";
  target.name = "j";
  target.uid = "u-1";
  EXPECT_FALSE(PatchStatusRequest(kJobs, target, json::object()));
  target.uid.clear();
  target.resource_version = "42";
  EXPECT_FALSE(PatchStatusRequest(kJobs, target, json::object()));
}

TEST(ReplaceRequest, PutsTheObjectAtItsName) {
  const json object = {
      {"metadata", {{"namespace", "ns"}, {"name", "l"}, {"resourceVersion", "7"}}}};
  const auto request = ReplaceRequest(kPods, object);
  EXPECT_EQ(request->method, "PUT");
  EXPECT_EQ(request->Target(), "/api/v1/namespaces/ns/pods/l");
  EXPECT_EQ(json::parse(request->body), object);
}

TEST(ReplaceRequest, NeedsTheVersion) {
  EXPECT_FALSE(ReplaceRequest(kPods, {{"metadata", {{"namespace", "ns"}, {"name", "l"}}}}));
}

TEST(Request, ReadsALog) {
  LogOptions options;
  options.container = "runner";
  EXPECT_EQ(LogRequest({"ci", "p"}, options)->Target(),
            "/api/v1/namespaces/ci/pods/p/log?container=runner");
  options.follow = options.timestamps = true;
  options.since = WallTime(std::chrono::seconds(1'700'000'000));
  EXPECT_EQ(LogRequest({"ci", "p"}, options)->Target(),
            "/api/v1/namespaces/ci/pods/p/log?container=runner&follow=true&timestamps=true&"
            "sinceTime=2023-11-14T22%3A13%3A20Z");
  EXPECT_FALSE(LogRequest({"ci", "../secrets/x"}, options));
}

TEST(Request, PatchesAnObjectButNotItsStatus) {
  const auto request = PatchRequest({"batch", "v1", "jobs", "Job", true}, {"ci", "j"},
                                    {{"spec", {{"suspend", true}}}});
  EXPECT_EQ(request->method, "PATCH");
  EXPECT_EQ(request->verb, "patch");
  EXPECT_EQ(request->path, "/apis/batch/v1/namespaces/ci/jobs/j");
  EXPECT_EQ(request->content_type, "application/merge-patch+json");
  EXPECT_EQ(request->body, R"({"spec":{"suspend":true}})");
}

}  // namespace
}  // namespace committest::kube
