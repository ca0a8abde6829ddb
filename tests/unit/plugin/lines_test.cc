#include "plugin/lines.h"

#include <gtest/gtest.h>

#include "tests/unit/plugin/builders.h"

namespace committest::plugin {
namespace {

using api::TestResult;

std::string Line(const api::CommitTest& test) { return WatchLine(test, Palette(false)); }

TEST(WatchLine, SaysHowFarItIs) {
  EXPECT_EQ(Line(ATest()), "app-1a2b3c4d5e6f-721eff  new");
  EXPECT_EQ(
      Line(Queued()),
      "app-1a2b3c4d5e6f-721eff  waiting    Queued: position 3 in the queue of repository app, "
      "of which at most 5 run at a time (its spec.concurrency.max)");
  EXPECT_EQ(Line(Unschedulable()),
            "app-1a2b3c4d5e6f-721eff  waiting    Unschedulable: 0/1 nodes are available: 1 "
            "Insufficient cpu.");
  EXPECT_EQ(Line(Running()),
            "app-1a2b3c4d5e6f-721eff  running    TestsRunning: Pod pod-1 runs on node node-a");
  EXPECT_EQ(Line(Failed()),
            "app-1a2b3c4d5e6f-721eff  Failed     TestsFailed: 1 of 42 tests failed  41/42  37s");
}

TEST(WatchLine, ColoursTheState) {
  EXPECT_NE(WatchLine(Failed(), Palette(true)).find("\x1b[31mFailed\x1b[0m"), std::string::npos);
}

TEST(ExitStatus, IsThatOfTheWorstResult) {
  const auto of = [](std::initializer_list<TestResult> results) {
    std::vector<api::CommitTestStatus> statuses;
    for (const TestResult result : results) statuses.emplace_back().result = result;
    return ExitStatusOf(statuses);
  };
  EXPECT_EQ(of({TestResult::kPassed}), 0);
  EXPECT_EQ(of({TestResult::kPassed, TestResult::kPassed}), 0);
  EXPECT_EQ(of({TestResult::kFailed}), 3);
  EXPECT_EQ(of({TestResult::kError}), 4);
  EXPECT_EQ(of({TestResult::kCancelled}), 5);
  EXPECT_EQ(of({TestResult::kSkipped}), 6);
  EXPECT_EQ(of({TestResult::kPassed, TestResult::kSkipped, TestResult::kFailed}), 3);
  EXPECT_EQ(of({}), 1);
  EXPECT_EQ(ExitStatusOf({Running().status}), 1);
  EXPECT_EQ(ExitStatusOf({Failed().status, Running().status}), 1);
}

TEST(UseColor, AsksTheUserThenTheTerminal) {
  EXPECT_TRUE(UseColor(ColorChoice::kAuto, true, false, "xterm"));
  EXPECT_FALSE(UseColor(ColorChoice::kAuto, false, false, "xterm"));
  EXPECT_FALSE(UseColor(ColorChoice::kAuto, true, true, "xterm"));
  EXPECT_FALSE(UseColor(ColorChoice::kAuto, true, false, "dumb"));
  EXPECT_TRUE(UseColor(ColorChoice::kAlways, false, true, "dumb"));
  EXPECT_FALSE(UseColor(ColorChoice::kNever, true, false, "xterm"));
}

}  // namespace
}  // namespace committest::plugin
