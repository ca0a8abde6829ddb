#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/api/run_request.h"
#include "common/base/result.h"

namespace committest::runner {

/// What discovery looks at: a part of the checkout, as plain data. Paths are relative to the
/// checkout with '/' between parts; symbolic links are not followed and not listed.
struct Listing {
  bool path_exists = false;  ///< `tests.path`, as a folder or a regular file.
  bool path_is_file = false;
  std::vector<std::string> path_files;  ///< Regular files at or below `tests.path`, sorted.
  std::vector<std::string> root_files;  ///< Regular files directly in the checkout, sorted.
  /// The start of those of pytest's configuration files that are there, by name.
  std::map<std::string, std::string> configuration;
};

/// The files that discovery wants the content of: where pytest may be configured.
const std::vector<std::string>& ConfigurationFileNames();

/// `path` without empty parts and "."; "." for the checkout itself.
std::string NormalPath(std::string_view path);

/// Files that the runner makes for a run, in a folder of its own.
struct PlanFiles {
  std::string report;            ///< Where unittest or pytest is to write its JUnit report.
  std::string unittest_program;  ///< The program of unittest_program.h.
};

/// What is to be run.
struct TestPlan {
  api::Framework framework = api::Framework::kUnittest;  ///< Never kAuto.
  std::vector<std::string> argv;
  bool own_report = true;  ///< The report is `PlanFiles::report`; else `tests.reportPaths` say.
  std::string why;         ///< One line for people: what was found.
};

/// Decides what to run. Pure and total.
///
/// `Auto` is pytest when the repository configures it (pytest.ini, .pytest.ini, a [tool.pytest…]
/// table in pyproject.toml, [tool:pytest] in setup.cfg, [pytest] in tox.ini, or a conftest.py at
/// the top or in the tests' folder), else unittest when the tests' folder holds a test*.py. pytest
/// configured without that folder runs as pytest itself would find its tests.
///
/// kNotFound: there is nothing to run; the message says what was looked for.
Result<TestPlan> MakePlan(const api::TestsSpec& tests, const Listing& listing,
                          const PlanFiles& files);

}  // namespace committest::runner
