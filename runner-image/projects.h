#pragma once

#include <string>
#include <vector>

#include "common/base/result.h"
#include "runner-image/test_plan.h"

namespace committest::runner {

/// A project of a compiled language or of JavaScript that a file of the checkout announces.
struct Project {
  api::Framework framework = api::Framework::kCTest;
  std::string folder;   ///< "" for the checkout itself, else `tests.path`.
  std::string file;     ///< The file that announces it, relative to the checkout.
  std::string problem;  ///< Why it cannot be run without configuration, or empty.
};

/// The files that announce a project, in the order in which `Auto` takes them: CMakeLists.txt,
/// go.mod, Cargo.toml, pom.xml, package.json.
const std::vector<std::string>& ProjectFileNames();

/// Those of them that discovery wants the content of.
const std::vector<std::string>& ContentFileNames();

/// The projects at the top of the checkout, in the order of `ProjectFileNames`, and then those in
/// the folder `path`; of each framework the first. Pure.
std::vector<Project> FindProjects(const std::string& path, const Listing& listing);

/// How the tests of `project` are run. `why` is left empty. Pure. REQUIRES: `project.problem` is
/// empty.
///
/// | framework | before the tests                         | tests                  | evidence         |
/// |-----------|------------------------------------------|------------------------|------------------|
/// | CTest     | cmake -S . -B …; cmake --build …         | ctest --output-junit … | that report      |
/// | GoTest    |                                          | go test -json ./...    | its events       |
/// | Cargo     | cargo test --no-run                      | cargo test             | libtest's output |
/// | Maven     |                                          | mvn test               | Surefire's files |
/// | Npm       | npm ci, where modules are to be fetched  | npm test               | a JUnit reporter |
TestPlan PlanProject(const Project& project, const Listing& listing, const PlanFiles& files);

}  // namespace committest::runner
