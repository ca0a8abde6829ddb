#include "runner-image/test_run.h"

#include <algorithm>
#include <system_error>
#include <unistd.h>
#include <utility>

#include "common/api/reasons.h"
#include "common/base/strings.h"
#include "runner-image/disk_space.h"
#include "runner-image/go_test_stream.h"
#include "runner-image/libtest_output.h"
#include "runner-image/memory_events.h"
#include "runner-image/node_reporter.h"
#include "runner-image/output_limiter.h"
#include "runner-image/private_folder.h"
#include "runner-image/pytest_plugin.h"
#include "runner-image/rerun.h"
#include "runner-image/shard_units.h"
#include "runner-image/unittest_program.h"

namespace committest::runner {
namespace {

namespace fs = std::filesystem;

using std::chrono::milliseconds;

constexpr std::size_t kTailBytes = std::size_t{256} * 1024;
// CTest says about a kilobyte of each test.
constexpr std::size_t kMaxListingBytes = std::size_t{32} * 1024 * 1024;

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

// What a run that is split gives its tests beside, so that a command can split itself.
void AddShardVariables(Environment& variables, const api::RunRequest& request, std::int64_t index,
                       const TestPlan& plan, const PlanFiles& files) {
  variables["COMMITTEST_SHARD_INDEX"] = std::to_string(index);
  variables["COMMITTEST_SHARD_COUNT"] = std::to_string(request.sharding.count);
  if (plan.framework != api::Framework::kPytest) return;
  std::string& path = variables["PYTHONPATH"];
  path = files.pytest_folder + (path.empty() ? "" : ":" + path);
}

std::string ShareLine(const api::ShardReport& shard, const ShardPlan& plan,
                      const api::RunRequest& request, api::Framework framework) {
  std::string line = "committest: shard " + std::to_string(shard.index + 1) + " of " +
                     std::to_string(shard.count) + " has " + std::to_string(shard.units) + " of " +
                     std::to_string(shard.units_of_all) + " " + std::string(UnitWord(framework));
  if (request.sharding.strategy == api::ShardStrategy::kName) return line + ", split by name";
  if (plan.known == 0) return line + ", split by name, because no durations are known";
  return line + ", split by the durations known of " + std::to_string(plan.known);
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
  if (request.sharding.count > 1) {
    AddShardVariables(variables, request, config_.shard_index, plan, files);
  }
  variables_ = FormatEnvironment(variables);
  if (plan.framework == api::Framework::kUnittest) {
    WriteNewFile(files.unittest_program, UnittestProgram());
  }
  if (plan.framework == api::Framework::kPytest && request.sharding.count > 1) {
    fs::create_directory(files.pytest_folder);
    WriteNewFile(fs::path(files.pytest_folder) / "pytest_committest.py", PytestPlugin());
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

bool TestRun::RunSetup(const TestPlan& plan, OutputTarget& output, Evidence& evidence) {
  for (const SetupStep& step : plan.setup) {
    evidence.setup_step = step.name;
    const MonotonicTime start = clock_.Monotonic();
    evidence.end = RunStep(step.argv, output);
    if (!Succeeded(evidence.end)) return false;
    setup_ += std::chrono::duration_cast<milliseconds>(clock_.Monotonic() - start);
  }
  evidence.setup_step.clear();
  return true;
}

// The units, or why there are none; then `evidence` says how the listing ended.
Result<std::vector<Unit>> TestRun::ListUnits(const TestPlan& plan, const PlanFiles& files,
                                             Evidence& evidence) {
  CapturedOutput output(kMaxListingBytes);
  const MonotonicTime start = clock_.Monotonic();
  evidence.end = RunStep(plan.list, output);
  const ProcessEnd& end = evidence.end;
  Result<std::vector<Unit>> units = Fail(ErrorCode::kNotFound, "");
  if (plan.framework == api::Framework::kUnittest || plan.framework == api::Framework::kPytest) {
    // pytest ends with another code than 0 when a file cannot be imported: a unit that will fail.
    const Result<std::string> text = ReadPlainFile(files.units);
    if (text && end.exit_code && !end.timed_out && !end.terminated) {
      units = ReadUnits(plan.framework, *text);
    }
  } else if (Succeeded(end)) {
    units = ReadUnits(plan.framework, output.Text());
  }
  if (units) {
    setup_ += std::chrono::duration_cast<milliseconds>(clock_.Monotonic() - start);
    evidence.end.duration = milliseconds(0);
    return units;
  }
  const std::size_t shown = std::min(output.Text().size(), kTailBytes);
  console_.Take(std::string_view(output.Text()).substr(output.Text().size() - shown));
  // What pytest has reported when it gave the collection up; never a pass.
  auto report = ReadOwnReport(files.report);
  if (report && report->counts.failed + report->counts.errored > 0) {
    evidence.report = std::move(report);
  } else {
    const std::string& why = units.error().message;
    evidence.report = Fail(ErrorCode::kNotFound, "they could not be listed, so as to be split" +
                                                     (why.empty() ? "" : ": " + why));
  }
  return units;
}

// The command for this shard's units; empty when there is nothing to be run.
std::vector<std::string> TestRun::TakeShare(const TestPlan& plan, const api::RunRequest& request,
                                            const PlanFiles& files, Evidence& evidence) {
  Result<std::vector<Unit>> units = ListUnits(plan, files, evidence);
  if (!units) return {};
  units_ = *std::move(units);
  shard_plan_ = PlanShards(units_, request.sharding, request.timings);
  const auto index = static_cast<std::size_t>(config_.shard_index);
  shard_ = {config_.shard_index, request.sharding.count, PlanDigest(units_, shard_plan_),
            std::ranges::count(shard_plan_.shards, index),
            static_cast<std::int64_t>(units_.size())};
  console_.Take(ShareLine(*shard_, shard_plan_, request, plan.framework) + "\n\n");
  console_.Advance();
  if (shard_->units == 0) return {};
  fs::remove(files.report);  // pytest writes one of the listing, too.
  fs::remove(files.share);   // The modules that were imported could have made it.
  WriteNewFile(files.share, ShareText(plan.framework, units_, shard_plan_, index));
  return ShareCommand(plan, units_, shard_plan_, index);
}

// Everything of the evidence but the report.
Evidence TestRun::RunAll(const TestPlan& plan, const api::RunRequest& request,
                         const PlanFiles& files) {
  Evidence evidence{.framework = plan.framework,
                    .end = {},
                    .report = Fail(ErrorCode::kNotFound, "the tests were not started"),
                    .full_folder = {}};
  const std::int64_t oom_kills = ReadOomKills();
  Output output(console_, config_.output_limit_bytes);
  started_ = false;
  if (RunSetup(plan, output, evidence)) {
    const bool is_split = request.sharding.count > 1 && !plan.list.empty();
    const auto argv = is_split ? TakeShare(plan, request, files, evidence) : plan.argv;
    started_ = !argv.empty();
    if (started_) {
      output.ReadBy(reader_.get());
      evidence.end = RunStep(argv, output);
    }
  }
  output.Finish();
  evidence.oom_kills = ReadOomKills() - oom_kills;
  return evidence;
}

Result<JunitReport> TestRun::ReadReport(const TestPlan& plan, const PlanFiles& files) {
  if (reader_ != nullptr) return reader_->Report();
  if (plan.source == ReportSource::kOwnFile) {
    return ReadOwnReport(files.report, PartAttribute(plan.framework));
  }
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
    again.list.clear();
    again.argv = argv;
    Evidence second = RunAll(again, request, files);
    second.report = ReadReport(plan, files);
    evidence.end.duration += second.end.duration;
    evidence.end.terminated = second.end.terminated;
    auto merged = MergeRerun(*evidence.report, second);
    if (!merged) return;
    evidence.report = *std::move(merged);
    evidence.end.exit_code = second.end.exit_code;
  }
}

// ctest runs what it finds under the numbers that it is given, and says nothing when it finds none.
void TestRun::CheckShare(const TestPlan& plan, Evidence& evidence) const {
  if (!shard_ || plan.framework != api::Framework::kCTest || !evidence.report) return;
  std::int64_t expected = 0;
  for (std::size_t i = 0; i < units_.size(); ++i) {
    const bool is_ours = shard_plan_.shards[i] == static_cast<std::size_t>(shard_->index);
    expected += is_ours ? std::ssize(units_[i].numbers) : 0;
  }
  if (evidence.report->counts.total == expected) return;
  evidence.report =
      Fail(ErrorCode::kDataLoss, "the report has " + std::to_string(evidence.report->counts.total) +
                                     " tests, this shard has " + std::to_string(expected));
}

Verdict TestRun::Judge(const Evidence& evidence) const {
  if (!shard_ || shard_->units > 0) return Evaluate(evidence);
  return EvaluateNothingFound(evidence.allow_no_tests,
                              "this shard has none of the " + std::to_string(shard_->units_of_all) +
                                  " " + std::string(UnitWord(evidence.framework)));
}

// Of a command, and of tests that could not be listed.
api::ShardReport TestRun::WithoutUnits(const TestPlan& plan, const api::RunRequest& request) const {
  const bool is_command = plan.framework == api::Framework::kCommand;
  return {config_.shard_index, request.sharding.count,
          is_command ? CommandDigest(plan.argv) : PlanDigest({}, {}), 0, 0};
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
  Evidence evidence = RunAll(plan, request, files);
  evidence.allow_no_tests = request.tests.allow_no_tests;
  evidence.time_limit = std::chrono::seconds(request.timeout_seconds);
  if (started_) evidence.report = ReadReport(plan, files);
  CheckShare(plan, evidence);
  if (started_) RunFailedAgain(plan, request, files, evidence);
  evidence.full_folder = FullFolder({config_.temporary, checkout});
  result.duration = evidence.end.duration;
  result.setup = setup_;
  result.verdict = Judge(evidence);
  if (evidence.report) result.report = *std::move(evidence.report);
  MakeFilesRelative(result.report, checkout);
  if (shard_) {
    result.timings =
        TimingsOf(units_, shard_plan_, static_cast<std::size_t>(shard_->index), result.report);
  }
  result.shard = shard_;
  if (!shard_ && request.sharding.count > 1 && evidence.setup_step.empty()) {
    result.shard = WithoutUnits(plan, request);
  }
  return result;
}

}  // namespace committest::runner
