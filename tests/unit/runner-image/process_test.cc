#include "runner-image/process.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runner-image/reaper.h"
#include "tests/support/temporary_folder.h"

namespace committest::runner {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::EndsWith;
using ::testing::HasSubstr;

class Process : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { AdoptOrphans(); }

  ProcessEnd RunArgv(std::vector<std::string> argv, milliseconds time = seconds(30),
                     milliseconds grace = milliseconds(200)) {
    return runner_.Run({std::move(argv), {"PATH=/usr/bin:/bin", "X=value"}, folder_.path()},
                       {time, grace}, output_);
  }
  ProcessEnd RunScript(const std::string& script, milliseconds time = seconds(30)) {
    return RunArgv({"sh", "-c", script}, time);
  }
  std::filesystem::path File(const std::string& name) const { return folder_.path() / name; }

  testing::TemporaryFolder folder_;
  SystemClock clock_;
  SignalInbox signals_;
  ProcessRunner runner_{clock_, signals_};
  CapturedOutput output_{1 << 20};
};

bool HasAnyChild() { return waitpid(-1, nullptr, WNOHANG) != -1 || errno != ECHILD; }

TEST_F(Process, ReportsExitCodeAndBothOutputs) {
  const ProcessEnd end = RunScript("echo out; echo err >&2; exit 7");
  EXPECT_EQ(end.exit_code, 7);
  EXPECT_EQ(output_.Text(), "out\nerr\n");
  EXPECT_FALSE(end.timed_out);
}

TEST_F(Process, ReportsTheSignalThatEndedIt) {
  const ProcessEnd end = RunScript("kill -SEGV $$");
  EXPECT_FALSE(end.exit_code);
  EXPECT_EQ(end.signal, SIGSEGV);
}

TEST_F(Process, PassesArgumentsWithoutAShell) {
  RunArgv({"printf", "%s|", "a b", "$(id)", ";rm", ""});
  EXPECT_EQ(output_.Text(), "a b|$(id)|;rm||");
}

TEST_F(Process, GivesTheChildOnlyItsOwnEnvironmentAndDirectory) {
  setenv("SECRET_OF_THE_RUNNER", "1", 1);
  RunScript("env | sort | grep -v -e ^_= -e ^PWD= -e ^SHLVL= -e ^OLDPWD=; pwd");
  EXPECT_EQ(output_.Text(), "PATH=/usr/bin:/bin\nX=value\n" + folder_.path().string() + "\n");
}

TEST_F(Process, GivesTheChildNothingToRead) { EXPECT_EQ(RunScript("cat").exit_code, 0); }

TEST_F(Process, GivesTheChildNoDescriptorsOfTheRunner) {
  RunScript("ls /proc/self/fd | wc -l");
  EXPECT_EQ(output_.Text(), "4\n");  // 0, 1, 2 and ls's own.
}

TEST_F(Process, GivesTheChildNoBlockedSignals) {
  RunScript("grep SigBlk /proc/self/status");
  EXPECT_THAT(output_.Text(), HasSubstr("0000000000000000"));
}

TEST_F(Process, SaysWhyAProgramCannotBeStarted) {
  const ProcessEnd end = RunArgv({"no-such-program-here"});
  EXPECT_FALSE(end.Started());
  EXPECT_THAT(end.start_error, HasSubstr("No such file"));
  EXPECT_FALSE(HasAnyChild());
}

TEST_F(Process, EndsAtTheTimeLimit) {
  const ProcessEnd end = RunScript("sleep 100", milliseconds(100));
  EXPECT_TRUE(end.timed_out);
  EXPECT_FALSE(end.killed);
  EXPECT_EQ(end.signal, SIGTERM);
}

TEST_F(Process, LetsTheChildEndItselfWithinTheGracePeriod) {
  const ProcessEnd end =
      RunScript("trap 'echo bye; exit 3' TERM; while :; do sleep 0.02; done", milliseconds(200));
  EXPECT_TRUE(end.timed_out);
  EXPECT_EQ(end.exit_code, 3);
  EXPECT_THAT(output_.Text(), HasSubstr("bye"));
}

TEST_F(Process, KillsWhatIgnoresSigterm) {
  const ProcessEnd end = RunScript("trap '' TERM; while :; do sleep 0.05; done", milliseconds(100));
  EXPECT_TRUE(end.timed_out);
  EXPECT_TRUE(end.killed);
  EXPECT_EQ(end.signal, SIGKILL);
  EXPECT_LT(end.duration, seconds(5));
}

TEST_F(Process, IsNotHeldUpByADaemonThatKeepsItsOutputOpen) {
  const ProcessEnd end = RunScript("setsid sh -c 'trap \"\" TERM HUP; sleep 100' & echo done");
  EXPECT_EQ(end.exit_code, 0);
  EXPECT_EQ(output_.Text(), "done\n");
  EXPECT_LT(end.duration, seconds(5));
}

TEST_F(Process, LeavesNoDescendantBehind) {
  RunScript(
      "for i in 1 2 3; do setsid sh -c 'setsid sleep 100 & setsid sleep 100 & sleep 100' & done; "
      "sleep 0.1");
  EXPECT_FALSE(HasAnyChild());
}

TEST_F(Process, DoesNotDrownInADaemonsOutput) {
  const ProcessEnd end = RunScript("setsid yes & sleep 0.1; echo end >&2");
  EXPECT_EQ(end.exit_code, 0);
  EXPECT_LT(end.duration, seconds(5));
  EXPECT_FALSE(HasAnyChild());
}

TEST_F(Process, KeepsTheEndOfALongOutput) {
  const ProcessEnd end = RunScript("head -c 20000000 /dev/zero; echo; echo the end");
  EXPECT_EQ(end.exit_code, 0);
  EXPECT_EQ(output_.Text().size(), std::size_t{1} << 20U);
  EXPECT_THAT(output_.Text(), EndsWith("the end\n"));
}

TEST_F(Process, PassesSigtermOnAndSaysSo) {
  // The signal is blocked here and waits in the inbox until the child runs.
  kill(getpid(), SIGTERM);
  const ProcessEnd end = RunScript("trap 'echo told; exit 0' TERM; while :; do sleep 0.02; done");
  EXPECT_TRUE(end.terminated);
  EXPECT_FALSE(end.timed_out);
  EXPECT_TRUE(runner_.Terminated());
}

TEST_F(Process, RunsOneAfterTheOther) {
  EXPECT_EQ(RunScript("exit 1").exit_code, 1);
  EXPECT_EQ(RunScript("exit 2").exit_code, 2);
}

// A target whose reader never reads.
class StuckTarget final : public OutputTarget {
 public:
  StuckTarget() : ends_(MakePipe()), stream_(ends_[1]) {}
  ~StuckTarget() override {
    close(ends_[0]);
    close(ends_[1]);
  }
  void Take(std::string_view bytes) override { stream_.Take(bytes); }
  int BlockedOn() const override { return stream_.BlockedOn(); }
  void Advance() override { stream_.Advance(); }
  OutputStream& stream() { return stream_; }

 private:
  static std::array<int, 2> MakePipe() {
    std::array<int, 2> ends{-1, -1};
    EXPECT_EQ(pipe(ends.data()), 0);
    return ends;
  }

  std::array<int, 2> ends_;
  OutputStream stream_;
};

TEST_F(Process, KeepsItsTimeLimitWhenNobodyReadsItsOutput) {
  StuckTarget target;
  const ProcessEnd end =
      runner_.Run({{"yes"}, {"PATH=/usr/bin:/bin"}, "/"},
                  {milliseconds(200), milliseconds(200), milliseconds(200)}, target);
  EXPECT_TRUE(end.timed_out);
  EXPECT_LT(end.duration, seconds(5));
  target.stream().Flush(milliseconds(10));
  EXPECT_EQ(target.BlockedOn(), -1);
}

TEST(OutputStream, TreatsAReaderThatHasGoneAsNoError) {
  std::signal(SIGPIPE, SIG_IGN);
  int ends[2] = {-1, -1};
  ASSERT_EQ(pipe(ends), 0);
  close(ends[0]);
  OutputStream stream(ends[1]);
  stream.Take("text");
  stream.Flush(milliseconds(100));
  EXPECT_EQ(stream.BlockedOn(), -1);
  close(ends[1]);
}

TEST(OutputStream, WritesEverythingInOrder) {
  const testing::TemporaryFolder folder;
  const std::string path = folder.path() / "out";
  FILE* file = std::fopen(path.c_str(), "w");
  OutputStream stream(fileno(file));
  std::string expected;
  for (int i = 0; i < 10'000; ++i) {
    const std::string line = std::to_string(i) + "\n";
    stream.Take(line);
    expected += line;
  }
  stream.Flush(seconds(5));
  std::fclose(file);
  EXPECT_EQ(testing::ReadTestFile(path), expected);
}

TEST(CapturedOutput, KeepsTheEnd) {
  CapturedOutput output(4);
  output.Take("abc");
  output.Take("defg");
  EXPECT_EQ(output.Text(), "defg");
}

}  // namespace
}  // namespace committest::runner
