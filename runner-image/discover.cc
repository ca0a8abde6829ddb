#include "runner-image/discover.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include "common/base/glob.h"
#include "common/base/strings.h"
#include "runner-image/projects.h"

namespace committest::runner {
namespace {

using api::Framework;
using api::TestsSpec;

std::string BaseName(std::string_view path) {
  return std::string(path.substr(path.rfind('/') + 1));  // npos + 1 is 0.
}

// An argument that begins with '-' would be taken for an option.
std::string AsArgument(const std::string& path) {
  return path.starts_with('-') ? "./" + path : path;
}

// Whether an INI or TOML text has a section whose header, without blanks, starts with `header`.
bool HasSection(std::string_view text, std::string_view header) {
  for (const std::string& line : Split(text, '\n')) {
    std::string squeezed;
    std::ranges::copy_if(line, std::back_inserter(squeezed),
                         [](char c) { return c != ' ' && c != '\t' && c != '\r'; });
    if (squeezed.starts_with(header)) return true;
  }
  return false;
}

bool Configures(const std::string& name, std::string_view text) {
  if (name == "pytest.ini" || name == ".pytest.ini") return true;
  if (name == "pyproject.toml") {
    return HasSection(text, "[tool.pytest.") || HasSection(text, "[tool.pytest]");
  }
  if (name == "setup.cfg") return HasSection(text, "[tool:pytest]");
  return name == "tox.ini" && HasSection(text, "[pytest]");
}

// Where the repository configures pytest, or nullopt.
std::optional<std::string> PytestConfiguration(const TestsSpec& tests, const Listing& listing) {
  for (const std::string& name : ConfigurationFileNames()) {
    const auto file = listing.configuration.find(name);
    if (file != listing.configuration.end() && Configures(name, file->second)) return name;
  }
  if (std::ranges::binary_search(listing.root_files, "conftest.py")) return "conftest.py";
  std::string inner = tests.path + "/conftest.py";
  if (std::ranges::binary_search(listing.path_files, inner)) return inner;
  return std::nullopt;
}

std::optional<std::string> FirstTestFile(const Listing& listing) {
  if (listing.path_is_file) {
    return listing.path_files.empty() ? std::nullopt : std::optional(listing.path_files.front());
  }
  const auto found = std::ranges::find_if(listing.path_files, [](const std::string& file) {
    return GlobMatches("test*.py", BaseName(file));
  });
  return found == listing.path_files.end() ? std::nullopt : std::optional(*found);
}

TestPlan PytestPlan(const PlanFiles& files, const std::string& path, std::string why) {
  // xunit1 is the report family that names each test's file; the cache would only be thrown away.
  TestPlan plan{Framework::kPytest,
                {"python3", "-m", "pytest", "--junitxml=" + files.report, "-o",
                 "junit_family=xunit1", "-p", "no:cacheprovider"},
                ReportSource::kOwnFile,
                std::move(why)};
  plan.rerun = plan.argv;
  const std::vector<std::string> plugin = {"-p", "pytest_committest"};
  plan.list = plan.share = plan.argv;
  for (auto* argv : {&plan.list, &plan.share})
    argv->insert(argv->end(), plugin.begin(), plugin.end());
  plan.list.insert(plan.list.end(),
                   {"--committest-list=" + files.units, "--collect-only", "--quiet"});
  plan.share.push_back("--committest-share=" + files.share);
  if (!path.empty()) {
    for (auto* argv : {&plan.argv, &plan.list, &plan.share}) argv->push_back(AsArgument(path));
  }
  return plan;
}

TestPlan UnittestPlan(const TestsSpec& tests, const PlanFiles& files, std::string why) {
  TestPlan plan{Framework::kUnittest,
                {"python3", files.unittest_program, files.report, tests.path},
                ReportSource::kOwnFile,
                std::move(why)};
  plan.rerun = plan.argv;
  plan.list = {"python3", files.unittest_program, "--list", files.units, tests.path};
  plan.share = {"python3",   files.unittest_program, "--share",
                files.share, files.report,           tests.path};
  return plan;
}

tl::unexpected<Error> NothingThere(const TestsSpec& tests) {
  return Fail(ErrorCode::kNotFound, "the commit has no " + tests.path);
}

// A plan when the repository configures pytest: without the tests' folder pytest's own settings say
// where the tests are.
std::optional<TestPlan> ConfiguredPytest(const TestsSpec& tests, const Listing& listing,
                                         const PlanFiles& files) {
  const auto place = PytestConfiguration(tests, listing);
  if (!place) return std::nullopt;
  if (listing.path_exists) return PytestPlan(files, tests.path, *place + " configures pytest");
  return PytestPlan(files, "",
                    *place + " configures pytest; there is no " + tests.path +
                        ", so pytest finds its tests itself");
}

std::string NameOf(const Project& project) {
  return project.file + " (" + std::string(api::FrameworkName(project.framework)) + ")";
}

// What was found beside the plan, in one line.
std::string Beside(const std::vector<Project>& projects, const Project* chosen) {
  std::vector<std::string> names;
  for (const Project& project : projects) {
    if (&project == chosen) continue;
    names.push_back(NameOf(project) + (project.problem.empty() ? "" : ": " + project.problem));
  }
  return Join(names, "; ");
}

std::optional<TestPlan> PythonPlan(const TestsSpec& tests, const Listing& listing,
                                   const PlanFiles& files) {
  if (auto plan = ConfiguredPytest(tests, listing, files)) return plan;
  const auto test = FirstTestFile(listing);
  if (!test) return std::nullopt;
  return UnittestPlan(tests, files, *test + " found, and nothing configures pytest");
}

Result<TestPlan> AutoPlan(const TestsSpec& tests, const Listing& listing, const PlanFiles& files) {
  const std::vector<Project> projects = FindProjects(tests.path, listing);
  if (auto plan = PythonPlan(tests, listing, files)) {
    plan->beside = Beside(projects, nullptr);
    return *std::move(plan);
  }
  const auto first = std::ranges::find_if(
      projects, [](const Project& project) { return project.problem.empty(); });
  if (first != projects.end()) {
    TestPlan plan = PlanProject(*first, listing, files);
    plan.why = first->file + " found, and no Python tests";
    plan.beside = Beside(projects, &*first);
    return plan;
  }
  std::string message = "looked for a pytest configuration (" +
                        Join(ConfigurationFileNames(), ", ") + ", conftest.py), for test*.py in " +
                        tests.path + (listing.path_exists ? "" : ", which does not exist") +
                        ", and for " + Join(ProjectFileNames(), ", ") + "; found ";
  message += projects.empty() ? "none" : Beside(projects, nullptr);
  return Fail(ErrorCode::kNotFound, std::move(message));
}

Result<TestPlan> ProjectOnly(const TestsSpec& tests, const Listing& listing,
                             const PlanFiles& files) {
  const std::vector<Project> projects = FindProjects(tests.path, listing);
  const auto found = std::ranges::find_if(
      projects, [&](const Project& project) { return project.framework == tests.framework; });
  if (found == projects.end()) {
    return Fail(ErrorCode::kNotFound,
                "tests.framework is " + std::string(api::FrameworkName(tests.framework)) +
                    ", but neither the top of the checkout nor " + tests.path + " has its file (" +
                    Join(ProjectFileNames(), ", ") + ")");
  }
  if (!found->problem.empty()) {
    return Fail(ErrorCode::kInvalidArgument, found->file + ": " + found->problem);
  }
  TestPlan plan = PlanProject(*found, listing, files);
  plan.why = "asked for by tests.framework";
  return plan;
}

Result<TestPlan> PytestOnly(const TestsSpec& tests, const Listing& listing,
                            const PlanFiles& files) {
  if (listing.path_exists) return PytestPlan(files, tests.path, "asked for by tests.framework");
  if (auto plan = ConfiguredPytest(tests, listing, files)) return *std::move(plan);
  return NothingThere(tests);
}

}  // namespace

const std::vector<std::string>& ConfigurationFileNames() {
  static const std::vector<std::string> kNames = {"pytest.ini", ".pytest.ini", "pyproject.toml",
                                                  "setup.cfg", "tox.ini"};
  return kNames;
}

std::string NormalPath(std::string_view path) {
  std::vector<std::string> parts = Split(path, '/');
  std::erase_if(parts, [](const std::string& part) { return part.empty() || part == "."; });
  return parts.empty() ? "." : Join(parts, "/");
}

Result<TestPlan> MakePlan(const TestsSpec& tests, const Listing& listing, const PlanFiles& files) {
  TestsSpec spec = tests;
  spec.path = NormalPath(tests.path);
  switch (spec.framework) {
    case Framework::kAuto:
      return AutoPlan(spec, listing, files);
    case Framework::kUnittest:
      if (!listing.path_exists) return NothingThere(spec);
      return UnittestPlan(spec, files, "asked for by tests.framework");
    case Framework::kPytest:
      return PytestOnly(spec, listing, files);
    case Framework::kCommand: {
      TestPlan plan{Framework::kCommand, spec.command, ReportSource::kFiles,
                    "asked for by tests.command"};
      plan.report_globs = spec.report_paths;
      return plan;
    }
    case Framework::kCTest:
    case Framework::kGoTest:
    case Framework::kCargo:
    case Framework::kMaven:
    case Framework::kNpm:
      return ProjectOnly(spec, listing, files);
  }
  return Fail(ErrorCode::kInternal, "unknown framework");
}

}  // namespace committest::runner
