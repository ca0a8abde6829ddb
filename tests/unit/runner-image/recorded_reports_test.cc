// Reports that real tools wrote, read as the tools counted in the same runs.
#include <algorithm>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runner-image/junit.h"
#include "tests/support/temporary_folder.h"

namespace committest::runner {
namespace {

using ::testing::HasSubstr;

JunitReport Recorded(const std::string& name) {
  const auto report = ParseJunit(
      testing::ReadTestFile(std::string(COMMITTEST_SOURCE_DIR "/tests/golden/frameworks/") + name));
  EXPECT_TRUE(report) << report.error().message;
  return report.value_or(JunitReport{});
}

api::TestFailure Find(const JunitReport& report, const std::string& name) {
  const auto found = std::ranges::find(report.failures, name, &api::TestFailure::name);
  EXPECT_NE(found, report.failures.end()) << name;
  return found == report.failures.end() ? api::TestFailure{} : *found;
}

// "54% tests passed, 6 tests failed out of 13", and two disabled ones; the six are two that could
// not be run, beside a skipped one by its exit code and one by GoogleTest's words.
TEST(RecordedReports, OfCTestWithGoogleTest) {
  const JunitReport report = Recorded("ctest.xml");
  EXPECT_EQ(report.counts, (api::TestCounts{15, 5, 4, 2, 4}));
  EXPECT_EQ(Find(report, "A.Bad").file, "/src/t.cc");
  EXPECT_THAT(Find(report, "A.Bad").message, HasSubstr("Expected equality of these values"));
  EXPECT_EQ(Find(report, "missing").message, "Unable to find executable");
}

// "Tests run: 7, Failures: 2, Errors: 1, Skipped: 1"
TEST(RecordedReports, OfSurefire) {
  const JunitReport report = Recorded("surefire.xml");
  EXPECT_EQ(report.counts, (api::TestCounts{7, 3, 2, 1, 1}));
  EXPECT_EQ(Find(report, "s.CalcTest.error").message, "broken");
}

// "2 failed, 1 skipped, 1 todo, 3 passed, 7 total"; jest-junit does not mark what is to be done.
TEST(RecordedReports, OfJestJunit) {
  const JunitReport report = Recorded("jest_junit.xml");
  EXPECT_EQ(report.counts, (api::TestCounts{7, 4, 2, 0, 1}));
}

}  // namespace
}  // namespace committest::runner
