// The real program with the real cargo, npm with Node.js, and Maven. Maven and jest fetch from the
// registries that they are configured for.
#include <cstdlib>

#include <gmock/gmock.h>

#include "common/api/reasons.h"
#include "tests/unit/runner-image/run_fixture.h"

namespace committest::runner {
namespace {

using api::RunnerExit;
using ::testing::HasSubstr;

class Toolchains : public RunTest {
 protected:
  Toolchains() {
    for (const char* name : {"PATH", "RUSTUP_HOME"}) {
      // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody sets variables.
      if (const char* value = std::getenv(name); value != nullptr) environment_[name] = value;
    }
  }
};

constexpr const char* kCargo =
    "[package]\nname = \"sample\"\nversion = \"0.1.0\"\nedition = \"2021\"\n";

TEST_F(Toolchains, CargoCountsUnitIntegrationAndDocumentationTests) {
  const RunEnd end = RunFiles({{"Cargo.toml", kCargo},
                               {"src/lib.rs", R"(
/// ```
/// assert_eq!(sample::add(1, 2), 3);
/// ```
pub fn add(a: i32, b: i32) -> i32 { a + b }
#[test] fn ok() {}
#[test] fn bad() { assert_eq!(add(1, 2), 4, "numbers"); }
#[test] #[ignore] fn off() {}
#[test] #[should_panic] fn panics() { panic!("x") }
)"},
                               {"tests/it.rs", "#[test] fn it() { sample::add(1, 1); }\n"}});
  ExpectEnd(end, RunnerExit::kTestsFailed, api::reason::kTestsFailed);
  EXPECT_EQ(end.summary.framework, "Cargo");
  EXPECT_EQ(end.summary.counts, (api::TestCounts{6, 4, 1, 0, 1}));
  ASSERT_EQ(end.summary.failures.size(), 1U);
  EXPECT_EQ(end.summary.failures[0].name, "bad");
  EXPECT_EQ(end.summary.failures[0].file, "src/lib.rs");
}

TEST_F(Toolchains, CargoPassesWhatPasses) {
  const RunEnd end = RunFiles({{"Cargo.toml", kCargo}, {"src/lib.rs", "#[test] fn ok() {}\n"}});
  ExpectEnd(end, RunnerExit::kPassed, api::reason::kTestsPassed);
}

TEST_F(Toolchains, CargoWithoutTestsIsNoPass) {
  const RunEnd end = RunFiles({{"Cargo.toml", kCargo}, {"src/lib.rs", "pub fn a() {}\n"}});
  ExpectEnd(end, RunnerExit::kNoTests, api::reason::kNoTestsFound);
}

TEST_F(Toolchains, CargoThatDoesNotBuildIsNoFailedTest) {
  const RunEnd end = RunFiles({{"Cargo.toml", kCargo}, {"src/lib.rs", "#[test] fn ok() { x }\n"}});
  ExpectEnd(end, RunnerExit::kReportInvalid, api::reason::kSetupFailed);
}

TEST_F(Toolchains, CargoTestThatEndsItsProgramIsNoPass) {
  const RunEnd end = RunFiles(
      {{"Cargo.toml", kCargo}, {"src/lib.rs", "#[test] fn a() { std::process::exit(0) }\n"}});
  ExpectEnd(end, RunnerExit::kReportInvalid, api::reason::kReportInvalid);
}

constexpr const char* kNodePackage = R"({"name": "s", "scripts": {"test": "node --test"}})";

TEST_F(Toolchains, NodeCountsAsNodeDoes) {
  const RunEnd end = RunFiles({{"package.json", kNodePackage}, {"test/a.test.js", R"(
const {test, describe, it} = require('node:test');
const assert = require('node:assert');
test('ok', () => {});
test('bad', () => { assert.strictEqual(1, 2); });
test('off', {skip: 'why'}, () => {});
test('later', {todo: true}, () => { assert.fail('x'); });
test('parent', async (t) => { await t.test('child', () => {}); assert.fail('own'); });
describe('suite', () => { it('one', () => {}); it('two', () => {}); });
)"}});
  ExpectEnd(end, RunnerExit::kTestsFailed, api::reason::kTestsFailed);
  // "tests 8, pass 4, fail 2, skipped 1, todo 1"
  EXPECT_EQ(end.summary.counts, (api::TestCounts{8, 4, 2, 0, 2}));
  EXPECT_THAT(end.output(), HasSubstr("tests 8"));
}

TEST_F(Toolchains, NodePassesWhatPasses) {
  const RunEnd end = RunFiles({{"package.json", kNodePackage},
                               {"a.test.js", "require('node:test').test('ok', () => {});\n"}});
  ExpectEnd(end, RunnerExit::kPassed, api::reason::kTestsPassed);
}

TEST_F(Toolchains, NodeWithoutTestsIsNoPass) {
  const RunEnd end = RunFiles({{"package.json", kNodePackage}, {"index.js", "\n"}});
  EXPECT_NE(end.process.exit_code, 0) << end.output();
}

TEST_F(Toolchains, JestLeavesItsReport) {
  const RunEnd end =
      RunFiles({{"package.json", R"({"name": "s", "scripts": {"test": "jest"},
    "devDependencies": {"jest": "29.7.0", "jest-junit": "16.0.0"}})"},
                {"a.test.js", "test('ok', () => {});\ntest.skip('off', () => {});\n"}});
  ExpectEnd(end, RunnerExit::kPassed, api::reason::kTestsPassed);
  EXPECT_EQ(end.summary.counts, (api::TestCounts{2, 1, 0, 0, 1}));
}

constexpr const char* kPom = R"(<project xmlns="http://maven.apache.org/POM/4.0.0">
<modelVersion>4.0.0</modelVersion><groupId>s</groupId><artifactId>s</artifactId><version>1</version>
<properties><maven.compiler.source>17</maven.compiler.source>
<maven.compiler.target>17</maven.compiler.target></properties>
<dependencies><dependency><groupId>org.junit.jupiter</groupId><artifactId>junit-jupiter</artifactId>
<version>5.10.2</version><scope>test</scope></dependency></dependencies>
<build><pluginManagement><plugins><plugin><artifactId>maven-surefire-plugin</artifactId>
<version>3.2.5</version></plugin></plugins></pluginManagement></build></project>)";

TEST_F(Toolchains, MavenReadsSurefiresReports) {
  const RunEnd end = RunFiles({{"pom.xml", kPom}, {"src/test/java/s/CalcTest.java", R"(package s;
import static org.junit.jupiter.api.Assertions.*;
import org.junit.jupiter.api.*;
class CalcTest {
  @Test void ok() {}
  @Test void bad() { assertEquals(3, 2, "numbers"); }
  @Test void error() { throw new IllegalStateException("broken"); }
  @Test @Disabled void off() {}
}
)"}});
  ExpectEnd(end, RunnerExit::kTestsFailed, api::reason::kTestsFailed);
  EXPECT_EQ(end.summary.counts, (api::TestCounts{4, 1, 1, 1, 1}));
}

TEST_F(Toolchains, MavenThatDoesNotCompileIsNoFailedTest) {
  const RunEnd end = RunFiles(
      {{"pom.xml", kPom}, {"src/test/java/s/CalcTest.java", "package s; class X { y }\n"}});
  ExpectEnd(end, RunnerExit::kReportInvalid, api::reason::kSetupFailed);
}

}  // namespace
}  // namespace committest::runner
