// Failing tests are run again, alone, when the request says so.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/api/reasons.h"
#include "tests/unit/runner-image/run_fixture.h"

namespace committest::runner {
namespace {

using api::RunnerExit;
using ::testing::HasSubstr;
using ::testing::Not;

// Each test fails as often as its name says, and counts its runs in a file.
constexpr const char* kUnittest = R"(import os, unittest


def run_number(name):
    with open(os.environ["HOME"] + "/" + name, "a+") as file:
        file.write("x")
        return file.tell()


class Flaky(unittest.TestCase):
    def test_good(self):
        self.assertEqual(run_number("good"), 1)

    def test_once(self):
        self.assertGreater(run_number("once"), 1)

    def test_twice(self):
        self.assertGreater(run_number("twice"), int(os.environ.get("FAILURES", "1")))
)";
constexpr const char* kPytest = R"(import os
import pytest


class TestFlaky:
    @pytest.mark.parametrize("value", ["a.b", "c[d]"])
    def test_once(self, value):
        name = os.environ["HOME"] + "/" + value
        seen = os.path.exists(name)
        open(name, "w").close()
        assert seen

    def test_good(self):
        name = os.environ["HOME"] + "/good"
        assert not os.path.exists(name)
        open(name, "w").close()
)";

class Rerun : public RunTest {
 protected:
  RunEnd RunWith(const std::map<std::string, std::string>& files, std::int64_t reruns) {
    api::RunRequest request = RequestFor(files);
    request.failed_test_reruns = reruns;
    return RunTest::Run(request);
  }
};

TEST_F(Rerun, PassesWithFlakesAndSaysHowMany) {
  const RunEnd end = RunWith({{"tests/test_a.py", kUnittest}}, 1);
  ExpectEnd(end, RunnerExit::kPassed, api::reason::kPassedWithFlakes);
  EXPECT_EQ(end.summary.counts, (api::TestCounts{3, 3, 0, 0, 0, 2}));
  EXPECT_EQ(end.summary.message, "3 tests passed, 2 of them only when run again");
  EXPECT_TRUE(end.summary.failures.empty());
  EXPECT_THAT(end.output(), HasSubstr("rerun 1 of the failed tests alone"));
}

TEST_F(Rerun, RunsPytestsFailuresByTheirNames) {
  const RunEnd end = RunWith({{"pytest.ini", "[pytest]\n"}, {"tests/test_a.py", kPytest}}, 2);
  ExpectEnd(end, RunnerExit::kPassed, api::reason::kPassedWithFlakes);
  EXPECT_EQ(end.summary.counts, (api::TestCounts{3, 3, 0, 0, 0, 2}));
  EXPECT_THAT(end.output(), Not(HasSubstr("rerun 2")));
}

TEST_F(Rerun, StaysFailedWithWhatFailsEachTime) {
  environment_["FAILURES"] = "9";
  const RunEnd end = RunWith({{"tests/test_a.py", kUnittest}}, 2);
  ExpectEnd(end, RunnerExit::kTestsFailed, api::reason::kTestsFailed);
  EXPECT_EQ(end.summary.counts, (api::TestCounts{3, 2, 1, 0, 0, 1}));
  ASSERT_EQ(end.summary.failures.size(), 1U);
  EXPECT_THAT(end.summary.failures[0].name, HasSubstr("test_twice"));
  EXPECT_THAT(end.output(), HasSubstr("rerun 2"));
}

TEST_F(Rerun, IsNotDoneUnlessItIsAskedFor) {
  const RunEnd end = RunWith({{"tests/test_a.py", kUnittest}}, 0);
  ExpectEnd(end, RunnerExit::kTestsFailed, api::reason::kTestsFailed);
  EXPECT_EQ(end.summary.counts, (api::TestCounts{3, 1, 2, 0, 0, 0}));
}

TEST_F(Rerun, OfAModuleThatCannotBeImportedChangesNothing) {
  const RunEnd end = RunWith({{"tests/test_a.py", "import nothing_of_that_name\n"}}, 1);
  ExpectEnd(end, RunnerExit::kTestsFailed, api::reason::kTestsFailed);
  EXPECT_EQ(end.summary.counts.flaky, 0);
}

TEST_F(Rerun, ThatLeavesNoReportChangesNothing) {
  const RunEnd end = RunWith({{"tests/test_a.py",
                               "import os, unittest\n"
                               "class A(unittest.TestCase):\n"
                               "    def test_one(self):\n"
                               "        name = os.environ['HOME'] + '/seen'\n"
                               "        if os.path.exists(name): os._exit(0)\n"
                               "        open(name, 'w').close()\n"
                               "        self.fail('the first time')\n"}},
                             1);
  ExpectEnd(end, RunnerExit::kTestsFailed, api::reason::kTestsFailed);
  EXPECT_EQ(end.summary.counts, (api::TestCounts{1, 0, 1, 0, 0, 0}));
}

}  // namespace
}  // namespace committest::runner
