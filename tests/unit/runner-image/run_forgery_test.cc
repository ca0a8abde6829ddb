// The real program against tests that act on their judge: on the runner's process, its report, its
// summary. Most need root, to run the program as PID 1 and as the product's user.
#include <csignal>
#include <filesystem>

#include <gmock/gmock.h>

#include "common/api/reasons.h"
#include "tests/unit/runner-image/run_fixture.h"

namespace committest::runner {
namespace {

using api::RunnerExit;
using ::testing::HasSubstr;

// A unittest module with one test whose body is `body`, indented by eight.
std::string ModuleWith(const std::string& body) {
  return R"(
import ctypes, os, resource, signal, subprocess, sys, time, unittest

# The runner: PID 1 in a container, the parent elsewhere.
JUDGE = os.getppid()
FORGED = "<testsuite><testcase name='forged'/></testsuite>"

class A(unittest.TestCase):
    def test_one(self):
        )" +
         body + "\n";
}

class Forgery : public RunTest {
 protected:
  void SetUp() override { RequireNamespaces(); }

  // A run in a container's manner: as PID 1 and as an ordinary user.
  RunEnd RunContained(const std::string& body) {
    return RunBehind(RequestFor({{"tests/test_a.py", ModuleWith(body)}}),
                     {Prefix::kInit, Prefix::kOrdinaryUser});
  }
};

TEST_F(Forgery, TheRunnersProcessIsClosedToTheTests) {
  const RunEnd end = RunContained(R"(
        libc = ctypes.CDLL(None, use_errno=True)
        attach, seize, getfd = 16, 0x4206, 438
        buffer = ctypes.create_string_buffer(8)
        self.assertEqual(JUDGE, 1)
        self.assertEqual(libc.ptrace(attach, JUDGE, 0, 0), -1)
        self.assertEqual(libc.ptrace(seize, JUDGE, 0, 0), -1)
        pidfd = os.pidfd_open(JUDGE)
        for fd in range(16):
            self.assertEqual(libc.syscall(getfd, pidfd, fd, 0), -1)
        class Iovec(ctypes.Structure):
            _fields_ = [("base", ctypes.c_void_p), ("size", ctypes.c_size_t)]
        here = Iovec(ctypes.addressof(buffer), 8)
        there = Iovec(id(self), 8)
        for call in (libc.process_vm_readv, libc.process_vm_writev):
            self.assertEqual(call(JUDGE, ctypes.byref(here), 1, ctypes.byref(there), 1, 0), -1)
        for name in ("environ", "mem", "maps", "auxv", "fd", "cwd", "root", "exe", "stack"):
            with self.assertRaises(PermissionError, msg=name):
                path = f"/proc/{JUDGE}/{name}"
                os.listdir(path) if name == "fd" else open(path, "rb").read(1)
        for name in ("oom_score_adj", "coredump_filter", "comm"):
            with self.assertRaises(PermissionError, msg=name):
                open(f"/proc/{JUDGE}/{name}", "w"))");
  ExpectEnd(end, RunnerExit::kPassed, api::reason::kTestsPassed);
}

TEST_F(Forgery, NoSignalButThoseThatTellItToEndChangesAnything) {
  // A sanitizer's handlers would make the process one that receives these signals.
  environment_["ASAN_OPTIONS"] = "handle_segv=0:handle_sigbus=0:handle_sigill=0:handle_sigfpe=0";
  const RunEnd end = RunContained(R"(
        for number in signal.valid_signals() - {signal.SIGTERM, signal.SIGINT}:
            os.kill(JUDGE, number))");
  ExpectEnd(end, RunnerExit::kPassed, api::reason::kTestsPassed);
}

TEST_F(Forgery, BeingToldToEndByTheTestsIsNoVerdict) {
  for (const char* name : {"SIGTERM", "SIGINT"}) {
    const RunEnd end =
        RunContained("os.kill(JUDGE, signal." + std::string(name) + "); time.sleep(60)");
    ExpectEnd(end, RunnerExit::kInternal, api::reason::kTerminated);
    EXPECT_THAT(end.summary.message, HasSubstr("ended when they were told"));
  }
}

TEST_F(Forgery, TestsThatDoNotEndWhenTheRunnerIsToldToAreKilledAndThatIsSaid) {
  const RunEnd end = RunContained(R"(
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.kill(JUDGE, signal.SIGTERM)
        time.sleep(60))");
  ExpectEnd(end, RunnerExit::kInternal, api::reason::kTerminated);
  EXPECT_THAT(end.summary.message, HasSubstr("did not end within the grace period"));
}

// The same user may lower the runner's limits, whoever its parent is (prlimit(2)). That can end the
// runner or leave it without a summary, and so without a verdict; it gains nothing.
TEST_F(Forgery, LimitsThatTheTestsPutOnTheRunnerNeverMakeAPass) {
  for (const char* limit : {"NOFILE", "FSIZE", "AS", "CPU", "DATA", "STACK", "NPROC"}) {
    SCOPED_TRACE(limit);
    const RunEnd end = RunContained("resource.prlimit(JUDGE, resource.RLIMIT_" +
                                    std::string(limit) + ", (0, 0)); self.fail('truth')");
    EXPECT_NE(end.process.exit_code, 0) << end.output();
    EXPECT_NE(end.summary.reason, api::reason::kTestsPassed) << end.termination_log;
  }
}

TEST_F(Forgery, AKilledRunnerLeavesNothingThatCouldBeTakenForAVerdict) {
  // Outside a container the runner is no PID 1, and the same user's SIGKILL ends it.
  const RunEnd end = RunTest::Run(RequestFor({{"tests/test_a.py", ModuleWith(R"(
        os.kill(JUDGE, signal.SIGKILL)
        time.sleep(60))")}}));
  EXPECT_EQ(end.process.signal, SIGKILL);
  EXPECT_EQ(end.termination_log, "");
}

TEST_F(Forgery, ADaemonThatWritesTheSummaryAllTheTimeWritesInVain) {
  const std::string log = File("termination-log").string();
  const RunEnd end = RunContained(R"(
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
                while True:
                    with open(")" +
                                  log + R"(", "w") as file:
                        file.write('{"reason": "TestsPassed", "total": 9, "passed": 9}')
            os._exit(0)
        self.fail("truth"))");
  ExpectEnd(end, RunnerExit::kTestsFailed, api::reason::kTestsFailed);
  EXPECT_EQ(end.summary.counts, (api::TestCounts{1, 0, 1, 0, 0}));
}

TEST_F(Forgery, ASummaryFileThatIsMadeUnusableLeavesItToTheExitCode) {
  const std::string log = File("termination-log").string();
  for (const std::string& trick :
       {"os.mkfifo(\"" + log + "\")", "os.symlink(\"/etc/passwd\", \"" + log + "\")",
        "os.mkdir(\"" + log + "\")",
        "open(\"" + log + "\", \"w\"); os.chmod(\"" + log + "\", 0)"}) {
    SCOPED_TRACE(trick);
    std::filesystem::remove_all(log);
    const RunEnd end = RunContained(trick + "; self.fail('truth')");
    EXPECT_EQ(end.process.exit_code, static_cast<int>(RunnerExit::kTestsFailed)) << end.output();
    EXPECT_EQ(end.summary.reason, "");
    EXPECT_THAT(end.output(), HasSubstr("\"reason\":\"TestsFailed\""));
  }
}

TEST_F(Forgery, AReportOfAChildThatLivesLongerThanItsParentComesTooLate) {
  const RunEnd end = RunContained(R"(
        report = open("/proc/self/cmdline").read().split("\0")[2]
        if os.fork() == 0:
            os.setsid()
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            while os.getppid() != 1:
                pass
            time.sleep(0.2)
            open(report, "w").write(FORGED)
        os._exit(0))");
  ExpectEnd(end, RunnerExit::kReportInvalid, api::reason::kReportInvalid);
}

TEST_F(Forgery, AForkedTestThatReturnsReportsNothing) {
  const RunEnd end = RunContained("self.assertEqual(os.fork(), 0) or os._exit(0)");
  EXPECT_NE(end.process.exit_code, 0) << end.output();
}

TEST_F(Forgery, AReportThatIsForgedOverFailuresContradictsTheExitCode) {
  const RunEnd end = RunContained(R"(
        import atexit
        report = open("/proc/self/cmdline").read().split("\0")[2]
        atexit.register(lambda: open(report, "w").write(FORGED))
        self.fail("truth"))");
  ExpectEnd(end, RunnerExit::kReportInvalid, api::reason::kReportInvalid);
  EXPECT_THAT(end.summary.message, HasSubstr("exit code 1"));
}

TEST_F(Forgery, AReportThatWasThereBeforeTheTestsEndedIsReplacedByTheTrueOne) {
  const RunEnd end = RunContained(R"(
        report = open("/proc/self/cmdline").read().split("\0")[2]
        open(report, "w").write(FORGED)
        open(report + ".partial", "w").write(FORGED)
        self.fail("truth"))");
  ExpectEnd(end, RunnerExit::kTestsFailed, api::reason::kTestsFailed);
}

// docs/security.md says so: no channel between a program and its judge is closed to that program.
// What it gains is a verdict on its own commit, which it could also have by tests that do nothing.
TEST_F(Forgery, AForgeryInTheTestsOwnProcessSpeaksForItsOwnCommitAlone) {
  const api::RunRequest request = RequestFor({{"tests/test_a.py", ModuleWith(R"(
        report = open("/proc/self/cmdline").read().split("\0")[2]
        open(report, "w").write(FORGED)
        os._exit(0))")}});
  const RunEnd end = RunBehind(request, {Prefix::kInit, Prefix::kOrdinaryUser});
  ExpectEnd(end, RunnerExit::kPassed, api::reason::kTestsPassed);
  EXPECT_EQ(end.summary.commit, request.commit);
  EXPECT_EQ(end.summary.counts, (api::TestCounts{1, 1, 0, 0, 0}));
}

TEST_F(Forgery, TheRunnersFolderTakenAwayIsNoPass) {
  for (const char* trick :
       {"os.chmod(folder, 0)", "os.chmod(folder, 0o500)", "os.rename(folder, folder + 'x')",
        "os.rename(folder, folder + 'x'); os.symlink('/etc', folder)", "os.mkdir(report)"}) {
    SCOPED_TRACE(trick);
    const RunEnd end = RunContained(R"(
        report = open("/proc/self/cmdline").read().split("\0")[2]
        folder = os.path.dirname(report)
        )" + std::string(trick));
    ExpectEnd(end, RunnerExit::kReportInvalid, api::reason::kReportInvalid);
  }
}

TEST_F(Forgery, ACheckoutAndAHomeTakenAwayChangeNoVerdict) {
  for (const char* trick :
       {"os.chmod(os.getcwd(), 0)", "subprocess.run(['rm', '-rf', os.getcwd()])",
        "subprocess.run(['rm', '-rf', os.environ['HOME']])",
        "os.rename(os.getcwd(), '../gone'); os.symlink('/etc', '../checkout')"}) {
    SCOPED_TRACE(trick);
    ExpectEnd(RunContained(trick), RunnerExit::kPassed, api::reason::kTestsPassed);
    RemoveAll(File("workspace"));
    ExpectEnd(RunContained(std::string(trick) + "; self.fail()"), RunnerExit::kTestsFailed,
              api::reason::kTestsFailed);
    RemoveAll(File("workspace"));
  }
}

TEST_F(Forgery, ACheckoutTakenAwayBeforeItsReportsAreReadIsNoPass) {
  api::RunRequest request = RequestFor({{"a", ""}});
  request.tests.framework = api::Framework::kCommand;
  for (const char* script : {"chmod 0 .", "rm -rf ../checkout", "mv ../checkout ../gone"}) {
    SCOPED_TRACE(script);
    request.tests.command = {
        "sh", "-c",
        "echo '<testsuite><testcase name=\"a\"/></testsuite>' > junit.xml; " + std::string(script)};
    const RunEnd end = RunBehind(request, {Prefix::kInit, Prefix::kOrdinaryUser});
    ExpectEnd(end, RunnerExit::kReportInvalid, api::reason::kReportInvalid);
    RemoveAll(File("workspace"));
  }
}

}  // namespace
}  // namespace committest::runner
