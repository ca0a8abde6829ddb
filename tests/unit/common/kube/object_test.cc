#include "common/kube/object.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "common/kube/json_reader.h"

namespace committest::kube {
namespace {

using nlohmann::json;

TEST(ObjectMeta, ReadsWhatIdentityNeeds) {
  const auto meta = ParseObjectMeta(json::parse(R"({"metadata":{
      "name":"job-1","namespace":"ci","uid":"u1","resourceVersion":"12","generation":3,
      "labels":{"a":"b"},"annotations":{"c":"d"},
      "creationTimestamp":"2026-11-21T08:45:00Z","deletionTimestamp":"2026-11-21T08:46:00Z",
      "ownerReferences":[{"uid":"other"},
        {"apiVersion":"committest.dev/v1alpha1","kind":"CommitTest","name":"t","uid":"u2",
         "controller":true}]}})"));
  ASSERT_TRUE(meta) << meta.error().message;
  EXPECT_EQ(meta->Key(), (ObjectKey{"ci", "job-1"}));
  EXPECT_EQ(meta->resource_version, "12");
  EXPECT_EQ(meta->generation, 3);
  EXPECT_EQ(meta->labels.at("a"), "b");
  ASSERT_NE(meta->Controller(), nullptr);
  EXPECT_EQ(meta->Controller()->uid, "u2");
  EXPECT_EQ(*meta->deletion_time - *meta->creation_time, std::chrono::minutes(1));
}

TEST(ObjectMeta, OddShapesAreDefaultsNotExceptions) {
  const auto meta = ParseObjectMeta(json::parse(R"({"metadata":{"name":"x","uid":"u",
      "labels":[1],"annotations":{"n":7},"ownerReferences":{"a":1},"generation":"many",
      "creationTimestamp":12}})"));
  ASSERT_TRUE(meta);
  EXPECT_TRUE(meta->labels.empty());
  EXPECT_TRUE(meta->annotations.empty());
  EXPECT_EQ(meta->Controller(), nullptr);
  EXPECT_EQ(meta->creation_time, std::nullopt);
}

TEST(ObjectMeta, WithoutNameOrUidThereIsNone) {
  for (const char* text : {"{}", "[]", "null", R"({"metadata":{"name":"x"}})",
                           R"({"metadata":{"uid":"u"}})", R"({"metadata":"x"})"}) {
    EXPECT_FALSE(ParseObjectMeta(json::parse(text))) << text;
  }
}

TEST(ResourceVersion, IsOrderedAsDecimal) {
  EXPECT_EQ(IsNewer("10", "9"), true);
  EXPECT_EQ(IsNewer("9", "10"), false);
  EXPECT_EQ(IsNewer("12", "11"), true);
  EXPECT_EQ(IsNewer("12", "12"), false);
}

TEST(ResourceVersion, IsOpaqueWhenItIsNotDecimal) {
  EXPECT_EQ(IsNewer("abc", "1"), std::nullopt);
  EXPECT_EQ(IsNewer("1", ""), std::nullopt);
  EXPECT_EQ(IsNewer("01", "1"), std::nullopt);
}

TEST(ResourceType, SaysItsApiVersion) {
  EXPECT_EQ((ResourceType{"batch", "v1", "jobs", "Job"}).ApiVersion(), "batch/v1");
  EXPECT_EQ((ResourceType{"", "v1", "pods", "Pod"}).ApiVersion(), "v1");
}

TEST(JsonReader, WrongTypesReadAsDefaults) {
  const json value = json::parse(R"({"s":7,"i":"x","f":1.5,"b":"true","t":"soon","l":"x"})");
  EXPECT_EQ(StringAt(value, "s"), "");
  EXPECT_EQ(IntAt(value, "i", -1), -1);
  EXPECT_EQ(IntAt(value, "f", -1), -1);
  EXPECT_EQ(BoolAt(value, "b"), false);
  EXPECT_EQ(TimeAt(value, "t"), std::nullopt);
  EXPECT_TRUE(StringsAt(value, "l").empty());
  EXPECT_EQ(Find(json::array(), "x"), nullptr);
  EXPECT_TRUE(ObjectAt(value, "absent").is_object());
}

TEST(JsonReader, DumpNeverThrows) { EXPECT_EQ(Dump(json("\xff")), "\"\xEF\xBF\xBD\""); }

struct PatchCase {
  const char* name;
  const char* from;
  const char* to;
  const char* patch;
};

class MergePatchTest : public testing::TestWithParam<PatchCase> {};

TEST_P(MergePatchTest, SaysOnlyWhatDiffers) {
  json from = json::parse(GetParam().from);
  const json to = json::parse(GetParam().to);
  const json patch = MergePatch(from, to);
  EXPECT_EQ(patch, json::parse(GetParam().patch));
  from.merge_patch(patch);
  EXPECT_EQ(from, to);
}

INSTANTIATE_TEST_SUITE_P(
    Cases, MergePatchTest,
    testing::Values(
        PatchCase{"Equal", R"({"a":{"b":1}})", R"({"a":{"b":1}})", "{}"},
        PatchCase{"Added", "{}", R"({"a":1})", R"({"a":1})"},
        PatchCase{"Removed", R"({"a":1,"b":2})", R"({"b":2})", R"({"a":null})"},
        PatchCase{"Nested", R"({"a":{"b":1,"c":2}})", R"({"a":{"b":1,"c":3}})", R"({"a":{"c":3}})"},
        PatchCase{"ListsAreReplacedWhole", R"({"a":[1,2]})", R"({"a":[1]})", R"({"a":[1]})"},
        PatchCase{"AnotherType", R"({"a":{"b":1}})", R"({"a":[1]})", R"({"a":[1]})"}),
    [](const auto& test_case) { return test_case.param.name; });

}  // namespace
}  // namespace committest::kube
