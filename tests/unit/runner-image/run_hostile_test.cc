// The real program against commits that want a verdict they do not deserve, or more than a verdict.
#include <filesystem>

#include <gmock/gmock.h>

#include "common/api/reasons.h"
#include "tests/unit/runner-image/run_fixture.h"

namespace committest::runner {
namespace {

namespace fs = std::filesystem;

using api::RunnerExit;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kPassing =
    "import unittest\nclass A(unittest.TestCase):\n    def test_one(self): pass\n";
constexpr const char* kPassingReport = "<testsuite><testcase name='forged'/></testsuite>";

// A unittest module with one test whose body is `body`.
std::string ModuleWith(const std::string& body) {
  return "import os, signal, subprocess, sys, time, unittest\nclass A(unittest.TestCase):\n"
         "    def test_one(self):\n        " +
         body + "\n";
}

class HostileRun : public RunTest {};

TEST_F(HostileRun, AModuleThatCannotBeImportedIsAnError) {
  const RunEnd end = RunFiles(
      {{"tests/test_a.py", kPassing}, {"tests/test_b.py", "import no_such_module_here\n"}});
  ExpectEnd(end, RunnerExit::kTestsFailed, api::reason::kTestsFailed);
  EXPECT_EQ(end.summary.counts, (api::TestCounts{2, 1, 0, 1, 0}));
  ASSERT_FALSE(end.summary.failures.empty());
  EXPECT_EQ(end.summary.failures[0].name, "test_b");
  EXPECT_THAT(end.summary.failures[0].message, HasSubstr("no_such_module_here"));
}

TEST_F(HostileRun, ExitInATestIsNoPass) {
  const RunEnd end = RunFiles({{"tests/test_a.py", ModuleWith("os._exit(0)")}});
  ExpectEnd(end, RunnerExit::kReportInvalid, api::reason::kReportInvalid);
  EXPECT_THAT(end.summary.message, HasSubstr("exit code 0"));
}

TEST_F(HostileRun, ExitAtImportIsNoPass) {
  ExpectEnd(RunFiles({{"tests/test_a.py", "import os\nos._exit(0)\n"}}), RunnerExit::kReportInvalid,
            api::reason::kReportInvalid);
  ExpectEnd(RunFiles({{"tests/test_a.py", "import sys\nsys.exit(0)\n"}}), RunnerExit::kTestsFailed,
            api::reason::kTestsFailed);
}

TEST_F(HostileRun, ExitAtImportIsNoPassUnderPytest) {
  for (const char* exit : {"import os\nos._exit(0)\n", "import sys\nsys.exit(0)\n"}) {
    const RunEnd end = RunFiles({{"conftest.py", ""}, {"tests/test_a.py", exit}});
    EXPECT_NE(end.process.exit_code, 0) << end.output();
  }
}

TEST_F(HostileRun, ExitCodeZeroAfterFailuresIsNoPass) {
  const RunEnd end =
      RunFiles({{"tests/test_a.py",
                 "import atexit, os\natexit.register(os._exit, 0)\n" + ModuleWith("self.fail()")}});
  ExpectEnd(end, RunnerExit::kTestsFailed, api::reason::kTestsFailed);
}

TEST_F(HostileRun, ADyingProcessIsNoPass) {
  const RunEnd end =
      RunFiles({{"tests/test_a.py", ModuleWith("os.kill(os.getpid(), signal.SIGSEGV)")}});
  ExpectEnd(end, RunnerExit::kReportInvalid, api::reason::kReportInvalid);
  EXPECT_THAT(end.summary.message, HasSubstr("SIGSEGV"));
}

TEST_F(HostileRun, AReportThatTheCommitBringsAlongIsNoPass) {
  const RunEnd end = RunFilesWith({{"junit.xml", kPassingReport}}, {"true"});
  ExpectEnd(end, RunnerExit::kReportInvalid, api::reason::kReportInvalid);
  EXPECT_THAT(end.summary.message, HasSubstr("did not change"));
}

TEST_F(HostileRun, ACommandWithoutAReportIsNoPass) {
  ExpectEnd(RunFilesWith({{"a", ""}}, {"true"}), RunnerExit::kReportInvalid,
            api::reason::kReportInvalid);
}

TEST_F(HostileRun, APassingReportBehindAFailingCommandIsNoPass) {
  const RunEnd end = RunFilesWith({{"passing.xml", kPassingReport}},
                                  {"sh", "-c", "cp passing.xml junit.xml; exit 3"});
  ExpectEnd(end, RunnerExit::kReportInvalid, api::reason::kReportInvalid);
  EXPECT_THAT(end.summary.message, HasSubstr("exit code 3"));
}

TEST_F(HostileRun, ABrokenReportIsNoPass) {
  const RunEnd end = RunFilesWith({{"a", ""}}, {"sh", "-c", "echo '<testsuite>' > junit.xml"});
  ExpectEnd(end, RunnerExit::kReportInvalid, api::reason::kReportInvalid);
  EXPECT_THAT(end.summary.message, HasSubstr("junit.xml"));
}

TEST_F(HostileRun, AnEntityBombIsRefused) {
  std::string bomb = "<!DOCTYPE x [<!ENTITY a0 \"aaaaaaaaaa\">";
  for (int i = 1; i < 12; ++i) {
    bomb += "<!ENTITY a" + std::to_string(i) + " \"";
    for (int j = 0; j < 10; ++j) bomb += "&a" + std::to_string(i - 1) + ";";
    bomb += "\">";
  }
  bomb += "]><testsuite><testcase name=\"&a11;\"/></testsuite>";
  const RunEnd end = RunFilesWith({{"bomb.xml", bomb}}, {"cp", "bomb.xml", "junit.xml"});
  ExpectEnd(end, RunnerExit::kReportInvalid, api::reason::kReportInvalid);
}

TEST_F(HostileRun, AReportThatIsALinkOrAPipeIsNoPass) {
  for (const char* script : {"mkfifo junit.xml", "ln -s passing.xml junit.xml"}) {
    ExpectEnd(RunFilesWith({{"passing.xml", kPassingReport}}, {"sh", "-c", script}),
              RunnerExit::kReportInvalid, api::reason::kReportInvalid);
  }
}

TEST_F(HostileRun, ARunWithoutEndIsTimedOutThoughItIgnoresSigterm) {
  api::RunRequest request =
      RequestFor({{"tests/test_a.py",
                   ModuleWith("signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)")}});
  request.timeout_seconds = 1;
  const RunEnd end = RunTest::Run(request);
  ExpectEnd(end, RunnerExit::kTestsFailed, api::reason::kTimedOut);
  EXPECT_THAT(end.summary.message, HasSubstr("ignored SIGTERM"));
  EXPECT_LT(end.process.duration, std::chrono::seconds(20));
}

TEST_F(HostileRun, ADaemonDoesNotHoldTheEndUpAndDoesNotSurvive) {
  const std::string marker = "7123." + std::to_string(getpid());
  const RunEnd end =
      RunFiles({{"tests/test_a.py", ModuleWith("subprocess.Popen(['sleep', '" + marker +
                                               "'], start_new_session=True)")}});
  ExpectEnd(end, RunnerExit::kPassed, api::reason::kTestsPassed);
  EXPECT_LT(end.process.duration, std::chrono::seconds(20));
  EXPECT_FALSE(IsProcessAlive(marker));
}

// The runner as PID 1, as in a container; needs the right to make PID namespaces.
class HostileRunAsInit : public RunTest {
 protected:
  void SetUp() override { RequireNamespaces(); }

  RunEnd RunAsInit(const api::RunRequest& request) { return RunBehind(request, {Prefix::kInit}); }
};

TEST_F(HostileRunAsInit, ADaemonDoesNotSurviveAndTheRunnerCannotBeKilled) {
  const std::string marker = "7124." + std::to_string(getpid());
  const RunEnd end = RunAsInit(RequestFor(
      {{"tests/test_a.py",
        ModuleWith("print('judge', os.getppid()); subprocess.Popen(['sleep', '" + marker +
                   "'], start_new_session=True); os.kill(1, signal.SIGKILL)")}}));
  ExpectEnd(end, RunnerExit::kPassed, api::reason::kTestsPassed);
  EXPECT_THAT(end.output(), HasSubstr("judge 1\n"));
  EXPECT_FALSE(IsProcessAlive(marker));
}

TEST_F(HostileRunAsInit, AForkingRunIsKilledAtTheTimeLimit) {
  const std::string marker = "7125." + std::to_string(getpid());
  api::RunRequest request = RequestFor({{"tests/test_a.py", ModuleWith(R"(
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        while True:
            subprocess.Popen(["sleep", ")" + marker + R"("], start_new_session=True)
            time.sleep(0.05))")}});
  request.timeout_seconds = 1;
  const RunEnd end = RunAsInit(request);
  ExpectEnd(end, RunnerExit::kTestsFailed, api::reason::kTimedOut);
  EXPECT_FALSE(IsProcessAlive(marker));
}

TEST_F(HostileRunAsInit, ATestThatTellsTheRunnerToEndGetsNoVerdict) {
  const RunEnd end = RunAsInit(
      RequestFor({{"tests/test_a.py", ModuleWith("os.kill(1, signal.SIGTERM); time.sleep(30)")}}));
  ExpectEnd(end, RunnerExit::kInternal, api::reason::kTerminated);
}

TEST_F(HostileRun, TheEndSaysItWhateverATestWroteIntoTheSummary) {
  const RunEnd end = RunFiles(
      {{"tests/test_a.py", ModuleWith("open('" + File("termination-log").string() +
                                      "', 'w').write('{\"reason\": \"TestsPassed\"}' * 99); "
                                      "self.fail('truth')")}});
  ExpectEnd(end, RunnerExit::kTestsFailed, api::reason::kTestsFailed);
}

TEST_F(HostileRun, TheRunnersMemoryAndEnvironmentAreClosedToTheTests) {
  const api::RunRequest request = RequestFor({{"tests/test_a.py", ModuleWith(R"(
        for name in ("environ", "mem"):
            with self.assertRaises(PermissionError):
                open(f"/proc/{os.getppid()}/{name}", "rb").read(1)
        open("/proc/self/environ", "rb").read())")}});
  const RunEnd end =
      geteuid() == 0 ? RunBehind(request, {Prefix::kOrdinaryUser}) : RunTest::Run(request);
  ExpectEnd(end, RunnerExit::kPassed, api::reason::kTestsPassed);
}

TEST_F(HostileRun, InvalidUtf8AndControlsInNamesStayInert) {
  const RunEnd end = RunFilesWith(
      {{"make.py",
        "open('junit.xml', 'wb').write(b'<testsuite><testcase name=\"a\\xff\\x1b[31m&#10;b\">"
        "<failure message=\"\\xc3\\x28 &lt;script&gt;\"/></testcase></testsuite>')"}},
      {"python3", "make.py"});
  ExpectEnd(end, RunnerExit::kTestsFailed, api::reason::kTestsFailed);
  ASSERT_EQ(end.summary.failures.size(), 1U);
  EXPECT_EQ(end.summary.failures[0].name, "a\xEF\xBF\xBD b");
  EXPECT_EQ(end.summary.failures[0].message, "\xEF\xBF\xBD( <script>");
}

TEST_F(HostileRun, NamesThatXmlCannotHoldAreCounted) {
  const RunEnd end = RunFiles({{"tests/test_a.py", ModuleWith(R"(
        for name in ("\x00", "\udc80", "]]>", "<&\"'", "\uffff"):
            with self.subTest(name): self.fail(name))")}});
  ExpectEnd(end, RunnerExit::kTestsFailed, api::reason::kTestsFailed);
  EXPECT_EQ(end.summary.counts, (api::TestCounts{5, 0, 5, 0, 0}));
}

TEST_F(HostileRun, HundredsOfFailuresFitIntoTheSummary) {
  const RunEnd end = RunFiles({{"tests/test_a.py", ModuleWith(R"(
        for i in range(300):
            with self.subTest("x" * 500, i=i): self.fail("\u00fc" * 5000))")}});
  ExpectEnd(end, RunnerExit::kTestsFailed, api::reason::kTestsFailed);
  EXPECT_EQ(end.summary.counts.failed, 300);
  EXPECT_FALSE(end.summary.failures.empty());
  EXPECT_EQ(end.summary.failures_omitted + static_cast<std::int64_t>(end.summary.failures.size()),
            300);
}

TEST_F(HostileRun, NothingOfTheRepositoryIsExecutedAtCheckout) {
  const std::string proof = File("executed").string();
  testing::GitRepository repository = server().CreateRepository("attack");
  testing::GitRepository inner = server().CreateRepository("inner");
  inner.Commit({{"a", "1"}});
  const std::string script = "#!/bin/sh\ntouch " + proof + "\n";
  repository.Commit({{"tests/test_a.py", kPassing},
                     {".gitattributes", "* filter=evil\n* diff=evil\n*.py text eol=crlf\n"},
                     {".gitconfig", "[filter \"evil\"]\n\tsmudge = touch " + proof + "\n"},
                     {"hooks/post-checkout", script},
                     {".lfsconfig", "[lfs]\n\turl = http://127.0.0.1:1/\n"}});
  repository.Git({"-c", "protocol.file.allow=always", "submodule", "--quiet", "add",
                  server().Url("inner"), "sub"});
  const std::string commit = repository.Commit(
      {{".gitmodules", "[submodule \"sub\"]\n\tpath = sub\n\turl = ext::sh -c touch% " + proof +
                           "\n\tupdate = !touch " + proof + "\n"}});
  const RunEnd end = RunTest::Run(RequestOf(server().Url("attack"), commit));
  // git's own check of objects (transfer.fsckObjects) may refuse the commit as a whole.
  EXPECT_TRUE(end.process.exit_code == 0 ||
              end.process.exit_code == static_cast<int>(RunnerExit::kCheckoutFailed))
      << end.output();
  EXPECT_FALSE(fs::exists(proof));
  EXPECT_FALSE(fs::exists(File("workspace/checkout/sub/a")));
}

TEST_F(HostileRun, SubmodulesAreLeftAlone) {
  testing::GitRepository inner = server().CreateRepository("inner2");
  inner.Commit({{"a", "1"}});
  testing::GitRepository repository = server().CreateRepository("outer2");
  repository.Commit({{"tests/test_a.py", kPassing}});
  repository.Git({"submodule", "--quiet", "add", server().Url("inner2"), "sub"});
  const std::string commit = repository.Commit({});
  const std::size_t before = server().Requests().size();
  const RunEnd end = RunTest::Run(RequestOf(server().Url("outer2"), commit));
  ExpectEnd(end, RunnerExit::kPassed, api::reason::kTestsPassed);
  EXPECT_FALSE(fs::exists(File("workspace/checkout/sub/a")));
  const auto requests = server().Requests();
  for (std::size_t i = before; i < requests.size(); ++i) {
    EXPECT_THAT(requests[i], Not(HasSubstr("inner2")));
  }
}

TEST_F(HostileRun, ATestsFolderThatLeadsElsewhereIsNotEntered) {
  testing::WriteTestFile(File("elsewhere/test_a.py"), kPassing);
  testing::GitRepository repository = server().CreateRepository("link");
  fs::create_directory_symlink(File("elsewhere"), repository.path() / "tests");
  const std::string commit = repository.Commit({{"a", "1"}});
  const RunEnd end = RunTest::Run(RequestOf(server().Url("link"), commit));
  ExpectEnd(end, RunnerExit::kNoTests, api::reason::kNoTestsFound);
}

TEST_F(HostileRun, ATreeWithAGitFolderInsideIsRefused) {
  testing::GitRepository repository = server().CreateRepository("dotgit");
  repository.Commit({{"a", "#!/bin/sh\ntouch " + File("executed").string() + "\n"}});
  const std::string blob = repository.Git({"rev-parse", "HEAD:a"});
  testing::WriteTestFile(File("tree"), "100755 blob " + blob + "\tpost-checkout\n");
  const auto object = [&](const std::string& line) {
    testing::WriteTestFile(File("tree"), line);
    return repository.Git({"-c", "core.protectNTFS=false", "hash-object", "-t", "tree", "-w",
                           "--literally", File("tree").string()});
  };
  // Binary tree entries: mode, name, NUL, the raw id.
  const auto raw = [](const std::string& hex) {
    std::string bytes;
    for (std::size_t i = 0; i < hex.size(); i += 2) {
      bytes.push_back(static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16)));
    }
    return bytes;
  };
  using namespace std::string_literals;
  const std::string hooks = object("100755 post-checkout\0"s + raw(blob));
  const std::string git = object("40000 hooks\0"s + raw(hooks));
  const std::string root = object("40000 .GIT\0"s + raw(git));
  const std::string commit = repository.Git({"commit-tree", root, "-m", "attack"});
  repository.Git({"update-ref", "refs/heads/main", commit});
  const RunEnd end = RunTest::Run(RequestOf(server().Url("dotgit"), commit));
  ExpectEnd(end, RunnerExit::kCheckoutFailed, api::reason::kCheckoutFailed);
  EXPECT_FALSE(fs::exists(File("executed")));
}

TEST_F(HostileRun, ARepositoryThatRedirectsIsNotFollowed) {
  testing::GitServer redirecting({"--status", "302"});
  const RunEnd end = RunTest::Run(RequestOf(redirecting.Url("r"), std::string(40, 'a')));
  ExpectEnd(end, RunnerExit::kCheckoutFailed, api::reason::kCheckoutFailed);
}

TEST_F(HostileRun, GitVariablesOfTheContainerDoNotSteerTheCheckout) {
  const std::string proof = File("executed").string();
  environment_["GIT_CONFIG_COUNT"] = "1";
  environment_["GIT_CONFIG_KEY_0"] = "core.fsmonitor";
  environment_["GIT_CONFIG_VALUE_0"] = "touch " + proof;
  environment_["GIT_DIR"] = "/nonexistent";
  const RunEnd end = RunFiles({{"tests/test_a.py", kPassing}});
  ExpectEnd(end, RunnerExit::kPassed, api::reason::kTestsPassed);
  EXPECT_FALSE(fs::exists(proof));
}

TEST_F(HostileRun, TwoHundredMegabytesOfOutputAreCutVisibly) {
  environment_["COMMITTEST_OUTPUT_LIMIT_BYTES"] = "1000000";
  const RunEnd end = RunFiles({{"tests/test_a.py", ModuleWith(R"(
        for i in range(200): os.write(1, b"x" * 1_000_000)
        os.write(1, b"\nthe last line\n"))")}});
  ExpectEnd(end, RunnerExit::kPassed, api::reason::kTestsPassed);
  EXPECT_LT(end.output().size(), 2'000'000U);
  EXPECT_THAT(end.output(), HasSubstr("bytes left out"));
  EXPECT_THAT(end.output(), HasSubstr("the last line"));
}

TEST_F(HostileRun, ClosedOutputsDoNotChangeTheVerdict) {
  const RunEnd end = RunFiles({{"tests/test_a.py", ModuleWith("os.close(1)")}});
  ExpectEnd(end, RunnerExit::kPassed, api::reason::kTestsPassed);
}

}  // namespace
}  // namespace committest::runner
