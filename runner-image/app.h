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
#include "runner-image/signal_inbox.h"

namespace committest::runner {

/// Which part of a run a process does.
enum class Part {
  kAll,
  kCheckout,  ///< In a container of its own, which alone has credentials: check out, hand over.
  kTests,     ///< In the next one, of any image: take over, run the tests.
};

/// One run, from the request to the summary: parse, check out, discover, run, read the reports,
/// evaluate, and say it. Every way through ends with a summary and an exit code of the contract.
/// Used once; one thread.
class App {
 public:
  /// `environment` is the container's; `console` is standard output.
  App(Part part, Environment environment, const Clock& clock, OutputStream& console);

  /// The exit code. Total: whatever is thrown becomes kInternal.
  int Run();

 private:
  Verdict Execute();
  Verdict ExecuteCheckout();
  Verdict ExecuteTests();
  Verdict ExecuteAll();
  Verdict Discover(const std::filesystem::path& own_folder);
  std::optional<Verdict> CheckOut(const std::filesystem::path& own_folder);
  std::filesystem::path Folder() const { return config_.workspace / "checkout"; }
  void Say(const std::string& line);
  void PrintSource();
  void PrintPlan(const TestPlan& plan);
  void PrintVerdict(const Verdict& verdict);
  void Conclude(const Verdict& verdict);

  Part part_;
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
