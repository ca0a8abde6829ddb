#include "plugin/explain.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "plugin/advice.h"
#include "tests/support/golden.h"
#include "tests/unit/plugin/builders.h"

namespace committest::plugin {
namespace {

using testing::HasSubstr;
using testing::Not;

// The page's own words are not part of the golden texts, so that it may be written better.
constexpr std::string_view kPage = R"(# Page
#### Queued
False: it waits for a slot, see [Limits](#limits).
- **See**: `kubectl get orepo -n ci`
- **Do**: raise the limit.

#### Unschedulable
False: no node fits.
- **See**: `kubectl describe pod POD -n ci`.
- **Do**: add nodes.

#### TestsFailed
Failed: the tests ran and at least one failed.
- **See**: `kubectl logs job/JOB`.
- **Do**: repair the commit.

#### InfrastructureRetriesExhausted
Error: each attempt was lost.
- **See**: `status.attempts`.
- **Do**: read on.

#### PodLost
The Pod went.
- **See**: the node.
- **Do**: look after the node.
)";

std::string Explained(const api::CommitTest& test, bool color = false) {
  return Explanation(test, kPage, At(100), Palette(color));
}

TEST(Explanation, OfOneThatNobodyHasSeen) {
  ExpectGolden("plugin/why_new.txt", Explained(ATest()));
}
TEST(Explanation, OfOneThatWaits) { ExpectGolden("plugin/why_queued.txt", Explained(Queued())); }
TEST(Explanation, OfOneWithoutANode) {
  ExpectGolden("plugin/why_unschedulable.txt", Explained(Unschedulable()));
}
TEST(Explanation, OfAFailure) { ExpectGolden("plugin/why_failed.txt", Explained(Failed())); }
TEST(Explanation, OfAFailureInColours) {
  ExpectGolden("plugin/why_failed_color.txt", Explained(Failed(), true));
}

TEST(Explanation, OfLostAttemptsTellsWhatBecameOfThem) {
  api::CommitTest test =
      Finished(api::TestResult::kError, api::reason::kInfrastructureRetriesExhausted,
               "2 attempts were lost; the last: PodLost: it vanished");
  test.status.attempts.front().reason = "PodLost";
  test.status.attempts.push_back(test.status.attempts.front());
  test.status.attempts.back().number = 2;
  test.status.attempts.back().node_name = "node-b";
  test.status.attempts.back().exit_code = 137;
  ExpectGolden("plugin/why_lost.txt", Explained(test));
}

TEST(Explanation, OfHostileTextsHoldsNothingThatATerminalActsOn) {
  const std::string hostile = "\x1b]0;owned\x07\x1b[2J\nline\xE2\x80\xAE\x9b";
  api::CommitTest test = Failed();
  test.meta.name = test.spec.source.subject = test.spec.source.author = hostile;
  test.spec.source.ref = test.spec.source.url = hostile;
  test.status.failures = {{hostile, hostile, hostile}};
  Put(test, "Succeeded", "False", hostile, hostile);
  const std::string text = Explained(test);
  EXPECT_TRUE(std::ranges::all_of(text, [](char c) {
    return c == '\n' || static_cast<unsigned char>(c) >= ' ';
  })) << text;
  EXPECT_THAT(text, Not(HasSubstr("\xE2\x80\xAE")));
  EXPECT_THAT(text, Not(HasSubstr("\nline")));
}

TEST(Explanation, HasTheSameAsAnObject) {
  const nlohmann::json value = ExplanationJson(Failed(), kPage);
  EXPECT_EQ(value["state"], "Failed");
  EXPECT_EQ(value["summary"]["failed"], 1);
  EXPECT_EQ(value["advice"][0]["reason"], "TestsFailed");
  EXPECT_EQ(value["advice"][0]["do"], "repair the commit.");
}

TEST(Explanation, LeavesPasswordsInUrlsOut) {
  api::CommitTest test = ATest();
  test.spec.source.url = "https://user:hunter2@git.example/app.git";
  EXPECT_THAT(Explained(test), Not(HasSubstr("hunter2")));
  EXPECT_THAT(ExplanationJson(test, kPage).dump(), Not(HasSubstr("hunter2")));
}

}  // namespace
}  // namespace committest::plugin
