#include "runner-image/test_run.h"

#include <algorithm>
#include <system_error>
#include <unistd.h>
#include <utility>

#include "common/api/reasons.h"
#include "runner-image/disk_space.h"
#include "runner-image/go_test_stream.h"
#include "runner-image/libtest_output.h"
#include "runner-image/memory_events.h"
#include "runner-image/node_reporter.h"
#include "runner-image/output_limiter.h"
#include "runner-image/private_folder.h"
#include "runner-image/rerun.h"
#include "runner-image/unittest_program.h"

namespace committest::runner {
namespace {

namespace fs = std::filesystem;

using std::chrono::milliseconds;

constexpr std::size_t kTailBytes = std::size_t{256} * 1024;

// Whether `folder`, or what it would be made in, can be written to.
bool IsWritable(const std::string& folder) {
  fs::path path = folder;
  std::error_code error;
  while (!fs::exists(path, error) && path.has_relative_path()) path = path.parent_path();
  return access(path.c_str(), W_OK) == 0;
}

std::unique_ptr<OutputReader> ReaderOf(const TestPlan& plan) {
  if (plan.source == ReportSource::kGoTestStream)
    return std::make_unique<GoTestStream>(plan.module);
  if (plan.source == ReportSource::kLibtestOutput) return std::make_unique<LibtestOutput>();
  return nullptr;
}

void AddPlanVariables(Environment& variables, const TestPlan& plan) {
  for (const auto& [name, value] : plan.environment) {
    const auto [set, is_new] = variables.emplace(name, value);
    // Options of Node.js go beside those that are there: without ours there is no report.
    if (!is_new && name == "NODE_OPTIONS") set->second += " " + value;
  }
}

bool Succeeded(const ProcessEnd& end) {
  return end.Started() && end.exit_code == 0 && !end.timed_out && !end.terminated;
}

// Files of failures relative to the checkout, where they are named by their whole path.
void MakeFilesRelative(JunitReport& report, const fs::path& checkout) {
  const std::string prefix = checkout.string() + "/";
  for (api::TestFailure& failure : report.failures) {
    if (failure.file.starts_with(prefix)) failure.file.erase(0, prefix.size());
  }
}

}  // namespace

// The output on its way to the console: read for the report, its middle left out when it is too
// long.
class TestRun::Output final : public OutputTarget {
 public:
  Output(OutputStream& console, std::uint64_t head_bytes)
      : console_(console),
        limiter_(head_bytes, kTailBytes, [this](std::string_view text) { console_.Take(text); }) {}

  /// What follows goes through `reader`, unless it is nullptr.
  void ReadBy(OutputReader* reader) { reader_ = reader; }
  void Take(std::string_view bytes) override {
    reader_ == nullptr ? limiter_.Feed(bytes) : limiter_.Feed(reader_->Read(bytes));
  }
  int BlockedOn() const override { return console_.BlockedOn(); }
  void Advance() override { console_.Advance(); }
  void Finish() {
    if (reader_ != nullptr) limiter_.Feed(reader_->Finish());
    limiter_.Finish();
  }

 private:
  OutputStream& console_;
  OutputLimiter limiter_;
  OutputReader* reader_ = nullptr;
};

TestRun::TestRun(ProcessRunner& processes, const Clock& clock, OutputStream& console,
                 const Config& config, const Environment& environment)
    : processes_(processes),
      clock_(clock),
      console_(console),
      config_(config),
      environment_(environment) {}

TestRun::~TestRun() = default;

void TestRun::Prepare(const TestPlan& plan, const api::RunRequest& request,
                      const fs::path& checkout, const PlanFiles& files) {
  checkout_ = checkout;
  folder_ = checkout / plan.folder;
  const fs::path home = config_.temporary / "home";
  fs::create_directories(home);
  Environment variables =
      ToolEnvironment(TestEnvironment(environment_, home.string(), request.commit), plan.framework,
                      home.string(), IsWritable);
  AddPlanVariables(variables, plan);
  variables_ = FormatEnvironment(variables);
  if (plan.framework == api::Framework::kUnittest) {
    WriteNewFile(files.unittest_program, UnittestProgram());
  }
  if (plan.framework == api::Framework::kNpm) WriteNewFile(files.node_reporter, NodeReporter());
  // A container that starts again in its Pod finds the last try's.
  if (plan.framework == api::Framework::kCTest) fs::remove_all(files.build_folder);
  deadline_ = clock_.Monotonic() + std::chrono::seconds(request.timeout_seconds);
}

ProcessEnd TestRun::RunStep(const std::vector<std::string>& argv, OutputTarget& output) {
  const auto left = std::chrono::ceil<milliseconds>(deadline_ - clock_.Monotonic());
  return processes_.Run({argv, variables_, folder_.string()},
                        {std::max(left, milliseconds(0)), config_.grace}, output);
}

// Everything of the evidence but the report.
Evidence TestRun::RunAll(const TestPlan& plan) {
  Evidence evidence{.framework = plan.framework,
                    .end = {},
                    .report = Fail(ErrorCode::kNotFound, "the tests were not started"),
                    .full_folder = {}};
  const std::int64_t oom_kills = ReadOomKills();
  Output output(console_, config_.output_limit_bytes);
  for (const SetupStep& step : plan.setup) {
    evidence.setup_step = step.name;
    const MonotonicTime start = clock_.Monotonic();
    evidence.end = RunStep(step.argv, output);
    if (!Succeeded(evidence.end)) break;
    setup_ += std::chrono::duration_cast<milliseconds>(clock_.Monotonic() - start);
    evidence.setup_step.clear();
  }
  if (evidence.setup_step.empty()) {
    output.ReadBy(reader_.get());
    evidence.end = RunStep(plan.argv, output);
  }
  output.Finish();
  evidence.oom_kills = ReadOomKills() - oom_kills;
  return evidence;
}

Result<JunitReport> TestRun::ReadReport(const TestPlan& plan, const PlanFiles& files) {
  if (reader_ != nullptr) return reader_->Report();
  if (plan.source == ReportSource::kOwnFile) return ReadOwnReport(files.report);
  return ReadReports(checkout_, plan.report_globs, before_, plan.max_report_files);
}

// As often as the request says, as long as there is something to gain: what cannot be believed of a
// rerun changes nothing of what the first run has shown.
void TestRun::RunFailedAgain(const TestPlan& plan, const api::RunRequest& request,
                             const PlanFiles& files, Evidence& evidence) {
  for (std::int64_t rerun = 1; rerun <= request.failed_test_reruns; ++rerun) {
    if (Evaluate(evidence).reason != api::reason::kTestsFailed) return;
    const auto argv = RerunCommand(plan, *evidence.report);
    if (argv.empty() || clock_.Monotonic() >= deadline_) return;
    console_.Take("\ncommittest: rerun " + std::to_string(rerun) + " of the failed tests alone\n");
    std::error_code error;
    fs::remove(files.report, error);
    if (error) return;
    TestPlan again = plan;
    again.setup.clear();
    again.argv = argv;
    Evidence second = RunAll(again);
    second.report = ReadReport(plan, files);
    evidence.end.duration += second.end.duration;
    evidence.end.terminated = second.end.terminated;
    auto merged = MergeRerun(*evidence.report, second);
    if (!merged) return;
    evidence.report = *std::move(merged);
    evidence.end.exit_code = second.end.exit_code;
  }
}

TestRunEnd TestRun::Run(const TestPlan& plan, const api::RunRequest& request,
                        const fs::path& checkout, const PlanFiles& files) {
  TestRunEnd result;
  Prepare(plan, request, checkout, files);
  if (plan.source == ReportSource::kFiles) {
    Result<FileStamps> found = FindReports(checkout, plan.report_globs);
    if (!found) {
      result.verdict = {api::RunnerExit::kInternal, api::reason::kInternalError,
                        found.error().message};
      return result;
    }
    before_ = *std::move(found);
  }
  reader_ = ReaderOf(plan);
  result.started = clock_.Monotonic();
  Evidence evidence = RunAll(plan);
  evidence.allow_no_tests = request.tests.allow_no_tests;
  evidence.time_limit = std::chrono::seconds(request.timeout_seconds);
  if (evidence.setup_step.empty()) evidence.report = ReadReport(plan, files);
  RunFailedAgain(plan, request, files, evidence);
  evidence.full_folder = FullFolder({config_.temporary, checkout});
  result.duration = evidence.end.duration;
  result.setup = setup_;
  result.verdict = Evaluate(evidence);
  if (evidence.report) result.report = *std::move(evidence.report);
  MakeFilesRelative(result.report, checkout);
  return result;
}

}  // namespace committest::runner
