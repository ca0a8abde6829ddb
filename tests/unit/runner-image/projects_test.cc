#include "runner-image/projects.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runner-image/discover.h"

namespace committest::runner {
namespace {

using api::Framework;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const PlanFiles kFiles{"/own/report.xml", "/own/program.py", "/own/reporter.cjs", "/own/build"};

constexpr const char* kNodePackage = R"({"scripts":{"test":"node --test"}})";

Listing WithFiles(std::vector<std::string> files) {
  Listing listing;
  listing.root_files = std::move(files);
  return listing;
}

TestPlan Planned(const Listing& listing, Framework framework = Framework::kAuto) {
  api::TestsSpec tests;
  tests.framework = framework;
  const Result<TestPlan> plan = MakePlan(tests, listing, kFiles);
  EXPECT_TRUE(plan) << plan.error().message;
  return plan.value_or(TestPlan{});
}

TEST(Projects, AreTakenInThisOrder) {
  Listing listing =
      WithFiles({"CMakeLists.txt", "Cargo.toml", "go.mod", "package.json", "pom.xml"});
  listing.configuration["package.json"] = kNodePackage;
  for (const auto& [file, framework] :
       std::vector<std::pair<std::string, Framework>>{{"CMakeLists.txt", Framework::kCTest},
                                                      {"go.mod", Framework::kGoTest},
                                                      {"Cargo.toml", Framework::kCargo},
                                                      {"pom.xml", Framework::kMaven},
                                                      {"package.json", Framework::kNpm}}) {
    const TestPlan plan = Planned(listing);
    EXPECT_EQ(plan.framework, framework);
    EXPECT_THAT(plan.why, HasSubstr(file + " found"));
    std::erase(listing.root_files, file);
  }
}

TEST(Projects, ComeAfterPythonAndAreNamedBesideIt) {
  Listing listing = WithFiles({"CMakeLists.txt", "go.mod"});
  listing.path_exists = true;
  listing.path_files = {"tests/test_a.py"};
  const TestPlan plan = Planned(listing);
  EXPECT_EQ(plan.framework, Framework::kUnittest);
  EXPECT_EQ(plan.beside, "CMakeLists.txt (CTest); go.mod (GoTest)");
}

TEST(Projects, NameWhatWasNotChosenAndWhy) {
  Listing listing = WithFiles({"go.mod", "package.json"});
  listing.configuration["package.json"] = R"({"scripts":{"test":"jest"}})";
  const TestPlan plan = Planned(listing);
  EXPECT_EQ(plan.framework, Framework::kGoTest);
  EXPECT_THAT(plan.beside, HasSubstr("package.json (Npm): its script \"test\" runs nothing that"));
}

TEST(Projects, AtTheTopComeBeforeThoseInTheTestsFolder) {
  Listing listing = WithFiles({"go.mod"});
  listing.path_exists = true;
  listing.path_files = {"tests/CMakeLists.txt"};
  EXPECT_EQ(Planned(listing).framework, Framework::kGoTest);
  EXPECT_EQ(Planned(listing).folder, "");
  listing.root_files.clear();
  EXPECT_EQ(Planned(listing).framework, Framework::kCTest);
  EXPECT_EQ(Planned(listing).folder, "tests");
}

TEST(Projects, WithoutAJunitReporterAreNotRun) {
  Listing listing = WithFiles({"package.json"});
  listing.configuration["package.json"] = R"({"scripts":{"test":"jest"}})";
  const auto automatic = MakePlan({}, listing, kFiles);
  ASSERT_FALSE(automatic);
  EXPECT_EQ(automatic.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(automatic.error().message, HasSubstr("jest with jest-junit"));
  api::TestsSpec tests;
  tests.framework = Framework::kNpm;
  const auto asked = MakePlan(tests, listing, kFiles);
  ASSERT_FALSE(asked);
  EXPECT_EQ(asked.error().code, ErrorCode::kInvalidArgument);
}

TEST(Projects, ThatWereAskedForAndAreNotThereAreNoTests) {
  for (const Framework framework : {Framework::kCTest, Framework::kGoTest, Framework::kCargo,
                                    Framework::kMaven, Framework::kNpm}) {
    api::TestsSpec tests;
    tests.framework = framework;
    const auto plan = MakePlan(tests, WithFiles({"README"}), kFiles);
    ASSERT_FALSE(plan);
    EXPECT_EQ(plan.error().code, ErrorCode::kNotFound);
    EXPECT_THAT(plan.error().message, HasSubstr(std::string(api::FrameworkName(framework))));
  }
}

TEST(Projects, OfCMakeAreConfiguredAndBuiltOutsideTheCheckout) {
  const TestPlan plan = Planned(WithFiles({"CMakeLists.txt"}));
  ASSERT_EQ(plan.setup.size(), 2U);
  EXPECT_THAT(plan.setup[0].argv, ElementsAre("cmake", "-S", ".", "-B", "/own/build"));
  EXPECT_THAT(plan.setup[1].argv, ElementsAre("cmake", "--build", "/own/build"));
  EXPECT_THAT(plan.argv, ElementsAre("ctest", "--test-dir", "/own/build", "--output-on-failure",
                                     "--output-junit", "/own/report.xml"));
  EXPECT_EQ(plan.source, ReportSource::kOwnFile);
}

TEST(Projects, OfGoAreNeverAnsweredFromItsCache) {
  Listing listing = WithFiles({"go.mod"});
  listing.configuration["go.mod"] = "// a module\nmodule  example.com/m // here\n\ngo 1.22\n";
  const TestPlan plan = Planned(listing);
  EXPECT_THAT(plan.argv, Contains("-count=1"));
  EXPECT_EQ(plan.source, ReportSource::kGoTestStream);
  EXPECT_EQ(plan.module, "example.com/m");
}

TEST(Projects, OfRustAreBuiltFirst) {
  const TestPlan plan = Planned(WithFiles({"Cargo.toml"}));
  ASSERT_EQ(plan.setup.size(), 1U);
  EXPECT_THAT(plan.setup[0].argv, ElementsAre("cargo", "test", "--no-run"));
  EXPECT_EQ(plan.source, ReportSource::kLibtestOutput);
}

TEST(Projects, OfMavenLeaveSurefiresReports) {
  const TestPlan plan = Planned(WithFiles({"pom.xml"}));
  EXPECT_EQ(plan.source, ReportSource::kFiles);
  EXPECT_THAT(plan.report_globs, ElementsAre("**/target/surefire-reports/TEST-*.xml"));
}

TEST(Projects, OfNpmGetTheirModulesUnlessTheyAreThere) {
  Listing listing = WithFiles({"package-lock.json", "package.json"});
  listing.configuration["package.json"] =
      R"({"scripts":{"test":"vitest run"},"devDependencies":{"vitest":"1"}})";
  ASSERT_EQ(Planned(listing).setup.size(), 1U);
  EXPECT_THAT(Planned(listing).setup[0].argv, ElementsAre("npm", "ci", "--no-audit", "--no-fund"));
  EXPECT_THAT(Planned(listing).argv,
              ElementsAre("npm", "test", "--", "--reporter=default", "--reporter=junit",
                          "--outputFile.junit=/own/report.xml"));
  listing.root_folders = {"node_modules"};
  EXPECT_TRUE(Planned(listing).setup.empty());
}

}  // namespace
}  // namespace committest::runner
