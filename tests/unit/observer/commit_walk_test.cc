#include "observer/commit_walk.h"

#include <algorithm>
#include <map>
#include <rapidcheck.h>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace committest::observer {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

using Graph = std::map<std::string, CommitNode>;

CommitWalk Walk(const Graph& graph, api::History mode = api::History::kAll,
                std::size_t max_visited = 1000) {
  return CommitWalk(
      [&graph](const std::string& id) -> Result<CommitNode> {
        const auto it = graph.find(id);
        if (it == graph.end()) return Fail(ErrorCode::kDataLoss, "no " + id);
        return it->second;
      },
      mode, max_visited);
}

std::vector<std::string> NewCommits(const Graph& graph, const std::string& cursor,
                                    const std::string& tip,
                                    api::History mode = api::History::kAll) {
  auto walk = Walk(graph, mode);
  const auto outcome = walk.Between(cursor, tip);
  EXPECT_TRUE(outcome);
  return outcome ? outcome->commits : std::vector<std::string>{};
}

// a - b - c - d - e, and b - s - t - d: d merges t into c.
const Graph kMerged = {{"a", {1, {}}},    {"b", {2, {"a"}}}, {"s", {3, {"b"}}},
                       {"c", {4, {"b"}}}, {"t", {5, {"s"}}}, {"d", {6, {"c", "t"}}},
                       {"e", {7, {"d"}}}};

TEST(CommitWalk, FindsTheCommitsBetweenCursorAndTip) {
  EXPECT_THAT(NewCommits(kMerged, "a", "c"), ElementsAre("c", "b"));
  EXPECT_THAT(NewCommits(kMerged, "d", "e"), ElementsAre("e"));
  EXPECT_THAT(NewCommits(kMerged, "e", "e"), IsEmpty());
}

TEST(CommitWalk, TakesTheMergedBranchOnlyWithAll) {
  EXPECT_THAT(NewCommits(kMerged, "b", "e"), ElementsAre("e", "d", "t", "c", "s"));
  EXPECT_THAT(NewCommits(kMerged, "b", "e", api::History::kFirstParent),
              ElementsAre("e", "d", "c"));
}

TEST(CommitWalk, LeavesOutWhatTheCursorReachesByASecondParent) {
  // The tip continues the branch that the cursor has merged.
  Graph graph = kMerged;
  graph["u"] = {8, {"t"}};
  EXPECT_THAT(NewCommits(graph, "d", "u"), ElementsAre("u"));
  EXPECT_THAT(NewCommits(graph, "d", "u", api::History::kFirstParent), ElementsAre("u"));
}

TEST(CommitWalk, TellsHowTipAndCursorRelate) {
  Graph graph = kMerged;
  graph["x"] = {9, {}};
  const auto relate = [&](const std::string& cursor, const std::string& tip) {
    auto walk = Walk(graph);
    return *walk.Between(cursor, tip);
  };
  EXPECT_TRUE(relate("a", "e").reached_cursor);
  EXPECT_FALSE(relate("a", "e").reached_tip);
  EXPECT_TRUE(relate("e", "a").reached_tip);
  EXPECT_FALSE(relate("c", "t").reached_cursor);
  EXPECT_FALSE(relate("c", "t").reached_tip);
  EXPECT_TRUE(relate("c", "t").share_history);
  EXPECT_FALSE(relate("e", "x").share_history);
}

TEST(CommitWalk, IsNotFooledByAClockThatWasHoursWrong) {
  // The cursor's parent claims to be younger than everything.
  Graph graph = {{"a", {100'000, {}}},
                 {"b", {150'000, {"a"}}},
                 {"c", {110'000, {"b"}}},
                 {"d", {120'000, {"c"}}}};
  EXPECT_THAT(NewCommits(graph, "c", "d"), ElementsAre("d"));
  // A new commit claims to be older than the common ancestor.
  graph["e"] = {90'000, {"d"}};
  EXPECT_THAT(NewCommits(graph, "d", "e"), ElementsAre("e"));
}

TEST(CommitWalk, GivesTheNewestOfAHistory) {
  auto all = Walk(kMerged);
  EXPECT_THAT(*all.Newest("e", 3), ElementsAre("e", "d", "t"));
  auto first = Walk(kMerged, api::History::kFirstParent);
  EXPECT_THAT(*first.Newest("e", 3), ElementsAre("e", "d", "c"));
  auto more = Walk(kMerged);
  EXPECT_EQ(more.Newest("e", 100)->size(), 7U);
}

TEST(CommitWalk, ReportsACommitThatCannotBeLoaded) {
  const Graph graph = {{"b", {2, {"a"}}}, {"c", {3, {"b"}}}, {"x", {1, {}}}};
  auto walk = Walk(graph);
  EXPECT_EQ(walk.Between("x", "c").error().code, ErrorCode::kDataLoss);
}

TEST(CommitWalk, EndsAtItsBound) {
  Graph graph = {{"cursor", {1'000'000, {}}}, {"n0", {0, {}}}};
  for (int i = 1; i < 100; ++i) graph["n" + std::to_string(i)] = {i, {"n" + std::to_string(i - 1)}};
  auto walk = Walk(graph, api::History::kAll, 10);
  const auto outcome = walk.Between("cursor", "n99");
  ASSERT_TRUE(outcome);
  EXPECT_LE(outcome->commits.size(), 10U);
  EXPECT_EQ(outcome->commits.front(), "n99");
}

Graph AnyGraph() {
  Graph graph;
  const int size = *rc::gen::inRange(1, 30);
  for (int i = 0; i < size; ++i) {
    CommitNode node;
    node.time = i * 60 + *rc::gen::inRange(-3600, 3600);
    const int parents = i == 0 ? 0 : *rc::gen::inRange(0, 3);
    for (int p = 0; p < parents; ++p) {
      node.parents.push_back(std::to_string(*rc::gen::inRange(0, i)));
    }
    graph[std::to_string(i)] = node;
  }
  return graph;
}

std::set<std::string> Ancestors(const Graph& graph, const std::string& start) {
  std::set<std::string> seen;
  std::vector<std::string> open = {start};
  while (!open.empty()) {
    const std::string id = open.back();
    open.pop_back();
    if (!seen.insert(id).second) continue;
    for (const std::string& parent : graph.at(id).parents) open.push_back(parent);
  }
  return seen;
}

RC_GTEST_PROP(CommitWalkProperty, AgreesWithTheDefinitionOnAnyGraph, ()) {
  const Graph graph = AnyGraph();
  const int size = static_cast<int>(graph.size());
  const std::string cursor = std::to_string(*rc::gen::inRange(0, size));
  const std::string tip = std::to_string(*rc::gen::inRange(0, size));
  const auto old = Ancestors(graph, cursor);
  const auto reached = Ancestors(graph, tip);
  std::set<std::string> expected;
  std::ranges::set_difference(reached, old, std::inserter(expected, expected.end()));
  const auto commits = NewCommits(graph, cursor, tip);
  RC_ASSERT(std::set<std::string>(commits.begin(), commits.end()) == expected);
  RC_ASSERT(commits.size() == expected.size());
}

RC_GTEST_PROP(CommitWalkProperty, PutsChildrenBeforeParents, ()) {
  const Graph graph = AnyGraph();
  const std::string tip = std::to_string(graph.size() - 1);
  auto walk = Walk(graph);
  const auto commits = *walk.Newest(tip, *rc::gen::inRange<std::size_t>(1, 40));
  std::set<std::string> seen;
  for (const std::string& id : commits) {
    for (const std::string& parent : graph.at(id).parents) RC_ASSERT(!seen.contains(parent));
    seen.insert(id);
  }
}

}  // namespace
}  // namespace committest::observer
