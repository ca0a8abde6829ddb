#include "common/process/child_process.h"

#include <csignal>
#include <fcntl.h>
#include <fstream>
#include <sstream>
#include <string>
#include <sys/eventfd.h>
#include <thread>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/eventually.h"

namespace committest {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;
using ::testing::Not;

const SystemClock kClock;

ChildSpec Shell(const std::string& script) {
  ChildSpec spec;
  spec.program = "/bin/sh";
  spec.arguments = {"-c", script};
  spec.environment = {"PATH=/usr/bin:/bin"};
  spec.deadline = seconds(60);
  spec.grace = milliseconds(300);
  return spec;
}

ChildResult RunToEnd(const ChildSpec& spec) {
  auto result = RunChild(spec, kClock, {});
  EXPECT_TRUE(result) << result.error().message;
  return result ? *result : ChildResult{};
}

bool IsAlive(const std::string& pid) { return kill(std::stoi(pid), 0) == 0; }

TEST(ChildProcess, GivesOutputErrorsAndExitCode) {
  const auto result = RunToEnd(Shell("echo out; echo err >&2; exit 7"));
  EXPECT_EQ(result.output, "out\n");
  EXPECT_EQ(result.errors, "err\n");
  EXPECT_EQ(result.exit_code, 7);
  EXPECT_EQ(result.signal, 0);
  EXPECT_FALSE(result.timed_out);
  EXPECT_FALSE(result.Succeeded());
}

TEST(ChildProcess, TellsTheSignalThatEndedIt) {
  const auto result = RunToEnd(Shell("kill -KILL $$"));
  EXPECT_EQ(result.signal, SIGKILL);
  EXPECT_EQ(result.exit_code, -1);
}

TEST(ChildProcess, ReportsAProgramThatCannotBeStarted) {
  ChildSpec spec;
  spec.program = "/nonexistent/program";
  const auto result = RunChild(spec, kClock, {});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(result.error().message, HasSubstr("/nonexistent/program"));
  EXPECT_THAT(result.error().message, HasSubstr("No such file"));
}

TEST(ChildProcess, PassesArgumentsWithoutAShell) {
  ChildSpec spec;
  spec.program = "/bin/echo";
  spec.arguments = {"$(id)", "; id", "`id`", "a b"};
  EXPECT_EQ(RunToEnd(spec).output, "$(id) ; id `id` a b\n");
}

TEST(ChildProcess, GivesExactlyTheEnvironment) {
  ChildSpec spec;
  spec.program = "/usr/bin/env";
  spec.environment = {"ONE=1", "TWO=2"};
  EXPECT_EQ(RunToEnd(spec).output, "ONE=1\nTWO=2\n");
}

TEST(ChildProcess, HasNothingOnStandardInput) {
  EXPECT_EQ(RunToEnd(Shell("cat; echo end")).output, "end\n");
}

TEST(ChildProcess, HasItsInputOnStandardInput) {
  auto spec = Shell("cat | wc -c; echo end");
  spec.input = std::string(300'000, 'x');
  EXPECT_EQ(RunToEnd(spec).output, "300000\nend\n");
}

TEST(ChildProcess, KeepsNoMoreOutputThanAllowed) {
  auto spec = Shell("head -c 5000000 /dev/zero | tr '\\0' x; echo done >&2");
  spec.max_output_bytes = 1000;
  const auto result = RunToEnd(spec);
  EXPECT_EQ(result.output.size(), 1000U);
  EXPECT_EQ(result.errors, "done\n");
  EXPECT_TRUE(result.Succeeded());
}

TEST(ChildProcess, EndsTheWholeGroupAtTheDeadline) {
  auto spec = Shell("sleep 600 & echo $!; sleep 600");
  spec.deadline = milliseconds(200);
  const auto start = std::chrono::steady_clock::now();
  const auto result = RunToEnd(spec);
  EXPECT_TRUE(result.timed_out);
  EXPECT_FALSE(result.Succeeded());
  EXPECT_LT(std::chrono::steady_clock::now() - start, seconds(20));
  EXPECT_TRUE(Eventually([&] { return !IsAlive(result.output); }));
}

TEST(ChildProcess, KillsWhatIgnoresTheRequestToEnd) {
  auto spec = Shell("trap '' TERM; echo ready; while :; do sleep 0.05; done");
  spec.deadline = milliseconds(300);
  const auto result = RunToEnd(spec);
  EXPECT_TRUE(result.timed_out);
  EXPECT_EQ(result.signal, SIGKILL);
}

TEST(ChildProcess, KillsWhatTheProgramLeavesBehind) {
  const auto result = RunToEnd(Shell("sleep 600 & echo $!"));
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_FALSE(result.timed_out);
  EXPECT_TRUE(Eventually([&] { return !IsAlive(result.output); }));
}

TEST(ChildProcess, DoesNotWaitForAProcessThatLeftTheGroupWithItsOutput) {
  auto spec = Shell("setsid sh -c 'echo $$; sleep 600' & sleep 0.3");
  const auto start = std::chrono::steady_clock::now();
  const auto result = RunToEnd(spec);
  EXPECT_LT(std::chrono::steady_clock::now() - start, seconds(30));
  ASSERT_FALSE(result.output.empty());
  kill(std::stoi(result.output), SIGKILL);
}

TEST(ChildProcess, EndsWhenItIsStopped) {
  std::stop_source stop;
  Result<ChildResult> result;
  {
    const std::jthread runner(
        [&] { result = RunChild(Shell("sleep 600"), kClock, stop.get_token()); });
    stop.request_stop();
  }
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kCancelled);
}

TEST(ChildProcess, ObeysItsLimits) {
  auto spec = Shell("ulimit -n; ulimit -f; ulimit -t; ulimit -v; ulimit -d; ulimit -c");
  spec.limits = {std::uint64_t{1} << 30U, std::uint64_t{1} << 28U, 5, 1024 * 1024, 32};
  // In the shell's units: files in blocks of 512 bytes, memory in KiB.
  EXPECT_EQ(RunToEnd(spec).output, "32\n2048\n5\n1048576\n262144\n0\n");
}

TEST(ChildProcess, DiesOfTooLargeAFile) {
  auto spec = Shell("head -c 100000 /dev/zero > \"$FILE\"");
  const std::string file = ::testing::TempDir() + "/child_process_test_file";
  spec.environment.push_back("FILE=" + file);
  spec.limits.file_bytes = 1000;
  EXPECT_FALSE(RunToEnd(spec).Succeeded());
  unlink(file.c_str());
}

TEST(ChildProcess, InheritsNoOtherDescriptor) {
  // Without O_CLOEXEC, as libraries do it.
  const int leaked = open("/dev/null", O_RDONLY);  // NOLINT(android-cloexec-open)
  const auto result = RunToEnd(Shell("ls /proc/self/fd | wc -l"));
  close(leaked);
  // Standard input, output and error, and the folder that ls reads.
  EXPECT_EQ(std::stoi(result.output), 4);
}

TEST(ChildProcess, HasNoSignalBlockedOrIgnored) {
  sigset_t blocked;
  sigset_t before;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &blocked, &before);
  const auto result = RunToEnd(Shell("sed -n 's/^Sig\\(Blk\\|Ign\\):\t/0x/p' /proc/self/status"));
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  std::istringstream masks(result.output);
  std::uint64_t still_blocked = 0;
  std::uint64_t still_ignored = 0;
  masks >> std::hex >> still_blocked >> still_ignored;
  ASSERT_TRUE(masks) << result.output;
  EXPECT_EQ(still_blocked, 0U);
  // 32 and 33 belong to the C library, which lets nobody change what was inherited for them.
  constexpr std::uint64_t kOfTheLibrary = std::uint64_t{3} << 31;
  EXPECT_EQ(still_ignored & ~kOfTheLibrary, 0U);
}

}  // namespace
}  // namespace committest
