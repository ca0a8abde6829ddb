// The real program with the real CMake, GoogleTest and Go.
#include <cstdlib>

#include <gmock/gmock.h>

#include "common/api/reasons.h"
#include "tests/unit/runner-image/run_fixture.h"

namespace committest::runner {
namespace {

using api::RunnerExit;
using ::testing::HasSubstr;
using ::testing::Not;

std::string Variable(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nobody sets variables.
  return value == nullptr ? "" : value;
}

class Frameworks : public RunTest {
 protected:
  Frameworks() {
    environment_["PATH"] = Variable("PATH");
    // The standard library, compiled once for all tests.
    environment_["GOCACHE"] = Variable("HOME") + "/.cache/go-build";
  }
};

constexpr const char* kCMakeWithGoogleTest = R"(
cmake_minimum_required(VERSION 3.16)
project(sample CXX)
enable_testing()
find_package(GTest REQUIRED)
include(GoogleTest)
add_executable(sample sample.cc)
target_link_libraries(sample GTest::gtest_main)
gtest_discover_tests(sample)
)";

constexpr const char* kCMakeOnly = R"(
cmake_minimum_required(VERSION 3.16)
project(sample NONE)
enable_testing()
)";

TEST_F(Frameworks, CTestCountsEachCaseOfGoogleTest) {
  const RunEnd end = RunFiles({{"CMakeLists.txt", kCMakeWithGoogleTest}, {"sample.cc", R"(
#include <gtest/gtest.h>
TEST(A, Ok) {}
TEST(A, Bad) { EXPECT_EQ(1, 2) << "numbers"; }
TEST(A, Skipped) { GTEST_SKIP() << "why"; }
TEST(A, DISABLED_Off) {}
class P : public testing::TestWithParam<int> {};
TEST_P(P, Small) { EXPECT_LT(GetParam(), 3); }
INSTANTIATE_TEST_SUITE_P(I, P, testing::Values(1, 2, 3));
)"}});
  ExpectEnd(end, RunnerExit::kTestsFailed, api::reason::kTestsFailed);
  EXPECT_EQ(end.summary.framework, "CTest");
  EXPECT_EQ(end.summary.counts, (api::TestCounts{7, 3, 2, 0, 2}));
  EXPECT_GT(end.summary.stages.setup_ms, end.summary.duration_ms);  // It was compiled.
  EXPECT_THAT(end.output(), HasSubstr(", setup "));
  ASSERT_EQ(end.summary.failures.size(), 2U);
  EXPECT_EQ(end.summary.failures[0].name, "A.Bad");
  EXPECT_EQ(end.summary.failures[0].file, "sample.cc");
  EXPECT_THAT(end.summary.failures[0].message, HasSubstr("numbers"));
  EXPECT_THAT(end.output(), HasSubstr("CTest: CMakeLists.txt found"));
}

TEST_F(Frameworks, CTestPassesWhatPasses) {
  const RunEnd end =
      RunFiles({{"CMakeLists.txt", std::string(kCMakeOnly) + "add_test(NAME a COMMAND true)\n"}});
  ExpectEnd(end, RunnerExit::kPassed, api::reason::kTestsPassed);
  EXPECT_EQ(end.summary.counts, (api::TestCounts{1, 1, 0, 0, 0}));
}

TEST_F(Frameworks, CTestWithoutTestsIsNoPass) {
  const RunEnd end = RunFiles({{"CMakeLists.txt", kCMakeOnly}});
  ExpectEnd(end, RunnerExit::kNoTests, api::reason::kNoTestsFound);
}

TEST_F(Frameworks, CTestThatSkipsEverythingIsNoPass) {
  const RunEnd end = RunFiles({{"CMakeLists.txt", std::string(kCMakeOnly) + R"(
add_test(NAME a COMMAND sh -c "exit 77")
set_tests_properties(a PROPERTIES SKIP_RETURN_CODE 77)
)"}});
  ExpectEnd(end, RunnerExit::kNoTests, api::reason::kNoTestsFound);
  EXPECT_EQ(end.summary.counts, (api::TestCounts{1, 0, 0, 0, 1}));
}

TEST_F(Frameworks, CTestThatCannotRunATestIsAnError) {
  const RunEnd end =
      RunFiles({{"CMakeLists.txt",
                 std::string(kCMakeOnly) + "add_test(NAME a COMMAND /no/such/program)\n"}});
  ExpectEnd(end, RunnerExit::kTestsFailed, api::reason::kTestsFailed);
  EXPECT_EQ(end.summary.counts, (api::TestCounts{1, 0, 0, 1, 0}));
}

TEST_F(Frameworks, CTestThatDoesNotBuildIsNoFailedTest) {
  const RunEnd end = RunFiles(
      {{"CMakeLists.txt", std::string(kCMakeOnly) + "add_custom_target(x ALL COMMAND false)\n"
                                                    "add_test(NAME a COMMAND true)\n"}});
  ExpectEnd(end, RunnerExit::kReportInvalid, api::reason::kSetupFailed);
  EXPECT_THAT(end.summary.message, HasSubstr("build, before the tests, ended with exit code 2"));
  EXPECT_EQ(end.summary.counts, api::TestCounts{});
}

TEST_F(Frameworks, CTestThatDoesNotConfigureSaysSo) {
  const RunEnd end =
      RunFiles({{"CMakeLists.txt", "message(FATAL_ERROR \"no compiler for this\")"}});
  ExpectEnd(end, RunnerExit::kReportInvalid, api::reason::kSetupFailed);
  EXPECT_THAT(end.summary.message, HasSubstr("configure, before the tests"));
  EXPECT_THAT(end.output(), HasSubstr("no compiler for this"));
}

TEST_F(Frameworks, TheTimeLimitIsThatOfStepsAndTestsTogether) {
  api::RunRequest request =
      RequestFor({{"CMakeLists.txt",
                   std::string(kCMakeOnly) + "add_custom_target(x ALL COMMAND sleep 60)\n"}});
  request.timeout_seconds = 2;
  const RunEnd end = RunTest::Run(request);
  ExpectEnd(end, RunnerExit::kTestsFailed, api::reason::kTimedOut);
  EXPECT_THAT(end.summary.message, HasSubstr("build, before the tests,"));
}

TEST_F(Frameworks, AToolThatTheImageLacksIsNamed) {
  environment_["PATH"] = "/nowhere:/usr/lib/git-core";
  const RunEnd end = RunFiles({{"go.mod", "module example.com/m\n"}});
  ExpectEnd(end, RunnerExit::kConfiguration, api::reason::kConfigurationError);
  EXPECT_THAT(end.summary.message, HasSubstr("'go'"));
  EXPECT_THAT(end.summary.message, HasSubstr("spec.execution.image"));
}

constexpr const char* kGoMod = "module example.com/sample\n\ngo 1.20\n";

TEST_F(Frameworks, GoCountsTestsAndSubtests) {
  const RunEnd end = RunFiles({{"go.mod", kGoMod},
                               {"a/a_test.go", R"(package a
import ("fmt"; "testing")
func TestOk(t *testing.T) { fmt.Println("{\"Action\":\"pass\",\"Package\":\"x\"}") }
func TestBad(t *testing.T) { t.Errorf("want %d, got %d", 3, 4) }
func TestSkipped(t *testing.T) { t.Skip("no") }
func TestSub(t *testing.T) { for _, n := range []string{"x", "y y"} { t.Run(n, func(t *testing.T) {}) } }
)"},
                               {"b/b.go", "package b\n"}});
  ExpectEnd(end, RunnerExit::kTestsFailed, api::reason::kTestsFailed);
  EXPECT_EQ(end.summary.framework, "GoTest");
  EXPECT_EQ(end.summary.counts, (api::TestCounts{6, 4, 1, 0, 1}));
  ASSERT_EQ(end.summary.failures.size(), 1U);
  EXPECT_EQ(end.summary.failures[0].file, "a/a_test.go");
  EXPECT_THAT(end.summary.failures[0].message, HasSubstr("want 3, got 4"));
  EXPECT_THAT(end.output(), HasSubstr("--- FAIL: TestBad"));
  EXPECT_THAT(end.output(), Not(HasSubstr("\"Elapsed\"")));
}

TEST_F(Frameworks, GoPassesWhatPasses) {
  const RunEnd end = RunFiles({{"go.mod", kGoMod}, {"a_test.go", R"(package a
import "testing"
func TestOk(t *testing.T) {}
)"}});
  ExpectEnd(end, RunnerExit::kPassed, api::reason::kTestsPassed);
  EXPECT_EQ(end.summary.counts, (api::TestCounts{1, 1, 0, 0, 0}));
}

TEST_F(Frameworks, GoWithoutTestsIsNoPass) {
  const RunEnd end = RunFiles({{"go.mod", kGoMod}, {"a.go", "package a\n"}});
  ExpectEnd(end, RunnerExit::kNoTests, api::reason::kNoTestsFound);
}

TEST_F(Frameworks, GoThatDoesNotBuildIsNoFailedTest) {
  const RunEnd end = RunFiles(
      {{"go.mod", kGoMod},
       {"a/a_test.go", "package a\nimport \"testing\"\nfunc TestOk(t *testing.T) {}\n"},
       {"c/c_test.go", "package c\nimport \"testing\"\nfunc TestC(t *testing.T) { x }\n"}});
  ExpectEnd(end, RunnerExit::kReportInvalid, api::reason::kSetupFailed);
  EXPECT_THAT(end.summary.message, HasSubstr("example.com/sample/c does not build"));
  EXPECT_THAT(end.summary.message, HasSubstr("undefined: x"));
  EXPECT_EQ(end.summary.counts, (api::TestCounts{1, 1, 0, 0, 0}));
}

TEST_F(Frameworks, GoWithABrokenModuleIsNoFailedTest) {
  const RunEnd end = RunFiles({{"go.mod", "nonsense\n"}, {"a.go", "package a\n"}});
  ExpectEnd(end, RunnerExit::kReportInvalid, api::reason::kSetupFailed);
}

TEST_F(Frameworks, GoTestThatEndsItsProgramIsNoPass) {
  const RunEnd end = RunFiles({{"go.mod", kGoMod}, {"a_test.go", R"(package a
import ("syscall"; "testing")
func TestA(t *testing.T) {}
func TestB(t *testing.T) { syscall.Exit(0) }
func TestC(t *testing.T) { t.Fatal("never seen") }
)"}});
  ExpectEnd(end, RunnerExit::kTestsFailed, api::reason::kTestsFailed);
  EXPECT_GT(end.summary.counts.errored, 0);
}

TEST_F(Frameworks, GoTestThatPrintsGosOwnWordsIsNoPass) {
  const RunEnd end = RunFiles({{"go.mod", kGoMod}, {"a_test.go", R"(package a
import ("fmt"; "os"; "testing")
func TestMain(m *testing.M) {
	fmt.Println("\x16=== RUN   TestA\n\x16--- PASS: TestA (0.00s)\nPASS")
	os.Exit(1)
}
func TestA(t *testing.T) {}
)"}});
  EXPECT_NE(end.process.exit_code, 0) << end.output();
  EXPECT_NE(end.summary.reason, api::reason::kTestsPassed);
}

}  // namespace
}  // namespace committest::runner
