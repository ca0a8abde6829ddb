#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/api/run_request.h"
#include "common/base/clock.h"
#include "runner-image/config.h"
#include "runner-image/environment.h"
#include "runner-image/evaluate.h"
#include "runner-image/output_reader.h"
#include "runner-image/output_stream.h"
#include "runner-image/process.h"
#include "runner-image/report_files.h"
#include "runner-image/shard_plan.h"
#include "runner-image/test_plan.h"

namespace committest::runner {

/// How a plan's tests ended.
struct TestRunEnd {
  Verdict verdict;
  JunitReport report;                     ///< Empty when there is no valid one.
  std::chrono::milliseconds duration{0};  ///< Of the tests; of the step that failed before them.
  std::chrono::milliseconds setup{0};     ///< Of the steps before them that succeeded.
  std::optional<MonotonicTime> started;   ///< When the first step began, if one did.
  /// Of a run that is split and came to a plan.
  std::optional<api::ShardReport> shard;
  api::UnitTimings timings;
};

/// Carries one plan out: the steps before the tests, the tests, and what they left.
///
/// `timeoutSeconds` is the limit of all of them together, and of failing tests that are run again.
/// The steps and the tests see the same environment and the same folder; a step that does not
/// succeed is the last one. Used once.
///
/// Of a run that is split, the units of the tests are listed between the steps and the tests, and only
/// this shard's are run. When they cannot be listed, how the listing ended is the evidence.
class TestRun {
 public:
  /// `environment` is the container's. All of them must outlive this object.
  TestRun(ProcessRunner& processes, const Clock& clock, OutputStream& console, const Config& config,
          const Environment& environment);
  ~TestRun();

  /// Throws std::system_error when the runner cannot write its own files.
  TestRunEnd Run(const TestPlan& plan, const api::RunRequest& request,
                 const std::filesystem::path& checkout, const PlanFiles& files);

 private:
  class Output;

  void Prepare(const TestPlan& plan, const api::RunRequest& request,
               const std::filesystem::path& checkout, const PlanFiles& files);
  ProcessEnd RunStep(const std::vector<std::string>& argv, OutputTarget& output);
  Evidence RunAll(const TestPlan& plan, const api::RunRequest& request, const PlanFiles& files);
  bool RunSetup(const TestPlan& plan, OutputTarget& output, Evidence& evidence);
  std::vector<std::string> TakeShare(const TestPlan& plan, const api::RunRequest& request,
                                     const PlanFiles& files, Evidence& evidence);
  Result<std::vector<Unit>> ListUnits(const TestPlan& plan, const PlanFiles& files,
                                      Evidence& evidence);
  void CheckShare(const TestPlan& plan, Evidence& evidence) const;
  api::ShardReport WithoutUnits(const TestPlan& plan, const api::RunRequest& request) const;
  Verdict Judge(const Evidence& evidence) const;
  void RunFailedAgain(const TestPlan& plan, const api::RunRequest& request, const PlanFiles& files,
                      Evidence& evidence);
  Result<JunitReport> ReadReport(const TestPlan& plan, const PlanFiles& files);

  ProcessRunner& processes_;
  const Clock& clock_;
  OutputStream& console_;
  const Config& config_;
  const Environment& environment_;
  std::filesystem::path checkout_;
  std::filesystem::path folder_;
  std::vector<std::string> variables_;
  MonotonicTime deadline_;
  std::chrono::milliseconds setup_{0};
  FileStamps before_;
  std::unique_ptr<OutputReader> reader_;
  bool started_ = false;  ///< The tests were.
  std::optional<api::ShardReport> shard_;
  std::vector<Unit> units_;
  ShardPlan shard_plan_;
};

}  // namespace committest::runner
