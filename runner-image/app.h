#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>

#include "common/api/run_request.h"
#include "common/api/run_summary.h"
#include "common/base/clock.h"
#include "runner-image/config.h"
#include "runner-image/discover.h"
#include "runner-image/environment.h"
#include "runner-image/evaluate.h"
#include "runner-image/output_stream.h"
#include "runner-image/process.h"
#include "runner-image/report_files.h"
#include "runner-image/signal_inbox.h"

namespace committest::runner {

/// One run, from the request to the summary: parse, check out, discover, run, read the reports,
/// evaluate, and say it. Every way through ends with a summary and an exit code of the contract.
/// Used once; one thread.
class App {
 public:
  /// `environment` is the container's; `console` is standard output.
  App(Environment environment, const Clock& clock, OutputStream& console);

  /// The exit code. Total: whatever is thrown becomes kInternal.
  int Run();

 private:
  Verdict Execute();
  Verdict RunCheckedOut(const std::filesystem::path& checkout,
                        const std::filesystem::path& own_folder);
  Verdict RunPlan(const TestPlan& plan, const std::filesystem::path& checkout,
                  const PlanFiles& files);
  std::optional<Verdict> CheckOut(const std::filesystem::path& checkout,
                                  const std::filesystem::path& own_folder);
  Result<JunitReport> ReadReport(const TestPlan& plan, const std::filesystem::path& checkout,
                                 const PlanFiles& files, const FileStamps& before);
  ProcessEnd RunTests(const TestPlan& plan, const std::filesystem::path& checkout);
  void Say(const std::string& line);
  void PrintPlan(const TestPlan& plan);
  void Conclude(const Verdict& verdict);

  Environment environment_;
  const Clock& clock_;
  OutputStream& console_;
  SignalInbox signals_;
  ProcessRunner processes_;
  Config config_;
  api::RunRequest request_;
  api::RunSummary summary_;
};

}  // namespace committest::runner
