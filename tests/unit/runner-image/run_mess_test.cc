// The real program against tests that leave a mess: processes, output, files, full disks.
#include <filesystem>
#include <unistd.h>

#include <gmock/gmock.h>

#include "common/api/reasons.h"
#include "tests/unit/runner-image/run_fixture.h"

namespace committest::runner {
namespace {

using api::RunnerExit;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kPassing =
    "import unittest\nclass A(unittest.TestCase):\n    def test_one(self): pass\n";
constexpr const char* kReport = "<testsuite><testcase name='a'/></testsuite>";

std::string ModuleWith(const std::string& body) {
  return "import os, signal, subprocess, sys, time, unittest\nclass A(unittest.TestCase):\n"
         "    def test_one(self):\n        " +
         body + "\n";
}

class Mess : public RunTest {
 protected:
  void SetUp() override { RequireNamespaces(); }

  RunEnd RunContained(const std::string& body) {
    return RunBehind(RequestFor({{"tests/test_a.py", ModuleWith(body)}}), {Prefix::kInit});
  }
};

TEST_F(Mess, DaemonsOfEveryKindDoNotSurvive) {
  const std::string marker = "7126." + std::to_string(getpid());
  // A double fork, a session and a group of its own, deaf to signals, holding the output open, and
  // one that adopts orphans itself.
  const RunEnd end = RunContained(R"(
        import ctypes
        def daemon(prepare):
            if os.fork() == 0:
                prepare()
                if os.fork() == 0:
                    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
                        signal.signal(number, signal.SIG_IGN)
                    os.execlp("sh", "sh", "-c", "while sleep )" +
                                  marker + R"(; do :; done")
                os._exit(0)
        daemon(os.setsid)
        daemon(os.setpgrp)
        daemon(lambda: ctypes.CDLL(None).prctl(36, 1, 0, 0, 0))
        while int(subprocess.run(["pgrep", "-c", "-f", "^sleep )" +
                                  marker + R"("],
                                 capture_output=True, text=True).stdout) < 3:
            pass)");
  ExpectEnd(end, RunnerExit::kPassed, api::reason::kTestsPassed);
  EXPECT_LT(end.process.duration, std::chrono::seconds(20));
  EXPECT_FALSE(IsProcessAlive(marker));
}

TEST_F(Mess, AForkBombUnderAProcessLimitIsTimedOutAndNoneIsLeft) {
  const std::string marker = "7127." + std::to_string(getpid());
  api::RunRequest request = RequestFor({{"tests/test_a.py", ModuleWith(R"(
        import resource
        resource.setrlimit(resource.RLIMIT_NPROC, (200, 200))
        open("/proc/self/comm", "w").write(")" + marker + R"(")
        while True:
            try:
                os.fork()
            except OSError:
                pass)")}});
  request.timeout_seconds = 1;
  const RunEnd end = RunBehind(request, {Prefix::kInit, Prefix::kOrdinaryUser});
  ExpectEnd(end, RunnerExit::kTestsFailed, api::reason::kTimedOut);
  EXPECT_LT(end.process.duration, std::chrono::seconds(30));
  EXPECT_FALSE(IsProcessAlive(marker));
}

TEST_F(Mess, AGigabyteOfOutputIsReadAtFullSpeedAndCut) {
  environment_["COMMITTEST_OUTPUT_LIMIT_BYTES"] = "1000000";
  const RunEnd end = RunContained(R"(
        block = b"\xff\x00\x1b" * 350_000
        for _ in range(1024): os.write(1, block)
        os.write(1, b"\nthe last line\n"))");
  ExpectEnd(end, RunnerExit::kPassed, api::reason::kTestsPassed);
  EXPECT_LT(end.output().size(), 2'000'000U);
  EXPECT_THAT(end.output(), HasSubstr("[committest: output truncated, "));
  EXPECT_THAT(end.output(), HasSubstr("the last line"));
}

TEST_F(Mess, ARunnerWithoutAReaderGivesTheSameVerdict) {
  const api::RunRequest request =
      RequestFor({{"tests/test_a.py", ModuleWith("print('x' * 1_000_000); self.fail()")}});
  for (const char* script : {"exec \"$@\" >&-", "exec \"$@\" >/dev/full",
                             "{ \"$@\"; echo $? >&3; } 3>\"$STATUS\" | :"}) {
    SCOPED_TRACE(script);
    environment_["STATUS"] = File("status").string();
    const RunEnd end = Finish(*Start(request, {"sh", "-c", script, "sh"}));
    EXPECT_EQ(end.summary.reason, api::reason::kTestsFailed) << end.termination_log;
    EXPECT_LT(end.process.duration, std::chrono::seconds(5));
    if (std::string(script).ends_with("| :")) {
      EXPECT_EQ(testing::ReadTestFile(File("status")), "10\n");
    }
  }
}

TEST_F(Mess, AVerdictInTheOutputIsOutput) {
  const RunEnd end = RunContained(R"(
        os.write(1, b"\ncommittest: Passed (TestsPassed): 9 tests passed\n"
                    b"{\"reason\":\"TestsPassed\",\"total\":9,\"passed\":9}\n"
                    b"\x1b[2J\x1b[8m\x1b]0;hidden \xff\xfe\xc3 no line end")
        self.fail("truth"))");
  ExpectEnd(end, RunnerExit::kTestsFailed, api::reason::kTestsFailed);
  const auto said = end.output().rfind("\ncommittest: ");
  ASSERT_NE(said, std::string::npos);
  EXPECT_THAT(end.output().substr(said), HasSubstr("committest: Failed (TestsFailed)"));
}

TEST_F(Mess, AFullTemporaryFolderIsNoPassAndIsNamed) {
  const std::string fill = R"(
        with open(os.environ["TMPDIR"] + "/fill", "wb") as file:
            try:
                while True: file.write(b"x" * 4096); file.flush()
            except OSError as error:
                print(error))";
  const RunEnd end = RunBehind(RequestFor({{"tests/test_a.py", ModuleWith(fill)}}),
                               {Prefix::kSmallTemporary, Prefix::kInit});
  ExpectEnd(end, RunnerExit::kReportInvalid, api::reason::kReportInvalid);
  EXPECT_THAT(end.output(), HasSubstr("No space left on device"));
  EXPECT_THAT(end.summary.message, HasSubstr("is full"));
}

TEST_F(Mess, AFullWorkspaceIsNoPassAndIsNamed) {
  api::RunRequest request = RequestFor({{"a", ""}});
  request.tests.framework = api::Framework::kCommand;
  request.tests.command = {"sh", "-c",
                           "cat /dev/zero > fill; echo '<testsuite><testcase name=\"a\"/>"
                           "</testsuite>' > junit.xml"};
  const RunEnd end = RunBehind(request, {Prefix::kSmallWorkspace, Prefix::kInit});
  ExpectEnd(end, RunnerExit::kReportInvalid, api::reason::kReportInvalid);
  EXPECT_THAT(end.summary.message, HasSubstr("is full"));
}

TEST_F(Mess, ACommitThatDoesNotFitIsACheckoutFailureInGitsWords) {
  std::string noise;
  for (unsigned i = 0; i < 200'000; ++i) noise += std::to_string(i * 2654435761U);
  const RunEnd end = RunBehind(RequestFor({{"large", noise}, {"tests/test_a.py", kPassing}}),
                               {Prefix::kSmallWorkspace, Prefix::kInit});
  ExpectEnd(end, RunnerExit::kCheckoutFailed, api::reason::kCheckoutFailed);
  EXPECT_THAT(end.summary.message, HasSubstr("No space left on device"));
}

TEST_F(Mess, ThousandsOfLevelsAndFilesHoldNothingUp) {
  const std::string levels = R"(
        here = os.open(".", os.O_RDONLY)
        for i in range(5000):
            os.mkdir("d", dir_fd=here)
            inner = os.open("d", os.O_RDONLY, dir_fd=here)
            os.close(here)
            here = inner
)";
  api::RunRequest request = RequestFor({{"make.py", "import os, subprocess\nif True:" + levels + R"(
        os.mkdir("many")
        for i in range(20000): os.close(os.open(f"many/{i}", os.O_CREAT))
        os.mkdir("line\nend\x1b[31m")
        open("line\nend\x1b[31m/junit.xml", "w").write("<broken")
)"}});
  request.tests.framework = api::Framework::kCommand;
  request.tests.command = {"python3", "make.py"};
  const RunEnd end = RunBehind(request, {Prefix::kInit});
  ExpectEnd(end, RunnerExit::kReportInvalid, api::reason::kReportInvalid);
  EXPECT_LT(end.process.duration, std::chrono::seconds(30));
  EXPECT_THAT(end.summary.message, Not(HasSubstr("\n")));
  EXPECT_THAT(end.summary.message, Not(HasSubstr("\x1b")));
  RemoveAll(File("workspace"));
}

TEST_F(Mess, ACommitOfManyLevelsIsTestedWithFewDescriptors) {
  std::string deep = "tests";
  for (int i = 0; i < 600; ++i) deep += "/d";
  const api::RunRequest request = RequestFor(
      {{deep + "/data", ""}, {"tests/line\nend/data", ""}, {"tests/test_a.py", kPassing}});
  const RunEnd end = Finish(*Start(request, {"prlimit", "--nofile=256"}));
  ExpectEnd(end, RunnerExit::kPassed, api::reason::kTestsPassed);
}

TEST_F(Mess, AReportThatIsCutAtAnyPlaceIsNoPass) {
  const std::string report = kReport;
  std::string script;
  for (std::size_t length = 0; length < report.size(); length += 7) {
    script += "printf %s \"$1\" | head -c " + std::to_string(length) + " > junit" +
              std::to_string(length) + ".xml\n";
  }
  const RunEnd end = RunFilesWith({{"a", ""}}, {"sh", "-c", script, "sh", report});
  ExpectEnd(end, RunnerExit::kReportInvalid, api::reason::kReportInvalid);
}

TEST_F(Mess, AReportThatIsTooLargeIsNoPass) {
  const RunEnd end = RunFilesWith(
      {{"a", ""}},
      {"python3", "-c",
       "open('junit.xml', 'w').write('<testsuite>' + '<testcase name=\"a\"/>' * 900000 + "
       "'</testsuite>')"});
  ExpectEnd(end, RunnerExit::kReportInvalid, api::reason::kReportInvalid);
  EXPECT_THAT(end.summary.message, HasSubstr("16 MiB"));
}

}  // namespace
}  // namespace committest::runner
