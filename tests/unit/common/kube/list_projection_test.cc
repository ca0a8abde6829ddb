#include "common/kube/list_projection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "common/base/random.h"

namespace committest::kube {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct Projection {
  Result<ListPage> page;
  std::vector<json> items;
};

Projection Project(const std::string& text, const std::vector<std::string>& drop = {},
                   ProjectionLimits limits = {}) {
  Projection out;
  out.page =
      ProjectList(text, drop, [&](json&& item) { out.items.push_back(std::move(item)); }, limits);
  return out;
}

constexpr char kTwoPods[] = R"({
  "kind": "PodList", "apiVersion": "v1",
  "metadata": {"resourceVersion": "77", "continue": "next", "remainingItemCount": 3},
  "items": [
    {"metadata": {"name": "a", "managedFields": [{"f": {"x": {}}}], "uid": "u"},
     "spec": {"containers": [{"name": "c", "env": [{"name": "E", "value": null}]}]}},
    {"metadata": {"name": "b"}, "n": -1, "u": 18446744073709551615, "d": 0.5, "t": true}
  ]})";

TEST(ProjectList, HandsOutItemsInOrderWithTheListsMetadata) {
  const Projection out = Project(kTwoPods);
  ASSERT_TRUE(out.page) << out.page.error().message;
  EXPECT_EQ(out.page->resource_version, "77");
  EXPECT_EQ(out.page->continue_token, "next");
  const json whole = json::parse(kTwoPods);
  EXPECT_THAT(out.items, ElementsAre(whole["items"][0], whole["items"][1]));
}

TEST(ProjectList, LeavesOutDroppedMembersOnly) {
  const Projection out = Project(kTwoPods, {"metadata.managedFields", "metadata.absent", "n"});
  json a = json::parse(kTwoPods)["items"][0];
  json b = json::parse(kTwoPods)["items"][1];
  a["metadata"].erase("managedFields");
  b.erase("n");
  EXPECT_THAT(out.items, ElementsAre(a, b));
}

TEST(ProjectList, DropsByTheWholePath) {
  const Projection out = Project(
      R"({"metadata":{},"items":[{"x":1,"a":{"x":2,"a":{"x":3}},"l":[{"x":4}],"ab":{"x":5}}]})",
      {"a.x"});
  EXPECT_THAT(out.items,
              ElementsAre(json::parse(R"({"x":1,"a":{"a":{"x":3}},"l":[{"x":4}],"ab":{"x":5}})")));
}

TEST(ProjectList, DropsAnnotationsWithDotsInTheirName) {
  const Projection out = Project(
      R"({"metadata":{},"items":[{"metadata":{"annotations":{"k.io/last":"{}","other":"1"}}}]})",
      {"metadata.annotations.k.io/last"});
  EXPECT_THAT(out.items, ElementsAre(json::parse(R"({"metadata":{"annotations":{"other":"1"}}})")));
}

TEST(ProjectList, DroppedScalarsDoNotTakeTheirNeighbourAlong) {
  const Projection out =
      Project(R"({"metadata":{},"items":[{"a":1,"b":2,"c":[1,2]},{"a":{},"b":3}]})", {"a"});
  EXPECT_THAT(out.items,
              ElementsAre(json::parse(R"({"b":2,"c":[1,2]})"), json::parse(R"({"b":3})")));
}

TEST(ProjectList, TakesMembersOfTheListInAnyOrderAndSkipsUnknownOnes) {
  const Projection out = Project(
      R"({"items":[{"a":1}],"extra":{"items":[{"b":2}],"metadata":{"continue":"no"}},
          "more":[[1],{"x":[]}],"metadata":{"resourceVersion":"5"}})");
  ASSERT_TRUE(out.page);
  EXPECT_EQ(out.page->resource_version, "5");
  EXPECT_EQ(out.page->continue_token, "");
  EXPECT_THAT(out.items, ElementsAre(json::parse(R"({"a":1})")));
}

TEST(ProjectList, EmptyListsHaveNoItems) {
  for (const char* items : {"[]", "null"}) {
    SCOPED_TRACE(items);
    const Projection out =
        Project(std::string(R"({"metadata":{"resourceVersion":"1"},"items":)") + items + "}");
    EXPECT_TRUE(out.page);
    EXPECT_THAT(out.items, IsEmpty());
  }
}

TEST(ProjectList, WhatIsNoListIsDataLoss) {
  const std::vector<std::pair<std::string, std::string>> rows{
      {"nothing", ""},
      {"a scalar", "7"},
      {"an array", "[]"},
      {"no items", R"({"metadata":{}})"},
      {"no metadata", R"({"items":[]})"},
      {"items that are no array", R"({"metadata":{},"items":{}})"},
      {"metadata that is no object", R"({"metadata":[],"items":[]})"},
      {"an item that is a number", R"({"metadata":{},"items":[1]})"},
      {"an item that is an array", R"({"metadata":{},"items":[[]]})"},
      {"two documents", R"({"metadata":{},"items":[]}{})"},
      {"a bare word", R"({"metadata":{},"items":[{"a":nul}]})"},
      {"invalid UTF-8", "{\"metadata\":{},\"items\":[{\"a\":\"\xff\"}]}"}};
  for (const auto& [name, text] : rows) {
    SCOPED_TRACE(name);
    const Projection out = Project(text);
    ASSERT_FALSE(out.page);
    EXPECT_EQ(out.page.error().code, ErrorCode::kDataLoss);
  }
}

TEST(ProjectList, EveryTruncationIsDataLoss) {
  const std::string whole = kTwoPods;
  for (std::size_t length = 0; length < whole.size(); ++length) {
    SCOPED_TRACE(length);
    EXPECT_FALSE(Project(whole.substr(0, length), {"metadata.managedFields"}).page);
  }
}

TEST(ProjectList, DeepNestingIsDataLossAlsoInWhatIsSkipped) {
  for (const std::string member : {"kept", "dropped"}) {
    SCOPED_TRACE(member);
    const std::string text = R"({"metadata":{},"items":[{")" + member + R"(":)" +
                             std::string(1'000'000, '[') + std::string(1'000'000, ']') + "}]}";
    const Projection out = Project(text, {"dropped"});
    ASSERT_FALSE(out.page);
    EXPECT_THAT(out.page.error().message, HasSubstr("nested too deeply"));
  }
}

TEST(ProjectList, NestingUpToTheLimitIsFine) {
  // List, items, item: three levels, so five more are left of eight.
  const std::string five = R"({"metadata":{},"items":[{"a":[[[[[]]]]]}]})";
  EXPECT_TRUE(Project(five, {}, {.depth = 8}).page);
  EXPECT_FALSE(Project(five, {}, {.depth = 7}).page);
}

// A random JSON value with at most `depth` levels.
json RandomValue(Random& random, int depth) {
  switch (random.Next() % (depth > 0 ? 7 : 5)) {
    case 0:
      return nullptr;
    case 1:
      return random.Next() % 2 == 0;
    case 2:
      return static_cast<std::int64_t>(random.Next());
    case 3:
      return "text " + std::to_string(random.Next() % 10);
    case 4:
      return 0.25;
    case 5: {
      json array = json::array();
      for (auto n = random.Next() % 4; n > 0; --n) array.push_back(RandomValue(random, depth - 1));
      return array;
    }
    default: {
      json object = json::object();
      for (auto n = random.Next() % 4; n > 0; --n) {
        object[std::string(1, static_cast<char>('a' + random.Next() % 3))] =
            RandomValue(random, depth - 1);
      }
      return object;
    }
  }
}

TEST(ProjectList, AgreesWithParsingAndErasingForRandomItems) {
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    SCOPED_TRACE(seed);
    const auto random = MakeSeededRandom(seed);
    json items = json::array();
    for (int i = 0; i < 3; ++i) {
      json item = RandomValue(*random, 6);
      items.push_back(item.is_object() ? item : json::object({{"a", item}}));
    }
    const json list = {{"metadata", {{"resourceVersion", "9"}}}, {"items", items}};
    const Projection out = Project(list.dump(), {"a.b", "c"});
    for (json& item : items) {
      item.erase("c");
      if (item.contains("a") && item["a"].is_object()) item["a"].erase("b");
    }
    ASSERT_TRUE(out.page);
    ASSERT_EQ(json(out.items), items);
  }
}

}  // namespace
}  // namespace committest::kube
