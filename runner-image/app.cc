#include "runner-image/app.h"

#include <exception>
#include <system_error>
#include <utility>

#include "common/api/reasons.h"
#include "common/base/strings.h"
#include "common/base/time_format.h"
#include "common/git/url_policy.h"
#include "runner-image/checkout.h"
#include "runner-image/checkout_access.h"
#include "runner-image/handover.h"
#include "runner-image/listing.h"
#include "runner-image/private_folder.h"
#include "runner-image/request.h"
#include "runner-image/shard_plan.h"
#include "runner-image/test_run.h"

namespace committest::runner {
namespace {

namespace fs = std::filesystem;

using api::RunnerExit;
using std::chrono::milliseconds;

// A reader of the log that has stopped must not hold the verdict back.
constexpr milliseconds kFlushLimit{5000};

Verdict ConfigurationError(const Error& error) {
  return {RunnerExit::kConfiguration, api::reason::kConfigurationError, error.message};
}

Verdict CheckoutVerdict(const Error& error) {
  switch (error.code) {
    case ErrorCode::kNotFound:
      return {RunnerExit::kCommitGone, api::reason::kCommitGone, error.message};
    case ErrorCode::kUnauthenticated:  // As often as it is tried.
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kPermissionDenied:
      return ConfigurationError(error);
    case ErrorCode::kCancelled:
      return {RunnerExit::kInternal, api::reason::kTerminated, error.message};
    default:
      return {RunnerExit::kCheckoutFailed, api::reason::kCheckoutFailed, error.message};
  }
}

std::string_view Word(RunnerExit exit) {
  switch (exit) {
    case RunnerExit::kPassed:
      return "Passed";
    case RunnerExit::kTestsFailed:
      return "Failed";
    default:
      return "Error";
  }
}

milliseconds Between(MonotonicTime start, MonotonicTime end) {
  return std::chrono::duration_cast<milliseconds>(end - start);
}

bool CanBeSplit(const TestPlan& plan) {
  return !plan.list.empty() || plan.framework == api::Framework::kCommand;
}

milliseconds Since(const Clock& clock, MonotonicTime start) {
  return Between(start, clock.Monotonic());
}

}  // namespace

App::App(Part part, Environment environment, const Clock& clock, OutputStream& console)
    : part_(part),
      environment_(std::move(environment)),
      clock_(clock),
      console_(console),
      processes_(clock, signals_) {
  summary_.runner_version = COMMITTEST_VERSION;
}

int App::Run() {
  config_.summary = ReadSummaryTarget(environment_);
  Verdict verdict;
  try {
    verdict = Execute();
  } catch (const std::exception& error) {
    verdict = {RunnerExit::kInternal, api::reason::kInternalError, error.what()};
  } catch (...) {
    verdict = {RunnerExit::kInternal, api::reason::kInternalError, "an unknown exception"};
  }
  Conclude(verdict);
  return static_cast<int>(verdict.exit);
}

Verdict App::Execute() {
  Result<Config> config = ReadConfig(environment_);
  if (!config) return ConfigurationError(config.error());
  config_ = *std::move(config);
  Result<api::RunRequest> request = ReadRequest(environment_);
  if (!request) return ConfigurationError(request.error());
  request_ = *std::move(request);
  if (request_.sharding.count > 1) {
    const auto index = ReadShardIndex(environment_, request_.sharding.count);
    if (!index) return {RunnerExit::kInternal, api::reason::kInternalError, index.error().message};
    config_.shard_index = *index;
    summary_.shard = {*index, request_.sharding.count, "", 0, 0};
  }
  summary_.framework = api::FrameworkName(request_.tests.framework);

  switch (part_) {
    case Part::kCheckout:
      return ExecuteCheckout();
    case Part::kTests:
      return ExecuteTests();
    case Part::kAll:
      break;
  }
  return ExecuteAll();
}

Verdict App::ExecuteAll() {
  const PrivateFolder own_folder(config_.temporary);
  if (auto failed = CheckOut(own_folder.Path())) return *std::move(failed);
  return Discover(own_folder.Path());
}

Verdict App::ExecuteCheckout() {
  const PrivateFolder own_folder(config_.temporary);
  if (auto failed = CheckOut(own_folder.Path())) return *std::move(failed);
  const Status done = HandOver(config_.handover, {summary_.commit, summary_.stages.checkout_ms});
  if (!done) return {RunnerExit::kInternal, api::reason::kInternalError, done.error().message};
  return {RunnerExit::kPassed, {}, "checked out"};
}

Verdict App::ExecuteTests() {
  const Result<Handover> handover = TakeOver(config_.handover);
  if (!handover) {
    return {RunnerExit::kInternal, api::reason::kInternalError, handover.error().message};
  }
  summary_.commit = handover->commit;
  summary_.stages.checkout_ms = handover->checkout_ms;
  PrintSource();
  Say("checkout " + FormatDuration(milliseconds(handover->checkout_ms)) +
      ", by the container checkout");
  const PrivateFolder own_folder(config_.temporary);
  return Discover(own_folder.Path());
}

std::optional<Verdict> App::CheckOut(const fs::path& own_folder) {
  PrintSource();
  console_.Advance();
  const MonotonicTime start = clock_.Monotonic();
  fs::create_directories(config_.workspace);
  fs::remove_all(Folder());  // A container that starts again in its Pod finds the last try's.
  const fs::path home = own_folder / "git-home";
  fs::create_directory(home);
  const auto access = ReadCheckoutAccess(config_.credentials, config_.credentials_secret,
                                         *git::CheckUrl(request_.url, {.allow_http = true}));
  if (!access) return CheckoutVerdict(access.error());
  Checkout git(processes_, clock_, GitEnvironment(environment_, home), *access);
  const Result<std::string> commit = git.Run(
      {request_.url, request_.commit, request_.ref, Folder().string()}, config_.checkout_limit);
  summary_.stages.checkout_ms = Since(clock_, start).count();
  if (!commit) return CheckoutVerdict(commit.error());
  summary_.commit = *commit;
  Say("checkout " + FormatDuration(milliseconds(summary_.stages.checkout_ms)));
  return std::nullopt;
}

Verdict App::Discover(const fs::path& own_folder) {
  const MonotonicTime start = clock_.Monotonic();
  const fs::path checkout = Folder();
  const PlanFiles files{own_folder / "report.xml",
                        own_folder / "unittest_program.py",
                        own_folder / "node_reporter.cjs",
                        config_.workspace / "build",
                        own_folder / "units.json",
                        own_folder / "share",
                        own_folder / "pytest"};
  const Result<Listing> listing = ListCheckout(checkout, request_.tests.path);
  Result<TestPlan> plan =
      listing ? MakePlan(request_.tests, *listing, files) : Result<TestPlan>(Fail(listing.error()));
  if (!plan && plan.error().code == ErrorCode::kNotFound) {
    if (summary_.shard) summary_.shard->plan = PlanDigest({}, {});
    return EvaluateNothingFound(request_.tests.allow_no_tests, plan.error().message);
  }
  if (!plan && plan.error().code == ErrorCode::kInvalidArgument) {
    return ConfigurationError(plan.error());
  }
  if (plan && request_.sharding.count > 1 && !CanBeSplit(*plan)) {
    return {RunnerExit::kConfiguration, api::reason::kConfigurationError,
            std::string(api::FrameworkName(plan->framework)) +
                " tests cannot be split; set sharding.count to 1, or give a command that splits "
                "itself by COMMITTEST_SHARD_INDEX and COMMITTEST_SHARD_COUNT"};
  }
  if (!plan) return {RunnerExit::kInternal, api::reason::kInternalError, plan.error().message};
  summary_.framework = api::FrameworkName(plan->framework);
  PrintPlan(*plan);
  TestRun run(processes_, clock_, console_, config_, environment_);
  TestRunEnd end = run.Run(*plan, request_, checkout, files);
  summary_.duration_ms = end.duration.count();
  summary_.stages.setup_ms = end.setup.count();
  if (end.started) {
    summary_.stages.discovery_ms = Between(start, *end.started).count();
    summary_.stages.report_ms = (Since(clock_, *end.started) - end.setup - end.duration).count();
  }
  summary_.counts = end.report.counts;
  summary_.failures = std::move(end.report.failures);
  summary_.failures_omitted = end.report.failures_omitted;
  if (end.shard) summary_.shard = end.shard;
  summary_.timings = std::move(end.timings);
  return end.verdict;
}

void App::Say(const std::string& line) {
  console_.Take(Redact(OneLine(Truncate(line, 1000))) + "\n");
}

void App::PrintSource() {
  Say("committest-runner " COMMITTEST_VERSION);
  Say("commit   " + request_.commit);
  Say("from     " + request_.url + (request_.ref.empty() ? "" : " (" + request_.ref + ")"));
}

void App::PrintPlan(const TestPlan& plan) {
  Say("tests    " + std::string(api::FrameworkName(plan.framework)) + ": " + plan.why);
  if (summary_.shard) {
    Say("shard    " + std::to_string(summary_.shard->index + 1) + " of " +
        std::to_string(summary_.shard->count));
  }
  if (!plan.beside.empty()) Say("not run  " + plan.beside);
  if (!plan.folder.empty()) Say("folder   " + plan.folder);
  for (const SetupStep& step : plan.setup) Say("first    " + Join(step.argv, " "));
  if (summary_.shard && !plan.list.empty()) Say("list     " + Join(plan.list, " "));
  Say("command  " + Join(summary_.shard && !plan.list.empty() ? plan.share : plan.argv, " "));
  Say("limit    " + FormatDuration(std::chrono::seconds(request_.timeout_seconds)));
  console_.Take("\n");
  console_.Advance();
}

void App::Conclude(const Verdict& verdict) {
  summary_.reason = verdict.reason;
  summary_.message = Redact(OneLine(Truncate(verdict.message, 1000)));
  const bool only_checked_out = part_ == Part::kCheckout && verdict.exit == RunnerExit::kPassed;
  if (!only_checked_out) PrintVerdict(verdict);
  console_.Flush(kFlushLimit);
  WriteSummary(summary_, config_.summary, console_);
  console_.Flush(kFlushLimit);
}

void App::PrintVerdict(const Verdict& verdict) {
  const api::TestCounts& counts = summary_.counts;
  console_.Take("\n");
  Say("committest: " + std::string(Word(verdict.exit)) + " (" + verdict.reason +
      "): " + summary_.message);
  Say("tests " + std::to_string(counts.total) + ": " + std::to_string(counts.passed) + " passed, " +
      std::to_string(counts.failed) + " failed, " + std::to_string(counts.errored) + " errored, " +
      std::to_string(counts.skipped) + " skipped; " +
      api::StagesText(summary_.stages, milliseconds(summary_.duration_ms)));
}

}  // namespace committest::runner
