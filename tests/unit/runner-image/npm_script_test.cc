#include "runner-image/npm_script.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace committest::runner {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const PlanFiles kFiles{"/own/report.xml", "/own/program.py", "/own/reporter.cjs", "/own/build"};

Result<NpmTest> Read(const std::string& script, const std::string& dependencies = "{}") {
  return ReadNpmTest(
      R"({"scripts":{"test":")" + script + R"("},"devDependencies":)" + dependencies + "}", kFiles);
}

TEST(NpmScript, GivesEachKnownRunnerItsReport) {
  const auto vitest = Read("tsc && vitest run", R"({"vitest":"1"})");
  ASSERT_TRUE(vitest);
  EXPECT_THAT(vitest->arguments, Contains("--outputFile.junit=/own/report.xml"));
  const auto jest = Read("jest --ci", R"({"jest":"29","jest-junit":"16"})");
  ASSERT_TRUE(jest);
  EXPECT_THAT(jest->arguments, ElementsAre("--reporters=default", "--reporters=jest-junit"));
  EXPECT_EQ(jest->environment.at("JEST_JUNIT_OUTPUT_FILE"), "/own/report.xml");
  const auto mocha = Read("mocha", R"({"mocha":"10","mocha-junit-reporter":"2"})");
  ASSERT_TRUE(mocha);
  EXPECT_EQ(mocha->environment.at("MOCHA_FILE"), "/own/report.xml");
  const auto node = Read("node --test tests/");
  ASSERT_TRUE(node);
  EXPECT_TRUE(node->arguments.empty());
  EXPECT_THAT(node->environment.at("NODE_OPTIONS"), HasSubstr("--test-reporter=/own/reporter.cjs"));
}

TEST(NpmScript, SaysWhyItCannotRunAnother) {
  EXPECT_THAT(Read("jest").error().message, HasSubstr("jest with jest-junit"));
  EXPECT_FALSE(Read("jest-junit-merge", R"({"jest-junit":"16"})"));
  EXPECT_FALSE(Read("node test.js"));
  EXPECT_FALSE(Read("node --test-only.js"));
  for (const char* text :
       {"", "[]", "{}", "no json", R"({"scripts":[]})", R"({"scripts":{"test":1}})"}) {
    const auto test = ReadNpmTest(text, kFiles);
    ASSERT_FALSE(test) << text;
    EXPECT_THAT(test.error().message, HasSubstr("no script")) << text;
  }
}

TEST(NpmScript, KnowsWhetherModulesHaveToBeInstalled) {
  EXPECT_FALSE(Read("node --test")->has_dependencies);
  EXPECT_TRUE(Read("node --test", R"({"left-pad":"1"})")->has_dependencies);
}

}  // namespace
}  // namespace committest::runner
