#include "runner-image/rerun.h"

#include <csignal>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace committest::runner {
namespace {

using api::Framework;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

JunitReport Counted(const api::TestCounts& counts) {
  JunitReport report;
  report.counts = counts;
  return report;
}

// Of ten tests six passed, two failed, one broke, one was skipped.
JunitReport First() { return Counted({10, 6, 2, 1, 1}); }

Evidence Again(int exit_code, const api::TestCounts& counts) {
  ProcessEnd end;
  end.exit_code = exit_code;
  return {
      .framework = Framework::kPytest, .end = end, .report = Counted(counts), .full_folder = {}};
}

TEST(MergeRerun, CallsWhatPassesTheSecondTimeFlaky) {
  const auto all = MergeRerun(First(), Again(0, {3, 3, 0, 0, 0}));
  ASSERT_TRUE(all);
  EXPECT_EQ(all->counts, (api::TestCounts{10, 9, 0, 0, 1, 3}));
  const auto some = MergeRerun(First(), Again(1, {3, 1, 2, 0, 0}));
  ASSERT_TRUE(some);
  EXPECT_EQ(some->counts, (api::TestCounts{10, 7, 2, 0, 1, 1}));
}

TEST(MergeRerun, AddsToWhatAnEarlierRerunHasShown) {
  JunitReport second = First();
  second.counts = {10, 7, 2, 0, 1, 1};
  const auto third = MergeRerun(second, Again(0, {2, 2, 0, 0, 0}));
  ASSERT_TRUE(third);
  EXPECT_EQ(third->counts, (api::TestCounts{10, 9, 0, 0, 1, 3}));
}

TEST(MergeRerun, BelievesNothingElse) {
  std::vector<Evidence> cases = {
      Again(0, {2, 2, 0, 0, 0}),  // Fewer tests,
      Again(0, {4, 4, 0, 0, 0}),  // more,
      Again(0, {3, 2, 0, 0, 1}),  // one skipped,
      Again(0, {0, 0, 0, 0, 0}),  // none,
      Again(1, {3, 3, 0, 0, 0}),  // and codes that contradict the report.
      Again(0, {3, 2, 1, 0, 0})};
  for (int i = 0; i < 5; ++i) cases.push_back(Again(0, {3, 3, 0, 0, 0}));
  cases[6].end.timed_out = true;
  cases[7].end.terminated = true;
  cases[8].oom_kills = 1;
  cases[9].report = Fail(ErrorCode::kNotFound, "none");
  cases[10].end.exit_code.reset();
  for (std::size_t i = 0; i < cases.size(); ++i) {
    EXPECT_FALSE(MergeRerun(First(), cases[i])) << i;
  }
}

TestPlan PlanOf(Framework framework) {
  TestPlan plan{framework, {"run", "tests"}, ReportSource::kOwnFile, ""};
  plan.rerun = {"run"};
  return plan;
}

JunitReport Failed(const std::string& name, const std::string& file) {
  JunitReport report = First();
  report.failures = {{name, file, "no"}};
  return report;
}

TEST(RerunCommand, NamesTestsAsTheirFrameworkDoes) {
  EXPECT_THAT(RerunCommand(PlanOf(Framework::kUnittest), Failed("test_a.A.test_one", "test_a.py")),
              ElementsAre("run", "test_a.A.test_one"));
  EXPECT_THAT(RerunCommand(PlanOf(Framework::kPytest),
                           Failed("tests.test_a.A.test_one[x.y-[z]]", "tests/test_a.py")),
              ElementsAre("run", "tests/test_a.py::A::test_one[x.y-[z]]"));
  EXPECT_THAT(RerunCommand(PlanOf(Framework::kPytest), Failed("test_a.test_one", "test_a.py")),
              ElementsAre("run", "test_a.py::test_one"));
}

TEST(RerunCommand, IsNoneWithoutANameForEachTest) {
  const JunitReport nameless = Failed("collection failure", "");
  EXPECT_THAT(RerunCommand(PlanOf(Framework::kPytest), nameless), IsEmpty());
  JunitReport many = Failed("test_a.A.test_one", "test_a.py");
  many.failures_omitted = 1;
  EXPECT_THAT(RerunCommand(PlanOf(Framework::kUnittest), many), IsEmpty());
  TestPlan cannot = PlanOf(Framework::kCTest);
  cannot.rerun.clear();
  EXPECT_THAT(RerunCommand(cannot, Failed("a.b", "a.c")), IsEmpty());
}

}  // namespace
}  // namespace committest::runner
