#include "runner-image/evaluate.h"

#include <csignal>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/api/reasons.h"

namespace committest::runner {
namespace {

using api::Framework;
using api::RunnerExit;
using ::testing::HasSubstr;

ProcessEnd Exited(int code) {
  ProcessEnd end;
  end.exit_code = code;
  return end;
}

ProcessEnd Signalled(int number) {
  ProcessEnd end;
  end.signal = number;
  return end;
}

Result<JunitReport> Counted(std::int64_t passed, std::int64_t failed, std::int64_t errored,
                            std::int64_t skipped) {
  JunitReport report;
  report.counts = {passed + failed + errored + skipped, passed, failed, errored, skipped};
  return report;
}

Result<JunitReport> Missing() { return Fail(ErrorCode::kNotFound, "looked for *.xml"); }
Result<JunitReport> Broken() { return Fail(ErrorCode::kDataLoss, "the report is not XML"); }

Evidence With(ProcessEnd end, Result<JunitReport> report) {
  return {.framework = Framework::kPytest,
          .allow_no_tests = false,
          .end = std::move(end),
          .report = std::move(report),
          .full_folder = "",
          .oom_kills = 0,
          .time_limit = std::chrono::minutes(30)};
}

struct Case {
  const char* sentence;
  Evidence evidence;
  RunnerExit exit;
  const char* reason;
};

TEST(Evaluate, JudgesAsTheTableSays) {
  using namespace api::reason;  // NOLINT(google-build-using-namespace)
  const std::vector<Case> cases = {
      {"a pass", With(Exited(0), Counted(3, 0, 0, 1)), RunnerExit::kPassed, kTestsPassed},
      {"a failure", With(Exited(1), Counted(3, 1, 0, 0)), RunnerExit::kTestsFailed, kTestsFailed},
      {"an error", With(Exited(1), Counted(3, 0, 1, 0)), RunnerExit::kTestsFailed, kTestsFailed},
      {"a failure behind exit code 0", With(Exited(0), Counted(3, 1, 0, 0)),
       RunnerExit::kTestsFailed, kTestsFailed},
      {"a failure and a crash", With(Signalled(SIGSEGV), Counted(3, 1, 0, 0)),
       RunnerExit::kTestsFailed, kTestsFailed},
      {"a clean report behind another exit code", With(Exited(1), Counted(3, 0, 0, 0)),
       RunnerExit::kReportInvalid, kReportInvalid},
      {"a clean report behind a crash", With(Signalled(SIGSEGV), Counted(3, 0, 0, 0)),
       RunnerExit::kReportInvalid, kReportInvalid},
      {"a clean report behind 'no tests'", With(Exited(5), Counted(3, 0, 0, 0)),
       RunnerExit::kReportInvalid, kReportInvalid},
      {"no report", With(Exited(0), Missing()), RunnerExit::kReportInvalid, kReportInvalid},
      {"no report and a crash", With(Signalled(SIGKILL), Missing()), RunnerExit::kReportInvalid,
       kReportInvalid},
      {"a broken report", With(Exited(0), Broken()), RunnerExit::kReportInvalid, kReportInvalid},
      {"zero tests", With(Exited(0), Counted(0, 0, 0, 0)), RunnerExit::kNoTests, kNoTestsFound},
      {"zero tests, as pytest says it", With(Exited(5), Counted(0, 0, 0, 0)), RunnerExit::kNoTests,
       kNoTestsFound},
      {"zero tests and an internal error", With(Exited(3), Counted(0, 0, 0, 0)),
       RunnerExit::kReportInvalid, kReportInvalid},
      {"only skipped tests", With(Exited(0), Counted(0, 0, 0, 4)), RunnerExit::kNoTests,
       kNoTestsFound},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.sentence);
    const Verdict verdict = Evaluate(c.evidence);
    EXPECT_EQ(verdict.exit, c.exit);
    EXPECT_EQ(verdict.reason, c.reason);
    EXPECT_FALSE(verdict.message.empty());
  }
}

TEST(Evaluate, CallsAProgramThatIsNotThereAConfigurationError) {
  ProcessEnd end;
  end.start_error = "cannot execute 'mvn': No such file or directory";
  const Verdict verdict = Evaluate(With(end, Missing()));
  EXPECT_EQ(verdict.exit, RunnerExit::kConfiguration);
  EXPECT_THAT(verdict.message, HasSubstr("mvn"));
}

TEST(Evaluate, SaysWhereAnotherImageIsSet) {
  ProcessEnd end;
  end.start_error = "cannot execute 'cmake': No such file or directory";
  Evidence evidence = With(end, Missing());
  evidence.framework = Framework::kCTest;
  evidence.setup_step = "configure";
  const Verdict verdict = Evaluate(evidence);
  EXPECT_EQ(verdict.exit, RunnerExit::kConfiguration);
  EXPECT_THAT(verdict.message, HasSubstr("'cmake'"));
  EXPECT_THAT(verdict.message, HasSubstr("spec.execution.image"));
}

TEST(Evaluate, CallsAStepThatFailedSetupFailed) {
  for (const ProcessEnd& end : {Exited(2), Signalled(SIGSEGV)}) {
    Evidence evidence = With(end, Missing());
    evidence.framework = Framework::kCTest;
    evidence.setup_step = "build";
    const Verdict verdict = Evaluate(evidence);
    EXPECT_EQ(verdict.exit, RunnerExit::kReportInvalid);
    EXPECT_EQ(verdict.reason, api::reason::kSetupFailed);
    EXPECT_THAT(verdict.message, HasSubstr("build, before the tests, ended with"));
  }
}

TEST(Evaluate, JudgesTheEndOfAStepLikeThatOfTests) {
  Evidence evidence = With(Signalled(SIGTERM), Missing());
  evidence.setup_step = "build";
  evidence.end.timed_out = true;
  EXPECT_EQ(Evaluate(evidence).reason, api::reason::kTimedOut);
  evidence.end.terminated = true;
  EXPECT_EQ(Evaluate(evidence).reason, api::reason::kTerminated);
  evidence.end = Signalled(SIGKILL);
  evidence.oom_kills = 1;
  EXPECT_EQ(Evaluate(evidence).reason, api::reason::kOutOfMemory);
}

TEST(Evaluate, AFailedTestComesBeforeWhatDoesNotBuild) {
  Result<JunitReport> passed = Counted(3, 0, 0, 0);
  passed->not_built = "example.com/c does not build";
  Result<JunitReport> failed = Counted(3, 1, 0, 0);
  failed->not_built = passed->not_built;
  for (const int code : {0, 1}) {
    EXPECT_EQ(Evaluate(With(Exited(code), passed)).reason, api::reason::kSetupFailed);
    EXPECT_EQ(Evaluate(With(Exited(code), passed)).exit, RunnerExit::kReportInvalid);
    EXPECT_EQ(Evaluate(With(Exited(code), failed)).reason, api::reason::kTestsFailed);
  }
}

TEST(Evaluate, CallsToolsThatBuildAndTestSetupFailedOnlyWhenNothingReported) {
  for (const Framework framework : {Framework::kGoTest, Framework::kMaven, Framework::kNpm}) {
    const auto with = [&](ProcessEnd end, Result<JunitReport> report) {
      Evidence evidence = With(std::move(end), std::move(report));
      evidence.framework = framework;
      return Evaluate(evidence).reason;
    };
    EXPECT_EQ(with(Exited(1), Missing()), api::reason::kSetupFailed);
    EXPECT_EQ(with(Exited(0), Missing()), api::reason::kReportInvalid);
    EXPECT_EQ(with(Exited(1), Broken()), api::reason::kReportInvalid);
    EXPECT_EQ(with(Exited(1), Counted(3, 0, 0, 0)), api::reason::kReportInvalid);
    EXPECT_EQ(with(Exited(5), Counted(0, 0, 0, 0)), api::reason::kReportInvalid);
  }
}

TEST(Evaluate, CallsATimeLimitFailedWhateverTheReportSays) {
  ProcessEnd end = Exited(0);
  end.timed_out = true;
  const Verdict verdict = Evaluate(With(end, Counted(3, 0, 0, 0)));
  EXPECT_EQ(verdict.exit, RunnerExit::kTestsFailed);
  EXPECT_EQ(verdict.reason, api::reason::kTimedOut);
  EXPECT_THAT(verdict.message, HasSubstr("30m"));
}

TEST(Evaluate, SaysWhetherTheTestsObeyedSigterm) {
  ProcessEnd end = Signalled(SIGKILL);
  end.timed_out = true;
  end.killed = true;
  EXPECT_THAT(Evaluate(With(end, Missing())).message, HasSubstr("ignored SIGTERM"));
}

TEST(Evaluate, BlamesNobodyWhenTheRunnerWasToldToEnd) {
  ProcessEnd end = Exited(0);
  end.terminated = true;
  const Verdict verdict = Evaluate(With(end, Counted(3, 0, 0, 0)));
  EXPECT_EQ(verdict.exit, RunnerExit::kInternal);
  EXPECT_EQ(verdict.reason, api::reason::kTerminated);
  EXPECT_THAT(verdict.message, HasSubstr("the tests ended when they were told to"));
  end.killed = true;
  EXPECT_THAT(Evaluate(With(end, Missing())).message, HasSubstr("were killed"));
}

TEST(Evaluate, NamesAFullFolderBesideAMissingReport) {
  Evidence evidence = With(Exited(1), Missing());
  evidence.full_folder = "/tmp";
  const Verdict verdict = Evaluate(evidence);
  EXPECT_EQ(verdict.reason, api::reason::kReportInvalid);
  EXPECT_THAT(verdict.message, HasSubstr("/tmp is full"));
}

TEST(Evaluate, CallsMemoryKillsOutOfMemoryAndNeverAPass) {
  for (ProcessEnd end : {Signalled(SIGKILL), Exited(1), Exited(0)}) {
    Evidence evidence = With(end, Counted(3, 0, 0, 0));
    evidence.oom_kills = 1;
    const Verdict verdict = Evaluate(evidence);
    EXPECT_EQ(verdict.exit, RunnerExit::kTestsFailed);
    EXPECT_EQ(verdict.reason, api::reason::kOutOfMemory);
  }
}

TEST(Evaluate, LetsARunWithoutTestsPassWhenThatIsAllowed) {
  for (const int code : {0, 5}) {
    Evidence evidence = With(Exited(code), Counted(0, 0, 0, 0));
    evidence.allow_no_tests = true;
    EXPECT_EQ(Evaluate(evidence).exit, RunnerExit::kPassed) << code;
  }
  Evidence skipped = With(Exited(0), Counted(0, 0, 0, 2));
  skipped.allow_no_tests = true;
  EXPECT_EQ(Evaluate(skipped).exit, RunnerExit::kPassed);
}

TEST(Evaluate, DoesNotLetAllowNoTestsHideAMissingReport) {
  Evidence evidence = With(Exited(0), Missing());
  evidence.allow_no_tests = true;
  EXPECT_EQ(Evaluate(evidence).exit, RunnerExit::kReportInvalid);
}

TEST(Evaluate, GivesACommandNoFrameworkCodes) {
  Evidence evidence = With(Exited(5), Counted(0, 0, 0, 0));
  evidence.framework = Framework::kCommand;
  EXPECT_EQ(Evaluate(evidence).exit, RunnerExit::kReportInvalid);
}

TEST(Evaluate, PassesOnlyWithEvidenceWhateverTheCombination) {
  for (const int code : {0, 1, 2, 5, 137}) {
    for (const auto& report : {Counted(2, 0, 0, 0), Counted(2, 1, 0, 0), Counted(0, 0, 0, 0),
                               Counted(0, 0, 0, 1), Missing(), Broken()}) {
      for (const Framework framework :
           {Framework::kUnittest, Framework::kPytest, Framework::kCommand}) {
        Evidence evidence = With(Exited(code), report);
        evidence.framework = framework;
        const bool may_pass = code == 0 && report && report->counts.passed > 0 &&
                              report->counts.failed + report->counts.errored == 0;
        EXPECT_EQ(Evaluate(evidence).exit == RunnerExit::kPassed, may_pass);
      }
    }
  }
}

TEST(EvaluateNothingFound, IsNoPassUnlessAllowed) {
  EXPECT_EQ(EvaluateNothingFound(false, "x").exit, RunnerExit::kNoTests);
  EXPECT_EQ(EvaluateNothingFound(false, "looked for y").message, "looked for y");
  EXPECT_EQ(EvaluateNothingFound(true, "x").exit, RunnerExit::kPassed);
}

TEST(DescribeEnd, NamesCodesAndSignals) {
  EXPECT_EQ(DescribeEnd(Exited(2)), "exit code 2");
  EXPECT_EQ(DescribeEnd(Signalled(SIGSEGV)), "SIGSEGV (signal 11)");
}

}  // namespace
}  // namespace committest::runner
