#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/api/run_request.h"
#include "common/base/result.h"
#include "runner-image/test_plan.h"

namespace committest::runner {

/// The files that discovery wants the content of: where pytest may be configured.
const std::vector<std::string>& ConfigurationFileNames();

/// `path` without empty parts and "."; "." for the checkout itself.
std::string NormalPath(std::string_view path);

/// Decides what to run. Pure and total.
///
/// `Auto` is pytest when the repository configures it (pytest.ini, .pytest.ini, a [tool.pytest…]
/// table in pyproject.toml, [tool:pytest] in setup.cfg, [pytest] in tox.ini, or a conftest.py at
/// the top or in the tests' folder), else unittest when the tests' folder holds a test*.py, else the
/// first of `FindProjects` that can be run. pytest configured without that folder runs as pytest
/// itself would find its tests.
///
/// kNotFound: there is nothing to run; the message says what was looked for. kInvalidArgument: the
/// framework that was asked for cannot run this project without configuration.
Result<TestPlan> MakePlan(const api::TestsSpec& tests, const Listing& listing,
                          const PlanFiles& files);

}  // namespace committest::runner
