#include "runner-image/discover.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace committest::runner {
namespace {

using api::Framework;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

const PlanFiles kFiles{"/own/report.xml", "/own/program.py", "/own/reporter.cjs", "/own/build"};

// A checkout whose tests' folder holds these files.
Listing WithTests(std::vector<std::string> files) {
  Listing listing;
  listing.path_exists = true;
  listing.path_files = std::move(files);
  return listing;
}

TestPlan Planned(const api::TestsSpec& tests, const Listing& listing) {
  const Result<TestPlan> plan = MakePlan(tests, listing, kFiles);
  EXPECT_TRUE(plan) << plan.error().message;
  return plan.value_or(TestPlan{});
}

std::string NothingFound(const api::TestsSpec& tests, const Listing& listing) {
  const Result<TestPlan> plan = MakePlan(tests, listing, kFiles);
  EXPECT_FALSE(plan);
  if (plan) return "";
  EXPECT_EQ(plan.error().code, ErrorCode::kNotFound);
  return plan.error().message;
}

TEST(Discover, RunsUnittestWhereNothingConfiguresPytest) {
  const TestPlan plan = Planned({}, WithTests({"tests/helper.py", "tests/test_a.py"}));
  EXPECT_EQ(plan.framework, Framework::kUnittest);
  EXPECT_THAT(plan.argv, ElementsAre("python3", "/own/program.py", "/own/report.xml", "tests"));
  EXPECT_EQ(plan.source, ReportSource::kOwnFile);
  EXPECT_THAT(plan.why, HasSubstr("tests/test_a.py"));
}

TEST(Discover, RunsPytestWhereTheRepositoryConfiguresIt) {
  const std::vector<std::pair<std::string, std::string>> configurations = {
      {"pytest.ini", ""},
      {".pytest.ini", "[pytest]"},
      {"pyproject.toml", "[build-system]\nx=1\n[tool.pytest.ini_options]\naddopts='-q'"},
      {"pyproject.toml", "  [ tool.pytest.ini_options ]\r\n"},
      {"pyproject.toml", "[tool.pytest]\n"},
      {"setup.cfg", "[metadata]\n[tool:pytest]\n"},
      {"tox.ini", "[tox]\n[pytest]\n"},
  };
  for (const auto& [name, text] : configurations) {
    SCOPED_TRACE(name + ": " + text);
    Listing listing = WithTests({"tests/test_a.py"});
    listing.root_files = {name};
    listing.configuration[name] = text;
    const TestPlan plan = Planned({}, listing);
    EXPECT_EQ(plan.framework, Framework::kPytest);
    EXPECT_THAT(plan.why, HasSubstr(name));
  }
}

TEST(Discover, IsNotMisledByOtherSectionsAndComments) {
  const std::vector<std::pair<std::string, std::string>> configurations = {
      {"pyproject.toml", "[tool.black]\n# [tool.pytest.ini_options]\n[tool.pytester]\n"},
      {"setup.cfg", "[pytest]\n[tool:other]\n"},
      {"tox.ini", "[tox]\n[testenv:pytest]\ncommands = pytest\n"},
  };
  for (const auto& [name, text] : configurations) {
    SCOPED_TRACE(name);
    Listing listing = WithTests({"tests/test_a.py"});
    listing.configuration[name] = text;
    EXPECT_EQ(Planned({}, listing).framework, Framework::kUnittest);
  }
}

TEST(Discover, TakesAConftestAsPytestsConfiguration) {
  Listing at_the_top = WithTests({"tests/test_a.py"});
  at_the_top.root_files = {"conftest.py", "setup.py"};
  EXPECT_EQ(Planned({}, at_the_top).framework, Framework::kPytest);
  EXPECT_EQ(Planned({}, WithTests({"tests/conftest.py", "tests/test_a.py"})).framework,
            Framework::kPytest);
  EXPECT_EQ(Planned({}, WithTests({"tests/data/conftest.py", "tests/test_a.py"})).framework,
            Framework::kUnittest);
}

TEST(Discover, GivesPytestItsReportAndTheFolder) {
  Listing listing = WithTests({});
  listing.configuration["pytest.ini"] = "";
  EXPECT_THAT(Planned({}, listing).argv,
              ElementsAre("python3", "-m", "pytest", "--junitxml=/own/report.xml", "-o",
                          "junit_family=xunit1", "-p", "no:cacheprovider", "tests"));
}

TEST(Discover, LetsAConfiguredPytestFindItsTestsWithoutTheFolder) {
  Listing listing;
  listing.configuration["pytest.ini"] = "";
  const TestPlan plan = Planned({}, listing);
  EXPECT_EQ(plan.framework, Framework::kPytest);
  EXPECT_EQ(plan.argv.back(), "no:cacheprovider");
  EXPECT_THAT(plan.why, HasSubstr("no tests"));
}

TEST(Discover, SaysWhatItLookedForWhenThereIsNothing) {
  const std::string absent = NothingFound({}, {});
  EXPECT_THAT(absent, HasSubstr("pytest.ini"));
  EXPECT_THAT(absent, HasSubstr("tests, which does not exist"));
  EXPECT_THAT(NothingFound({}, WithTests({"tests/helper.py"})), HasSubstr("test*.py in tests"));
}

TEST(Discover, FindsTestsInSubfolders) {
  EXPECT_EQ(Planned({}, WithTests({"tests/unit/test_a.py"})).framework, Framework::kUnittest);
}

TEST(Discover, RunsASingleFile) {
  api::TestsSpec tests;
  tests.path = "checks/all.py";
  Listing listing = WithTests({"checks/all.py"});
  listing.path_is_file = true;
  EXPECT_THAT(Planned(tests, listing).argv, Contains("checks/all.py"));
}

TEST(Discover, ObeysTheFrameworkThatIsAskedFor) {
  api::TestsSpec tests;
  tests.framework = Framework::kUnittest;
  Listing listing = WithTests({"tests/conftest.py"});
  EXPECT_EQ(Planned(tests, listing).framework, Framework::kUnittest);
  tests.framework = Framework::kPytest;
  EXPECT_EQ(Planned(tests, WithTests({"tests/test_a.py"})).framework, Framework::kPytest);
}

TEST(Discover, NeedsTheFolderForAFrameworkThatIsAskedFor) {
  api::TestsSpec tests;
  tests.path = "checks";
  for (const Framework framework : {Framework::kUnittest, Framework::kPytest}) {
    tests.framework = framework;
    EXPECT_EQ(NothingFound(tests, {}), "the commit has no checks");
  }
}

TEST(Discover, RunsACommandAsItIs) {
  api::TestsSpec tests;
  tests.framework = Framework::kCommand;
  tests.command = {"make", "check; rm -rf /"};
  const TestPlan plan = Planned(tests, {});
  EXPECT_THAT(plan.argv, ElementsAre("make", "check; rm -rf /"));
  EXPECT_EQ(plan.source, ReportSource::kFiles);
}

TEST(Discover, DoesNotLetAPathBecomeAnOption) {
  api::TestsSpec tests;
  tests.framework = Framework::kPytest;
  tests.path = "--co";
  EXPECT_THAT(Planned(tests, WithTests({})).argv, Not(Contains("--co")));
}

TEST(Discover, NormalisesPaths) {
  EXPECT_EQ(NormalPath("./a//b/./c/"), "a/b/c");
  EXPECT_EQ(NormalPath("."), ".");
  EXPECT_EQ(NormalPath("./"), ".");
}

}  // namespace
}  // namespace committest::runner
