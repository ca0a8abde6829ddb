// The real program, from the request to the exit code: ordinary commits and what can go wrong on
// the way to their tests.
#include <csignal>
#include <fstream>

#include <gmock/gmock.h>

#include "common/api/reasons.h"
#include "runner-image/evaluate.h"
#include "tests/unit/runner-image/run_fixture.h"

namespace committest::runner {
namespace {

using api::RunnerExit;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kPassing = R"(
import unittest
class A(unittest.TestCase):
    def test_one(self): pass
    def test_two(self): pass
)";

constexpr const char* kFailing = R"(
import unittest
class A(unittest.TestCase):
    def test_one(self): pass
    def test_two(self): self.assertEqual(1, 2, "numbers differ")
)";

class Run : public RunTest {};

TEST_F(Run, PassesAGoodCommitWithNoConfigurationAtAll) {
  const RunEnd end = RunFiles({{"tests/test_a.py", kPassing}});
  ExpectEnd(end, RunnerExit::kPassed, api::reason::kTestsPassed);
  EXPECT_EQ(end.summary.counts, (api::TestCounts{2, 2, 0, 0, 0}));
  EXPECT_EQ(end.summary.framework, "Unittest");
}

TEST_F(Run, SaysWhichCommitWasCheckedOutAndHowLongItTook) {
  const api::RunRequest request = RequestFor({{"tests/test_a.py", kPassing}});
  const RunEnd end = RunTest::Run(request);
  EXPECT_EQ(end.summary.commit, request.commit);
  EXPECT_GT(end.summary.duration_ms, 0);
  EXPECT_GT(end.summary.stages.checkout_ms, 0);
  EXPECT_EQ(end.summary.stages.setup_ms, 0);
  EXPECT_EQ(end.summary.runner_version, COMMITTEST_VERSION);
}

TEST_F(Run, TimesTheReadingOfReportsAsAStageOfItsOwn) {
  const RunEnd end = RunFilesWith({{"write.py", R"(
with open("junit.xml", "w") as report:
    report.write("<testsuite>" + '<testcase name="a"/>' * 200000 + "</testsuite>")
)"}},
                                  {"python3", "write.py"});
  ExpectEnd(end, RunnerExit::kPassed, api::reason::kTestsPassed);
  const api::StageTimes& stages = end.summary.stages;
  EXPECT_GT(stages.report_ms, 0);
  EXPECT_THAT(end.output(),
              HasSubstr("; " + api::StagesText(
                                   stages, std::chrono::milliseconds(end.summary.duration_ms))));
}

TEST_F(Run, PrintsWhatItFoundAndWhyAndTheTestsOwnOutput) {
  const RunEnd end = RunFiles({{"tests/test_a.py", kPassing}});
  EXPECT_THAT(end.output(), HasSubstr("Unittest: tests/test_a.py found"));
  EXPECT_THAT(end.output(), HasSubstr("test_one (test_a.A.test_one) ... ok"));
  EXPECT_THAT(end.output(), HasSubstr("committest: Passed (TestsPassed): 2 tests passed"));
}

TEST_F(Run, FailsACommitWithAFailingTestAndNamesIt) {
  const RunEnd end = RunFiles({{"tests/test_a.py", kFailing}});
  ExpectEnd(end, RunnerExit::kTestsFailed, api::reason::kTestsFailed);
  EXPECT_EQ(end.summary.counts, (api::TestCounts{2, 1, 1, 0, 0}));
  ASSERT_EQ(end.summary.failures.size(), 1U);
  EXPECT_EQ(end.summary.failures[0].name, "test_a.A.test_two");
  EXPECT_EQ(end.summary.failures[0].file, "tests/test_a.py");
  EXPECT_THAT(end.summary.failures[0].message, HasSubstr("numbers differ"));
}

TEST_F(Run, ChecksOutAnOldCommitAndNotTheBranch) {
  testing::GitRepository repository = server().CreateRepository("old");
  const std::string good = repository.Commit({{"tests/test_a.py", kPassing}});
  repository.Commit({{"tests/test_a.py", kFailing}});
  const RunEnd end = RunTest::Run(RequestOf(server().Url("old"), good));
  ExpectEnd(end, RunnerExit::kPassed, api::reason::kTestsPassed);
  EXPECT_EQ(end.summary.commit, good);
}

TEST_F(Run, ChecksOutARepositoryWithSha256Names) {
  testing::GitRepository repository = server().CreateRepository("sha256", "sha256");
  const std::string commit = repository.Commit({{"tests/test_a.py", kPassing}});
  ASSERT_EQ(commit.size(), 64U);
  const RunEnd end = RunTest::Run(RequestOf(server().Url("sha256"), commit));
  ExpectEnd(end, RunnerExit::kPassed, api::reason::kTestsPassed);
  EXPECT_EQ(end.summary.commit, commit);
}

TEST_F(Run, RunsPytestWhereItIsConfiguredAndCountsParameters) {
  const RunEnd end = RunFiles({{"pytest.ini", "[pytest]\n"}, {"tests/test_a.py", R"(
import pytest
@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_small(n): assert n < 4
@pytest.mark.skip
def test_skipped(): pass
@pytest.mark.xfail
def test_expected(): assert False
@pytest.fixture
def broken(): raise RuntimeError("no fixture")
def test_error(broken): pass
)"}});
  ExpectEnd(end, RunnerExit::kTestsFailed, api::reason::kTestsFailed);
  EXPECT_EQ(end.summary.framework, "Pytest");
  EXPECT_EQ(end.summary.counts, (api::TestCounts{7, 4, 1, 1, 1}));
  ASSERT_FALSE(end.summary.failures.empty());
  EXPECT_EQ(end.summary.failures[0].name, "tests.test_a.test_small[4]");
  EXPECT_EQ(end.summary.failures[0].file, "tests/test_a.py");
}

TEST_F(Run, CallsPytestWithoutTestsNoTests) {
  const RunEnd end = RunFiles({{"pytest.ini", "[pytest]\n"}, {"tests/helper.py", ""}});
  ExpectEnd(end, RunnerExit::kNoTests, api::reason::kNoTestsFound);
}

TEST_F(Run, RunsACommandAndReadsItsReports) {
  const RunEnd end =
      RunFilesWith({{"run.sh",
                     "mkdir -p out/a; echo \"<testsuite><testcase name='a'/></testsuite>\" > "
                     "out/a/junit.xml; echo \"<testsuite><testcase name='b'><failure "
                     "message='bad'/></testcase></testsuite>\" > out/junit-2.xml; exit 1"}},
                   {"sh", "run.sh"});
  ExpectEnd(end, RunnerExit::kTestsFailed, api::reason::kTestsFailed);
  EXPECT_EQ(end.summary.framework, "Command");
  EXPECT_EQ(end.summary.counts, (api::TestCounts{2, 1, 1, 0, 0}));
}

TEST_F(Run, CallsACommandThatIsNotThereAConfigurationError) {
  const RunEnd end = RunFilesWith({{"a", ""}}, {"no-such-program-here", "x"});
  ExpectEnd(end, RunnerExit::kConfiguration, api::reason::kConfigurationError);
  EXPECT_THAT(end.summary.message, HasSubstr("no-such-program-here"));
}

TEST_F(Run, SaysWhatItLookedForWhenThereAreNoTests) {
  const RunEnd end = RunFiles({{"README", "hello"}});
  ExpectEnd(end, RunnerExit::kNoTests, api::reason::kNoTestsFound);
  EXPECT_THAT(end.summary.message, HasSubstr("tests, which does not exist"));
}

TEST_F(Run, CallsATestsFolderWithoutATestNoTests) {
  const RunEnd end = RunFiles({{"tests/test_a.py", "def test_x(): pass\n"}});
  ExpectEnd(end, RunnerExit::kNoTests, api::reason::kNoTestsFound);
  EXPECT_THAT(end.summary.message, HasSubstr("Pytest"));
}

TEST_F(Run, LetsNoTestsPassWhereThatIsAllowed) {
  api::RunRequest request = RequestFor({{"README", "hello"}});
  request.tests.allow_no_tests = true;
  ExpectEnd(RunTest::Run(request), RunnerExit::kPassed, api::reason::kTestsPassed);
}

TEST_F(Run, GivesTheTestsTheDocumentedEnvironment) {
  environment_["FROM_THE_CONTAINER"] = "kept";
  environment_["KUBERNETES_SERVICE_HOST"] = "10.0.0.1";
  const api::RunRequest request = RequestFor({{"tests/test_a.py", R"(
import os, unittest
class A(unittest.TestCase):
    def test_environment(self):
        for name, value in sorted(os.environ.items()): print(f"{name}={value}", flush=True)
        open(os.path.join(os.environ["HOME"], "written"), "w").close()
        print("cwd", os.getcwd())
)"}});
  const RunEnd end = RunTest::Run(request);
  ExpectEnd(end, RunnerExit::kPassed, api::reason::kTestsPassed);
  for (const std::string& line :
       {"COMMIT_SHA=" + request.commit, std::string("CI=true"), std::string("COMMITTEST=true"),
        std::string("LANG=C.UTF-8"), std::string("FROM_THE_CONTAINER=kept"),
        "HOME=" + File("tmp/home").string(), "cwd " + File("workspace/checkout").string()}) {
    EXPECT_THAT(end.output(), HasSubstr(line + "\n"));
  }
  EXPECT_THAT(end.output(), Not(HasSubstr("COMMITTEST_RUN")));
  EXPECT_THAT(end.output(), Not(HasSubstr("KUBERNETES_SERVICE_HOST")));
}

TEST_F(Run, CallsARequestThatCannotBeReadAConfigurationError) {
  environment_["COMMITTEST_RUN"] = "{";
  ExpectEnd(RunTest::Run({}), RunnerExit::kConfiguration, api::reason::kConfigurationError);
}

TEST_F(Run, CallsACommitThatTheServerDoesNotHaveGone) {
  api::RunRequest request = RequestFor({{"tests/test_a.py", kPassing}});
  request.commit = std::string(40, 'a');
  const RunEnd end = RunTest::Run(request);
  ExpectEnd(end, RunnerExit::kCommitGone, api::reason::kCommitGone);
  EXPECT_EQ(end.summary.commit, "");
}

TEST_F(Run, CallsARepositoryThatIsNotThereACheckoutFailure) {
  const RunEnd end =
      RunTest::Run(RequestOf(server().Url("no-such-repository"), std::string(40, 'a')));
  ExpectEnd(end, RunnerExit::kCheckoutFailed, api::reason::kCheckoutFailed);
  EXPECT_THAT(end.summary.message, HasSubstr("not found"));
}

TEST_F(Run, CallsAServerThatIsDownACheckoutFailure) {
  const RunEnd end = RunTest::Run(RequestOf("http://127.0.0.1:1/r/.git", std::string(40, 'a')));
  ExpectEnd(end, RunnerExit::kCheckoutFailed, api::reason::kCheckoutFailed);
}

TEST_F(Run, CallsAPrivateRepositoryAConfigurationErrorAndSaysWhatToDo) {
  const std::string nobody = File("accepted");
  std::ofstream(nobody).close();
  testing::GitServer closed({"--authorization-file", nobody});
  const RunEnd end = RunTest::Run(RequestOf(closed.Url("r"), std::string(40, 'a')));
  ExpectEnd(end, RunnerExit::kConfiguration, api::reason::kConfigurationError);
  EXPECT_THAT(end.summary.message,
              HasSubstr("asks for credentials, expected spec.credentialsSecretName"));
}

TEST_F(Run, CallsAServerErrorACheckoutFailure) {
  testing::GitServer broken({"--status", "503"});
  const RunEnd end = RunTest::Run(RequestOf(broken.Url("r"), std::string(40, 'a')));
  ExpectEnd(end, RunnerExit::kCheckoutFailed, api::reason::kCheckoutFailed);
  EXPECT_THAT(end.summary.message, HasSubstr("503"));
}

TEST_F(Run, GivesUpOnAServerThatNeverAnswers) {
  testing::GitServer silent({"--delay", "30"});
  environment_["COMMITTEST_CHECKOUT_TIMEOUT_SECONDS"] = "1";
  const RunEnd end = RunTest::Run(RequestOf(silent.Url("r"), std::string(40, 'a')));
  ExpectEnd(end, RunnerExit::kCheckoutFailed, api::reason::kCheckoutFailed);
  EXPECT_LT(end.process.duration, std::chrono::seconds(10));
}

TEST_F(Run, FetchesTheRefWhereTheServerRefusesCommits) {
  testing::GitServer strict({"--deny-sha"});
  testing::GitRepository repository = strict.CreateRepository("r");
  const std::string commit = repository.Commit({{"tests/test_a.py", kPassing}});
  for (int i = 0; i < 3; ++i) repository.Commit({{"tests/test_a.py", kFailing}});
  const RunEnd end = RunTest::Run(RequestOf(strict.Url("r"), commit));
  ExpectEnd(end, RunnerExit::kPassed, api::reason::kTestsPassed);
  EXPECT_EQ(end.summary.commit, commit);
}

TEST_F(Run, LooksThroughTheWholeHistoryWhereTheServerRefusesCommits) {
  testing::GitServer strict({"--deny-sha"});
  testing::GitRepository repository = strict.CreateRepository("r");
  const std::string commit = repository.Commit({{"tests/test_a.py", kPassing}});
  for (int i = 0; i < 70; ++i) repository.Commit({{"n", std::to_string(i)}});
  const RunEnd end = RunTest::Run(RequestOf(strict.Url("r"), commit));
  ExpectEnd(end, RunnerExit::kPassed, api::reason::kTestsPassed);
}

TEST_F(Run, CallsACommitGoneThatWasForcedAwayWhereTheServerRefusesCommits) {
  testing::GitServer strict({"--deny-sha"});
  testing::GitRepository repository = strict.CreateRepository("r");
  repository.Commit({{"a", "1"}});
  const std::string gone = repository.Commit({{"a", "2"}});
  repository.Git({"reset", "-q", "--hard", "HEAD~1"});
  repository.Commit({{"a", "3"}});
  const RunEnd end = RunTest::Run(RequestOf(strict.Url("r"), gone));
  ExpectEnd(end, RunnerExit::kCommitGone, api::reason::kCommitGone);
}

TEST_F(Run, StartsOverWhereAnEarlierTryLeftItsFiles) {
  testing::WriteTestFile(File("workspace/checkout/tests/test_stale.py"), kFailing);
  const RunEnd end = RunFiles({{"tests/test_a.py", kPassing}});
  ExpectEnd(end, RunnerExit::kPassed, api::reason::kTestsPassed);
}

TEST_F(Run, CallsAWorkspaceThatCannotBeWrittenInternal) {
  environment_["COMMITTEST_WORKSPACE"] = "/proc/none";
  const RunEnd end = RunFiles({{"tests/test_a.py", kPassing}});
  ExpectEnd(end, RunnerExit::kInternal, api::reason::kInternalError);
}

TEST_F(Run, PassesSigtermOnAndBlamesNobody) {
  const auto command = Start(RequestFor({{"tests/test_a.py", R"(
import signal, sys, time, unittest
class A(unittest.TestCase):
    def test_waits(self):
        def told(*_):
            print("told to end", flush=True)
            sys.exit(0)
        signal.signal(signal.SIGTERM, told)
        print("waiting now", flush=True)
        time.sleep(60)
)"}}));
  ASSERT_TRUE(command->WaitForOutput("waiting now"));
  command->Signal(SIGTERM);
  const RunEnd end = Finish(*command);
  ExpectEnd(end, RunnerExit::kInternal, api::reason::kTerminated);
  EXPECT_THAT(end.output(), HasSubstr("told to end"));
}

TEST(RunnerOptions, HelpAndVersionNeedNoRequest) {
  for (const char* option : {"--help", "--version"}) {
    const auto end = testing::RunCommand({COMMITTEST_RUNNER, option});
    EXPECT_EQ(end.exit_code, 0);
    EXPECT_THAT(end.output, HasSubstr("committest-runner"));
  }
  EXPECT_EQ(testing::RunCommand({COMMITTEST_RUNNER, "surprise"}).exit_code,
            static_cast<int>(RunnerExit::kConfiguration));
}

}  // namespace
}  // namespace committest::runner
