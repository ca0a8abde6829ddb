// The counts of the real program beside those that `python3 -m unittest` prints for the same files.
#include <regex>
#include <string>

#include <gmock/gmock.h>

#include "tests/unit/runner-image/run_fixture.h"

namespace committest::runner {
namespace {

// What unittest's last lines say. `run` are started test methods.
struct OwnCounts {
  std::int64_t run = 0;
  std::int64_t failures = 0;
  std::int64_t errors = 0;
  std::int64_t skipped = 0;
  std::int64_t expected_failures = 0;
  std::int64_t unexpected_successes = 0;
};

std::int64_t NumberAfter(const std::string& text, const std::string& pattern) {
  std::smatch match;
  return std::regex_search(text, match, std::regex(pattern)) ? std::stoll(match[1]) : 0;
}

class UnittestCounts : public RunTest {
 protected:
  void Compare(const std::map<std::string, std::string>& files) {
    const RunEnd end = RunFiles(files);
    const OwnCounts own = OwnCountsOf(files);
    const api::TestCounts& counts = end.summary.counts;
    const std::string context = end.output();
    EXPECT_EQ(counts.failed, own.failures + own.unexpected_successes) << context;
    EXPECT_EQ(counts.errored, own.errors) << context;
    EXPECT_EQ(counts.skipped, own.skipped) << context;
    EXPECT_EQ(NumberAfter(context, R"(Ran (\d+) tests?)"), own.run) << context;
    EXPECT_EQ(end.process.exit_code == 0, counts.failed + counts.errored == 0) << context;
    last_ = own;
    counts_ = counts;
  }

  OwnCounts OwnCountsOf(const std::map<std::string, std::string>& files) {
    for (const auto& [name, text] : files) testing::WriteTestFile(File("by-hand") / name, text);
    const auto end =
        testing::RunCommand({"python3", "-m", "unittest", "discover", "-s", "tests"},
                            {.environment = {{"PATH", "/usr/bin:/bin"}, {"LANG", "C.UTF-8"}},
                             .directory = File("by-hand"),
                             .timeout = std::chrono::seconds(60)});
    const std::string last_line = end.output.substr(end.output.rfind('\n', end.output.size() - 2));
    return {.run = NumberAfter(end.output, R"(Ran (\d+) tests?)"),
            .failures = NumberAfter(last_line, R"([^ ]failures=(\d+))"),
            .errors = NumberAfter(last_line, R"(errors=(\d+))"),
            .skipped = NumberAfter(last_line, R"(skipped=(\d+))"),
            .expected_failures = NumberAfter(last_line, R"(expected failures=(\d+))"),
            .unexpected_successes = NumberAfter(last_line, R"(unexpected successes=(\d+))")};
  }

  OwnCounts last_;
  api::TestCounts counts_;
};

TEST_F(UnittestCounts, AreUnittestsOwnForEveryKindOfOutcome) {
  Compare({{"tests/test_a.py", R"(
import unittest
class A(unittest.TestCase):
    def test_ok(self): pass
    def test_fail(self): self.fail("x")
    def test_error(self): raise ValueError("x")
    def test_exit(self): raise SystemExit(0)
    @unittest.skip("no")
    def test_skip(self): pass
    def test_skip_inside(self): self.skipTest("no")
    @unittest.expectedFailure
    def test_expected(self): self.fail()
    @unittest.expectedFailure
    def test_unexpected(self): pass
)"}});
  EXPECT_EQ(last_.run, 8);
  EXPECT_EQ(last_.expected_failures, 1);
  EXPECT_EQ(counts_, (api::TestCounts{8, 2, 2, 2, 2}));
}

TEST_F(UnittestCounts, AreUnittestsOwnForSubtests) {
  Compare({{"tests/test_a.py", R"(
import unittest
class A(unittest.TestCase):
    def test_sub(self):
        for i in range(6):
            with self.subTest(i=i):
                if i == 1: self.skipTest("no")
                if i == 2: raise ValueError()
                self.assertLess(i, 4)
    def test_sub_ok(self):
        for i in range(6):
            with self.subTest(i=i): pass
)"}});
  EXPECT_EQ(last_.failures, 2);
  EXPECT_EQ(counts_, (api::TestCounts{5, 1, 2, 1, 1}));
}

TEST_F(UnittestCounts, AreUnittestsOwnForBrokenFixtures) {
  Compare({{"tests/test_a.py", R"(
import unittest
class A(unittest.TestCase):
    @classmethod
    def setUpClass(cls): raise RuntimeError()
    def test_1(self): pass
    def test_2(self): pass
class B(unittest.TestCase):
    def tearDown(self): raise RuntimeError()
    def test_1(self): pass
    def test_2(self): self.fail()
@unittest.skip("all")
class C(unittest.TestCase):
    def test_1(self): pass
)"},
           {"tests/test_b.py",
            "def setUpModule(): raise RuntimeError()\nimport unittest\n"
            "class A(unittest.TestCase):\n    def test_1(self): pass\n"}});
  EXPECT_EQ(counts_, (api::TestCounts{6, 0, 1, 4, 1}));
}

TEST_F(UnittestCounts, AreUnittestsOwnForModulesThatCannotBeLoaded) {
  Compare({{"tests/test_a.py", "import sys\nsys.exit(0)\n"},
           {"tests/test_b.py", "raise RuntimeError()\n"},
           {"tests/test_c.py", "import unittest\nraise unittest.SkipTest('no')\n"},
           {"tests/test_d.py", "syntax error\n"}});
  EXPECT_EQ(counts_, (api::TestCounts{4, 0, 0, 3, 1}));
}

TEST_F(UnittestCounts, IncludeSubfoldersAndLoadTests) {
  Compare({{"tests/unit/__init__.py", ""},
           {"tests/unit/test_a.py",
            "import unittest\nclass A(unittest.TestCase):\n    def test_1(self): pass\n"},
           {"tests/test_b.py",
            "import unittest\nclass B(unittest.TestCase):\n    def test_1(self): pass\n"
            "def load_tests(loader, tests, pattern): return "
            "unittest.TestSuite(map(loader.loadTestsFromTestCase, [B, B]))\n"}});
  EXPECT_EQ(counts_, (api::TestCounts{3, 3, 0, 0, 0}));
}

TEST_F(UnittestCounts, CoverPackagesThatImportRelativelyAndFromTheCheckout) {
  const RunEnd end = RunFiles({{"product/__init__.py", "VALUE = 7\n"},
                               {"tests/__init__.py", ""},
                               {"tests/helper.py", "EXPECTED = 7\n"},
                               {"tests/test_a.py", R"(
import unittest
from product import VALUE
from .helper import EXPECTED
class A(unittest.TestCase):
    def test_1(self): self.assertEqual(VALUE, EXPECTED)
)"}});
  EXPECT_EQ(end.process.exit_code, 0) << end.output();
  EXPECT_EQ(end.summary.counts, (api::TestCounts{1, 1, 0, 0, 0}));
}

}  // namespace
}  // namespace committest::runner
