#include "plugin/requests.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "plugin/similar.h"
#include "tests/unit/plugin/builders.h"

namespace committest::plugin {
namespace {

using nlohmann::json;

TEST(NewCommitTest, IsNamedAfterRepositoryAndCommit) {
  api::CommitTestSpec spec = ATest().spec;
  for (const auto& [url, word] : std::vector<std::pair<std::string, std::string>>{
           {"https://git.example/team/App.git", "app"},
           {"https://git.example/team/app.git/", "app"},
           {"https://git.example/my_app.v2", "my-app-v2"},
           {"https://git.example/--", "commit"},
           {"https://git.example/" + std::string(80, 'x'), std::string(40, 'x')}}) {
    spec.source.url = url;
    EXPECT_EQ(NewCommitTest(spec, "ci", "")["metadata"]["generateName"], word + "-1a2b3c4d5e6f-");
  }
  EXPECT_EQ(NewCommitTest(spec, "ci", "mine")["metadata"],
            json({{"namespace", "ci"}, {"name", "mine"}}));
}

TEST(NewCommitTest, SaysThatAPersonMadeIt) {
  const json object = NewCommitTest(ATest().spec, "ci", "");
  EXPECT_EQ(object["kind"], "CommitTest");
  EXPECT_EQ(object["spec"]["trigger"]["type"], "Manual");
  EXPECT_EQ(object["spec"]["source"]["ref"], "refs/heads/main");
}

TEST(Rerun, CountsUp) {
  EXPECT_EQ(RerunName("app-1", false, 1), "app-1-r1");
  EXPECT_EQ(RerunName("app-1-r1", true, 2), "app-1-r2");
  EXPECT_EQ(RerunName("app-r7", false, 1), "app-r7-r1");
  EXPECT_EQ(RerunName("app", true, 1), "app-r1");
  EXPECT_EQ(RerunName("12", true, 1), "12-r1");
  EXPECT_EQ(RerunName(std::string(253, 'x'), false, 12).size(), 253U);
}

TEST(Rerun, IsTheSameSpecWithoutWhatKeepsItFromRunning) {
  const json old = {
      {"metadata",
       {{"name", "app-1"},
        {"namespace", "ci"},
        {"uid", "u"},
        {"labels", {{"committest.dev/repository", "app"}, {"team", "x"}}},
        {"annotations",
         {{"committest.dev/ref", "refs/heads/main"}, {"kubectl.kubernetes.io/x", "y"}}}}},
      {"spec",
       {{"source", {{"url", "https://h/x"}, {"commit", std::string(40, 'a')}}},
        {"trigger", {{"type", "Poll"}, {"detectedTime", "2026-01-01T00:00:00Z"}}},
        {"futureMember", 7},
        {"suspend", true},
        {"cancelRequested", true},
        {"notRun", {{"reason", "SkipRequested"}}}}},
      {"status", {{"result", "Failed"}}}};
  EXPECT_EQ(RerunOf(old, "app-1-r1"),
            json({{"apiVersion", "committest.dev/v1alpha1"},
                  {"kind", "CommitTest"},
                  {"metadata",
                   {{"name", "app-1-r1"},
                    {"namespace", "ci"},
                    {"labels", {{"committest.dev/repository", "app"}}},
                    {"annotations", {{"committest.dev/ref", "refs/heads/main"}}}}},
                  {"spec",
                   {{"source", {{"url", "https://h/x"}, {"commit", std::string(40, 'a')}}},
                    {"trigger", {{"type", "Rerun"}}},
                    {"futureMember", 7},
                    {"rerunOf", "app-1"}}}}));
}

TEST(SimilarNames, AreOnesThatContainItOrDifferInFewLetters) {
  const std::vector<std::string> names = {"app-1a2b3c4d5e6f-721eff", "app-99999999aaaa-721eff",
                                          "lib-000000000000-000000"};
  EXPECT_EQ(SimilarNames("app-1a2b3c4d5e6f-721efe", names),
            std::vector<std::string>({"app-1a2b3c4d5e6f-721eff"}));
  EXPECT_EQ(SimilarNames("1a2b3c4d", names), std::vector<std::string>({"app-1a2b3c4d5e6f-721eff"}));
  EXPECT_TRUE(SimilarNames("zzzzzzzzzzzz", names).empty());
  EXPECT_EQ(SimilarNames("a", {"a1", "a2", "a3", "a4"}).size(), 3U);
}

}  // namespace
}  // namespace committest::plugin
