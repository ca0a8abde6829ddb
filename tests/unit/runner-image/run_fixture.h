#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "common/api/exit_codes.h"
#include "common/api/run_request.h"
#include "common/api/run_summary.h"
#include "tests/support/command.h"
#include "tests/support/git_server.h"
#include "tests/support/temporary_folder.h"

namespace committest::runner {

/// How a run of the real program ended.
struct RunEnd {
  testing::CommandEnd process;
  std::string termination_log;
  api::RunSummary summary;  ///< Empty when the termination log cannot be parsed.

  const std::string& output() const { return process.output; }
};

/// Runs the real committest-runner as a child process against a real Git server on loopback, with a
/// workspace and a temporary folder of its own.
class RunTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite();
  static void TearDownTestSuite();

  /// One commit with these files in a new repository, as a request for it.
  api::RunRequest RequestFor(const std::map<std::string, std::string>& files);
  /// The request of `RequestFor`, run.
  RunEnd RunFiles(const std::map<std::string, std::string>& files);
  /// `RunFiles` with a command, its arguments, and the default report paths.
  RunEnd RunFilesWith(const std::map<std::string, std::string>& files,
                      std::vector<std::string> command);
  RunEnd Run(const api::RunRequest& request);
  /// What the program is started in; each needs root.
  enum class Prefix {
    kInit,            ///< As PID 1 of a PID namespace of its own, as in a container.
    kOrdinaryUser,    ///< As user and group 10001, as in the product's Pods.
    kSmallTemporary,  ///< With 128 KiB for temporary files.
    kSmallWorkspace,  ///< With 512 KiB for the checkout.
  };
  /// `Run` in all of these, the first outermost.
  RunEnd RunBehind(const api::RunRequest& request, const std::vector<Prefix>& prefixes);
  /// Skips the test where this process may not make namespaces.
  static void RequireNamespaces();
  /// Removes a tree that is too deep for the standard library.
  static void RemoveAll(const std::filesystem::path& folder);
  /// Starts the program, for tests that act while it runs; `Finish` waits for it.
  std::unique_ptr<testing::Command> Start(const api::RunRequest& request,
                                          std::vector<std::string> prefix = {},
                                          std::vector<std::string> program = {COMMITTEST_RUNNER});
  RunEnd Finish(testing::Command& command);

  /// A request without a repository behind it.
  static api::RunRequest RequestOf(const std::string& url, const std::string& commit);
  std::filesystem::path File(const std::string& name) const { return folder_.path() / name; }

  testing::GitServer& server() { return *server_; }
  /// Extra variables of the runner's environment.
  std::map<std::string, std::string> environment_;

 private:
  std::vector<std::string> Words(Prefix prefix) const;
  void GiveFoldersTo(unsigned user) const;

  static std::unique_ptr<testing::GitServer> server_;
  static int repositories_;
  testing::TemporaryFolder folder_;
};

/// Expects this exit code and this reason, and that every outcome has a message. Prints the run's
/// output when it differs.
void ExpectEnd(const RunEnd& end, api::RunnerExit exit, const std::string& reason);

/// Whether a process whose command line contains `marker` is alive.
bool IsProcessAlive(const std::string& marker);

}  // namespace committest::runner
