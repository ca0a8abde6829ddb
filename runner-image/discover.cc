#include "runner-image/discover.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include "common/base/glob.h"
#include "common/base/strings.h"

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
                true,
                std::move(why)};
  if (!path.empty()) plan.argv.push_back(AsArgument(path));
  return plan;
}

TestPlan UnittestPlan(const TestsSpec& tests, const PlanFiles& files, std::string why) {
  return {Framework::kUnittest,
          {"python3", files.unittest_program, files.report, tests.path},
          true,
          std::move(why)};
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

Result<TestPlan> AutoPlan(const TestsSpec& tests, const Listing& listing, const PlanFiles& files) {
  if (auto plan = ConfiguredPytest(tests, listing, files)) return *std::move(plan);
  if (const auto test = FirstTestFile(listing)) {
    return UnittestPlan(tests, files, *test + " found, and nothing configures pytest");
  }
  return Fail(ErrorCode::kNotFound,
              "looked for a pytest configuration (" + Join(ConfigurationFileNames(), ", ") +
                  ", conftest.py) and for test*.py in " + tests.path +
                  (listing.path_exists ? ", and found neither" : ", which does not exist"));
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
    case Framework::kCommand:
      return TestPlan{Framework::kCommand, spec.command, false, "asked for by tests.command"};
  }
  return Fail(ErrorCode::kInternal, "unknown framework");
}

}  // namespace committest::runner
