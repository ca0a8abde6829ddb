#include "common/api/commit_test.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "common/kube/json_reader.h"
#include "tests/unit/common/api/samples.h"

namespace committest::api {
namespace {

using nlohmann::json;
using test::FullCommitTestSpec;
using test::FullCommitTestStatus;

json Object(const CommitTestSpec& spec, const CommitTestStatus& status) {
  kube::ObjectMeta meta;
  meta.name = "app-bbbbbbbbbbbb-123456";
  meta.namespace_ = "ci";
  json object = MakeCommitTest(meta, spec);
  object["metadata"]["uid"] = "u1";
  object["status"] = ToJson(status);
  return object;
}

TEST(CommitTest, ReadsBackWhatItWrites) {
  const CommitTest read = ParseCommitTest(Object(FullCommitTestSpec(), FullCommitTestStatus()));
  EXPECT_EQ(read.parse_error, "");
  EXPECT_EQ(read.spec, FullCommitTestSpec());
  EXPECT_EQ(read.status, FullCommitTestStatus());
}

TEST(CommitTest, AnEmptyStatusIsAnEmptyObject) {
  EXPECT_EQ(ToJson(CommitTestStatus()), json::object());
}

TEST(CommitTest, AbsentFieldsGetTheDefaults) {
  const CommitTest read = ParseCommitTest(json::parse(R"({"metadata":{"name":"x","uid":"u"},
      "spec":{"source":{"url":"https://x","commit":")" +
                                                      std::string(40, 'c') + R"("}}})"));
  EXPECT_EQ(read.parse_error, "");
  EXPECT_EQ(read.spec.execution, ExecutionSpec());
  EXPECT_EQ(read.spec.retry.infrastructure_limit, 3);
  EXPECT_EQ(read.spec.tests, TestsSpec());
}

TEST(CommitTest, MembersOfANewerVersionAreIgnored) {
  json object = Object(FullCommitTestSpec(), FullCommitTestStatus());
  object["spec"]["sharding"] = {{"count", 3}};
  object["spec"]["tests"]["quarantine"] = true;
  object["status"]["result"] = "Exploded";
  const CommitTest read = ParseCommitTest(object);
  EXPECT_EQ(read.parse_error, "");
  EXPECT_EQ(read.status.result, std::nullopt);
}

TEST(CommitTest, AnObjectThatDoesNotParseKeepsItsMetadata) {
  json object = Object(FullCommitTestSpec(), {});
  object["spec"]["execution"]["timeoutSeconds"] = "soon";
  const CommitTest read = ParseCommitTest(object);
  EXPECT_EQ(read.parse_error,
            "spec.execution.timeoutSeconds is \"soon\", expected an integer in 1..86400");
  EXPECT_EQ(read.meta.Key().ToString(), "ci/app-bbbbbbbbbbbb-123456");
}

TEST(CommitTest, TheRunnersOwnVariablesAreRefused) {
  json object = Object(FullCommitTestSpec(), {});
  object["spec"]["execution"]["env"][0]["name"] = "COMMITTEST_RUN";
  EXPECT_NE(ParseCommitTest(object).parse_error.find("spec.execution.env"), std::string::npos);
}

TEST(CommitTest, HostileShapesNeverThrow) {
  for (const char* text : {"null", "[]", "7", R"({"metadata":7})", R"({"metadata":{}})",
                           R"({"metadata":{"name":"x","uid":"u"},"spec":[],"status":[]})",
                           R"({"metadata":{"name":"x","uid":"u","labels":[1]},"spec":{"source":1},
                               "status":{"attempts":[1,null],"conditions":[[]],"failures":{}}})"}) {
    EXPECT_NE(ParseCommitTest(json::parse(text)).parse_error, "") << text;
  }
}

TEST(MergePatch, OfAStatusToItselfIsEmpty) {
  const json status = ToJson(FullCommitTestStatus());
  EXPECT_EQ(kube::MergePatch(status, status), json::object());
}

TEST(MergePatch, TurnsTheOldIntoTheNew) {
  CommitTestStatus old;
  old.display.reason = "ImagePull";
  old.attempts.resize(1);
  json from = ToJson(old);
  const json to = ToJson(FullCommitTestStatus());
  from.merge_patch(kube::MergePatch(from, to));
  EXPECT_EQ(from, to);
}

}  // namespace
}  // namespace committest::api
