// The real program as each of the shards of one run: together they are what one run alone is.
#include <cstdlib>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/api/reasons.h"
#include "tests/unit/runner-image/run_fixture.h"

namespace committest::runner {
namespace {

using api::RunnerExit;
using api::ShardStrategy;
using ::testing::HasSubstr;
using ::testing::Not;

using Files = std::map<std::string, std::string>;

std::string Variable(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nobody sets variables.
  return value == nullptr ? "" : value;
}

class Shards : public RunTest {
 protected:
  Shards() { environment_["GOCACHE"] = Variable("HOME") + "/.cache/go-build"; }

  void UsePath() { environment_["PATH"] = Variable("PATH"); }

  std::vector<RunEnd> RunAll(api::RunRequest request, std::int64_t count, ShardStrategy strategy) {
    request.sharding = {count, strategy};
    std::vector<RunEnd> ends;
    for (std::int64_t index = 0; index < count; ++index) {
      environment_["JOB_COMPLETION_INDEX"] = std::to_string(index);
      ends.push_back(Run(request));
    }
    environment_.erase("JOB_COMPLETION_INDEX");
    return ends;
  }

  // Runs it whole, and split in all ways; `timings` as runs before would have left them.
  void ExpectSameAsWhole(const Files& files, std::int64_t units, api::UnitTimings timings) {
    api::RunRequest request = RequestFor(files);
    const RunEnd whole = Run(request);
    ASSERT_GT(whole.summary.counts.total, 0) << whole.output();
    EXPECT_FALSE(whole.summary.shard);
    request.timings = std::move(timings);
    ExpectSameAsWhole(whole, units, RunAll(request, 2, ShardStrategy::kTiming));
    ExpectSameAsWhole(whole, units, RunAll(request, 3, ShardStrategy::kName));
    ExpectSameAsWhole(whole, units, RunAll(request, units + 1, ShardStrategy::kTiming));
  }

 private:
  static std::set<std::string> FailuresOf(const RunEnd& end) {
    std::set<std::string> names;
    for (const api::TestFailure& failure : end.summary.failures) names.insert(failure.name);
    return names;
  }

  static void ExpectShard(const RunEnd& end, std::int64_t index, std::int64_t count,
                          std::int64_t units) {
    ASSERT_TRUE(end.summary.shard) << end.output();
    EXPECT_EQ(end.summary.shard->index, index);
    EXPECT_EQ(end.summary.shard->count, count);
    EXPECT_EQ(end.summary.shard->units_of_all, units) << end.output();
    EXPECT_THAT(end.output(), HasSubstr("shard    " + std::to_string(index + 1) + " of " +
                                        std::to_string(count)));
    if (end.summary.shard->units > 0) return;
    EXPECT_EQ(end.process.exit_code, 30) << end.output();
    EXPECT_EQ(end.summary.counts, api::TestCounts());
  }

  static void ExpectSameAsWhole(const RunEnd& whole, std::int64_t units,
                                const std::vector<RunEnd>& shards) {
    api::TestCounts sum;
    std::set<std::string> failures;
    std::set<std::string> plans;
    std::int64_t units_of_shards = 0;
    for (std::size_t i = 0; i < shards.size(); ++i) {
      ASSERT_NO_FATAL_FAILURE(ExpectShard(shards[i], static_cast<std::int64_t>(i),
                                          static_cast<std::int64_t>(shards.size()), units));
      const api::TestCounts& counts = shards[i].summary.counts;
      sum.total += counts.total;
      sum.passed += counts.passed;
      sum.failed += counts.failed;
      sum.errored += counts.errored;
      sum.skipped += counts.skipped;
      failures.merge(FailuresOf(shards[i]));
      plans.insert(shards[i].summary.shard->plan);
      units_of_shards += shards[i].summary.shard->units;
    }
    EXPECT_EQ(sum, whole.summary.counts);
    EXPECT_EQ(failures, FailuresOf(whole));
    EXPECT_EQ(plans.size(), 1U);
    EXPECT_EQ(plans.begin()->size(), 16U);
    EXPECT_EQ(units_of_shards, units);
  }
};

constexpr const char* kUnittests = R"(import unittest

def setUpModule(): pass

class A(unittest.TestCase):
    def test_ok(self): pass
    def test_bad(self): self.assertEqual(1, 2)
    @unittest.skip("why")
    def test_skipped(self): pass
    def test_sub(self):
        for i in range(3):
            with self.subTest(i=i): self.assertEqual(i, 1)
)";

TEST_F(Shards, OfUnittestAreTogetherTheWhole) {
  ExpectSameAsWhole({{"tests/__init__.py", ""},
                     {"tests/base.py", kUnittests},
                     {"tests/test_a.py", kUnittests},
                     {"tests/test_b.py",
                      "import unittest\nfrom tests.base import A\n"
                      "class B(unittest.TestCase):\n    def test_one(self): pass\n"},
                     {"tests/sub/__init__.py", ""},
                     {"tests/sub/test_c.py", "from tests.base import A\n"},
                     {"tests/test_broken.py", "import nothing_of_that_name\n"},
                     {"tests/test_off.py", "import unittest\nraise unittest.SkipTest('off')\n"},
                     {"tests/test_fixture.py",
                      "import unittest\ndef setUpModule(): raise OSError('no')\n"
                      "class F(unittest.TestCase):\n    def test_one(self): pass\n"}},
                    // a, b, base, broken, fixture, off
                    6, {{api::UnitKey("tests.test_a"), 900}, {api::UnitKey("tests.base"), 100}});
}

constexpr const char* kPytests = R"(import pytest

class TestA:
    def test_ok(self): pass
    @pytest.mark.parametrize("value", [1, 2, 3])
    def test_value(self, value): assert value != 2
    @pytest.mark.skip
    def test_skipped(self): pass
    @pytest.mark.xfail
    def test_expected(self): assert False

@pytest.fixture
def broken(): raise OSError("no")
def test_error(broken): pass
)";

TEST_F(Shards, OfPytestAreTogetherTheWhole) {
  ExpectSameAsWhole(
      {{"pytest.ini", "[pytest]\npython_files = test_*.py __init__.py\n"},
       {"tests/test_a.py", kPytests},
       {"tests/pkg/__init__.py", "def test_init(): pass\n"},
       {"tests/pkg/test_b.py", "from tests.test_a import *\n"},
       {"conftest.py", ""},
       {"tests/test_off.py", "import pytest\npytest.skip('off', allow_module_level=True)\n"},
       {"tests/test_none.py", "VALUE = 1\n"}},
      4, {{api::UnitKey("tests/test_a.py"), 900}});
}

TEST_F(Shards, OfGoAreTogetherTheWhole) {
  UsePath();
  ExpectSameAsWhole({{"go.mod", "module example.com/m\n\ngo 1.20\n"},
                     {"a/a_test.go",
                      "package a\nimport \"testing\"\nfunc TestOk(t *testing.T) {}\n"
                      "func TestBad(t *testing.T) { t.Run(\"x\", func(t *testing.T) "
                      "{ t.Fatal(\"no\") }) }\n"},
                     {"b/b_test.go",
                      "package b\nimport \"testing\"\n"
                      "func TestSkipped(t *testing.T) { t.Skip() }\n"
                      "func TestOk(t *testing.T) {}\n"},
                     {"c/c.go", "package c\n"}},
                    3, {{api::UnitKey("example.com/m/b"), 10}});
}

constexpr const char* kCTests = R"(
cmake_minimum_required(VERSION 3.16)
project(sample NONE)
enable_testing()
add_test(NAME up COMMAND ${CMAKE_COMMAND} -E true)
add_test(NAME use COMMAND ${CMAKE_COMMAND} -E true)
add_test(NAME bad COMMAND ${CMAKE_COMMAND} -E false)
add_test(NAME off COMMAND ${CMAKE_COMMAND} -E true)
add_test(NAME lost COMMAND ${CMAKE_COMMAND}-is-not-there)
add_test(NAME last COMMAND ${CMAKE_COMMAND} -E true)
set_tests_properties(up PROPERTIES FIXTURES_SETUP db)
set_tests_properties(use PROPERTIES FIXTURES_REQUIRED db)
set_tests_properties(off PROPERTIES DISABLED TRUE)
)";

TEST_F(Shards, OfCTestAreTogetherTheWhole) {
  UsePath();
  ExpectSameAsWhole({{"CMakeLists.txt", kCTests}}, 5, {{api::UnitKey("bad"), 500}});
}

TEST_F(Shards, OfACommandSplitItByTwoVariables) {
  api::RunRequest request = RequestFor({{"run.sh", R"(
echo "this is $COMMITTEST_SHARD_INDEX of $COMMITTEST_SHARD_COUNT"
echo '<testsuite><testcase name="a"/></testsuite>' > junit.xml
)"}});
  request.tests.framework = api::Framework::kCommand;
  request.tests.command = {"sh", "run.sh"};
  const auto ends = RunAll(request, 2, ShardStrategy::kTiming);
  for (std::size_t i = 0; i < 2; ++i) {
    ExpectEnd(ends[i], RunnerExit::kPassed, api::reason::kTestsPassed);
    EXPECT_THAT(ends[i].output(), HasSubstr("this is " + std::to_string(i) + " of 2"));
  }
  EXPECT_EQ(ends[0].summary.shard->plan, ends[1].summary.shard->plan);
  EXPECT_EQ(ends[0].summary.shard->plan.size(), 16U);
}

TEST_F(Shards, SayHowLongTheirUnitsTook) {
  const auto ends = RunAll(RequestFor({{"tests/test_a.py",
                                        "import time, unittest\nclass A(unittest.TestCase):\n"
                                        "    def test_one(self): time.sleep(0.2)\n"
                                        "    def test_two(self): time.sleep(0.1)\n"}}),
                           2, ShardStrategy::kTiming);
  ExpectEnd(ends[0], RunnerExit::kPassed, api::reason::kTestsPassed);
  ASSERT_EQ(ends[0].summary.timings.size(), 1U) << ends[0].termination_log;
  EXPECT_EQ(ends[0].summary.timings.begin()->first, api::UnitKey("test_a"));
  EXPECT_GE(ends[0].summary.timings.begin()->second, 290);
  EXPECT_THAT(ends[0].output(), HasSubstr("shard 1 of 2 has 1 of 1 modules, split by name, because "
                                          "no durations are known"));
  ExpectEnd(ends[1], RunnerExit::kNoTests, api::reason::kNoTestsFound);
  EXPECT_TRUE(ends[1].summary.timings.empty());
}

TEST_F(Shards, RunTheirFailingTestsAgain) {
  const std::string flaky =
      "import os, unittest\nclass A(unittest.TestCase):\n    def test_one(self):\n"
      "        name = os.environ['HOME'] + '/' + __name__\n"
      "        seen = os.path.exists(name)\n        open(name, 'w').close()\n"
      "        self.assertTrue(seen)\n";
  api::RunRequest request = RequestFor({{"tests/test_a.py", flaky}, {"tests/test_b.py", flaky}});
  request.failed_test_reruns = 1;
  for (const RunEnd& end : RunAll(request, 2, ShardStrategy::kName)) {
    ExpectEnd(end, RunnerExit::kPassed, api::reason::kPassedWithFlakes);
    EXPECT_EQ(end.summary.counts, (api::TestCounts{1, 1, 0, 0, 0, 1}));
  }
}

TEST_F(Shards, OfPytestFailWhereAFileCannotBeImported) {
  const auto ends = RunAll(RequestFor({{"pytest.ini", "[pytest]\n"},
                                       {"tests/test_a.py", "def test_ok(): pass\n"},
                                       {"tests/test_b.py", "import nothing_of_that_name\n"}}),
                           2, ShardStrategy::kName);
  ExpectEnd(ends[0], RunnerExit::kPassed, api::reason::kTestsPassed);
  ExpectEnd(ends[1], RunnerExit::kTestsFailed, api::reason::kTestsFailed);
  EXPECT_EQ(ends[1].summary.counts.errored, 1);
}

// What ends every run before it comes to its tests ends every shard in the same way.
TEST_F(Shards, ThatCannotListTheirTestsEndAsTheWholeWould) {
  UsePath();
  const std::pair<const char*, Files> cases[] = {
      {"conftest.py that cannot be imported",
       {{"conftest.py", "import nothing_of_that_name\n"},
        {"tests/test_a.py", "def test_ok(): pass\n"}}},
      {"pytest told to stop at the first error",
       {{"pytest.ini", "[pytest]\naddopts = -x\n"},
        {"tests/test_a.py", "import nothing_of_that_name\n"},
        {"tests/test_b.py", "def test_ok(): pass\n"}}},
      {"module that ends the program",
       {{"tests/test_a.py", "import os\nos._exit(0)\n"}, {"tests/test_b.py", "import unittest\n"}}},
      {"go.mod that cannot be read", {{"go.mod", "modul m\n"}, {"a_test.go", "package a\n"}}},
      {"CMakeLists.txt that cannot be configured", {{"CMakeLists.txt", "project(\n"}}},
  };
  for (const auto& [name, files] : cases) {
    SCOPED_TRACE(name);
    const api::RunRequest request = RequestFor(files);
    const RunEnd whole = Run(request);
    EXPECT_NE(whole.process.exit_code, 0);
    for (const RunEnd& end : RunAll(request, 2, ShardStrategy::kTiming)) {
      EXPECT_EQ(end.process.exit_code, whole.process.exit_code) << end.output();
      EXPECT_EQ(end.summary.reason, whole.summary.reason) << end.output();
      EXPECT_EQ(end.summary.counts, whole.summary.counts) << end.output();
      ASSERT_TRUE(end.summary.shard);
      EXPECT_EQ(end.summary.shard->plan.empty(),
                end.summary.reason == "SetupFailed" && end.summary.framework == "CTest");
    }
  }
}

TEST_F(Shards, WithoutTheirIndexAreAnInternalError) {
  api::RunRequest request = RequestFor({{"tests/test_a.py", "import unittest\n"}});
  request.sharding.count = 2;
  for (const char* index : {"", "2", "-1", "0x", "1x"}) {
    environment_["JOB_COMPLETION_INDEX"] = index;
    const RunEnd end = Run(request);
    ExpectEnd(end, RunnerExit::kInternal, api::reason::kInternalError);
    EXPECT_EQ(end.summary.message,
              "JOB_COMPLETION_INDEX is '" + std::string(index) + "', expected 0 to 1");
    EXPECT_FALSE(end.summary.shard);
  }
}

TEST_F(Shards, AreRefusedWhereTestsCannotBeSplit) {
  const std::pair<const char*, Files> cases[] = {
      {"Cargo", {{"Cargo.toml", "[package]\n"}}},
      {"Maven", {{"pom.xml", "<project/>"}}},
      {"Npm", {{"package.json", R"({"scripts": {"test": "node --test"}})"}}}};
  for (const auto& [framework, files] : cases) {
    for (const RunEnd& end : RunAll(RequestFor(files), 2, ShardStrategy::kTiming)) {
      ExpectEnd(end, RunnerExit::kConfiguration, api::reason::kConfigurationError);
      EXPECT_THAT(end.summary.message,
                  HasSubstr(std::string(framework) + " tests cannot be split"));
      EXPECT_TRUE(end.summary.shard);
    }
  }
}

TEST_F(Shards, OfACommitWithoutTestsFindNone) {
  for (const RunEnd& end : RunAll(RequestFor({{"README", ""}}), 2, ShardStrategy::kTiming)) {
    ExpectEnd(end, RunnerExit::kNoTests, api::reason::kNoTestsFound);
    ASSERT_TRUE(end.summary.shard);
    EXPECT_EQ(end.summary.shard->plan.size(), 16U);
  }
}

TEST_F(Shards, AreNotSeenByTheTestsOfAWholeRun) {
  environment_["JOB_COMPLETION_INDEX"] = "1";
  const RunEnd end = RunFilesWith(
      {{"run.sh", "env\necho '<testsuite><testcase name=\"a\"/></testsuite>' > junit.xml\n"}},
      {"sh", "run.sh"});
  ExpectEnd(end, RunnerExit::kPassed, api::reason::kTestsPassed);
  EXPECT_THAT(end.output(), Not(HasSubstr("COMMITTEST_SHARD")));
}

}  // namespace
}  // namespace committest::runner
