#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "common/api/run_request.h"

namespace committest::runner {

/// What discovery looks at: a part of the checkout, as plain data. Paths are relative to the
/// checkout with '/' between parts; symbolic links are not followed and not listed.
struct Listing {
  bool path_exists = false;  ///< `tests.path`, as a folder or a regular file.
  bool path_is_file = false;
  std::vector<std::string> path_files;    ///< Regular files at or below `tests.path`, sorted.
  std::vector<std::string> root_files;    ///< Regular files directly in the checkout, sorted.
  std::vector<std::string> root_folders;  ///< Folders directly in the checkout, sorted.
  /// The start of those of `ConfigurationFileNames` and `ContentFileNames` that are there, by path.
  std::map<std::string, std::string> configuration;
};

/// Where the runner keeps what it makes for a run, outside the checkout.
struct PlanFiles {
  std::string report;            ///< Where a framework is to write its JUnit report.
  std::string unittest_program;  ///< The program of unittest_program.h.
  std::string node_reporter;     ///< The program of node_reporter.h.
  std::string build_folder;      ///< For what CMake builds.
  /// Of a run that is split: what the listing writes, and which units the run is to take.
  std::string units = {};
  std::string share = {};
  std::string pytest_folder = {};  ///< For the plugin of pytest_plugin.h, and nothing else.
};

/// What says how the tests ended, beside their exit code.
enum class ReportSource {
  kOwnFile,       ///< The JUnit report at `PlanFiles::report`.
  kFiles,         ///< The JUnit reports that match `TestPlan::report_globs`.
  kGoTestStream,  ///< The events that `go test -json` prints.
  kLibtestOutput  ///< What Rust's test programs print.
};

/// What has to succeed before the tests can start.
struct SetupStep {
  std::string name;  ///< One word for people: "configure", "build", "install".
  std::vector<std::string> argv;
};

/// What is to be run.
struct TestPlan {
  api::Framework framework = api::Framework::kUnittest;  ///< Never kAuto.
  std::vector<std::string> argv;
  ReportSource source = ReportSource::kOwnFile;
  std::string why;                             ///< One line for people: what was found.
  std::string beside = {};                     ///< What else was found and not chosen, or empty.
  std::string folder = {};                     ///< Where it runs: "" or a folder of the checkout.
  std::vector<SetupStep> setup = {};           ///< In this order, before `argv`.
  std::vector<std::string> report_globs = {};  ///< For kFiles, relative to the checkout.
  std::size_t max_report_files = 64;           ///< For kFiles.
  std::map<std::string, std::string> environment = {};  ///< Set unless set already.
  /// What runs the tests that are named behind it, and no others; empty: the framework cannot.
  std::vector<std::string> rerun = {};
  /// What lists the units of the tests, and what runs a share of them (shard_units.h); empty: they
  /// cannot be split.
  std::vector<std::string> list = {};
  std::vector<std::string> share = {};
  std::string module = {};  ///< For kGoTestStream: the path that go.mod names.
};

}  // namespace committest::runner
