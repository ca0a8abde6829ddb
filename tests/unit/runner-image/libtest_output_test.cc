#include "runner-image/libtest_output.h"

#include <algorithm>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/temporary_folder.h"

namespace committest::runner {
namespace {

using ::testing::HasSubstr;

std::string Recorded() {
  return testing::ReadTestFile(COMMITTEST_SOURCE_DIR "/tests/golden/frameworks/cargo_test.txt");
}

Result<JunitReport> Read(const std::string& text, std::size_t piece = std::string::npos) {
  LibtestOutput reader;
  std::string shown;
  for (std::size_t at = 0; at < text.size(); at += std::min(piece, text.size())) {
    shown += reader.Read(std::string_view(text).substr(at, piece));
  }
  shown += reader.Finish();
  EXPECT_EQ(shown, text);
  return reader.Report();
}

std::string Results(int passed, int failed, int ignored) {
  return "test result: " + std::string(failed > 0 ? "FAILED" : "ok") + ". " +
         std::to_string(passed) + " passed; " + std::to_string(failed) + " failed; " +
         std::to_string(ignored) + " ignored; 0 measured; 2 filtered out; finished in 0.00s\n";
}

TEST(LibtestOutput, CountsUnitIntegrationAndDocumentationTests) {
  const Result<JunitReport> report = Read(Recorded());
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->counts, (api::TestCounts{11, 5, 3, 0, 3}));
}

TEST(LibtestOutput, NamesFailuresTheirFilesAndTheirWords) {
  const Result<JunitReport> report = Read(Recorded());
  ASSERT_TRUE(report);
  ASSERT_EQ(report->failures.size(), 3U);
  EXPECT_EQ(report->failures[0], (api::TestFailure{"tests::bad", "src/lib.rs",
                                                   "assertion `left == right` failed: numbers"}));
  EXPECT_THAT(report->failures[1].message, HasSubstr("did not panic as expected"));
  EXPECT_EQ(report->failures[2].message, "Error: \"broken\"");
}

TEST(LibtestOutput, ReadsTheSameInPiecesOfAnySize) {
  const std::string text = Recorded();
  for (const std::size_t piece : {1U, 7U, 100U})
    EXPECT_EQ(Read(text, piece).value(), Read(text).value());
}

TEST(LibtestOutput, IsNoReportWhenATestEndedItsProgram) {
  const Result<JunitReport> report =
      Read("running 2 tests\n" + Results(2, 0, 0) + "     Running tests/it.rs\n\nrunning 1 test\n");
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, ErrorCode::kDataLoss);
  EXPECT_THAT(report.error().message, HasSubstr("ended before"));
}

TEST(LibtestOutput, DoesNotCountAProgramThatATestRuns) {
  const Result<JunitReport> report =
      Read("running 2 tests\n\nrunning 1 test\n" + Results(1, 0, 0) + Results(1, 1, 0));
  ASSERT_TRUE(report);
  EXPECT_EQ(report->counts, (api::TestCounts{2, 1, 1, 0, 0}));
}

TEST(LibtestOutput, IsNoReportWhenNumbersContradict) {
  const Result<JunitReport> report = Read("running 3 tests\n" + Results(2, 0, 0));
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, ErrorCode::kDataLoss);
}

TEST(LibtestOutput, TakesNothingForAResultThatNobodyAnnounced) {
  const Result<JunitReport> report =
      Read(Results(5, 0, 0) + "running 1 test\n" + Results(1, 0, 0) + Results(5, 0, 0));
  ASSERT_TRUE(report);
  EXPECT_EQ(report->counts, (api::TestCounts{1, 1, 0, 0, 0}));
}

TEST(LibtestOutput, ReadsNoForeignWords) {
  for (const char* text : {"running -1 tests\n", "running 1 tests too many\n", "running tests\n",
                           "running 1e9 tests\n", "running 99999999999999999999 tests\n",
                           "test result: ok\n", "hello\n", ""}) {
    const Result<JunitReport> report = Read(text);
    ASSERT_FALSE(report) << text;
    EXPECT_EQ(report.error().code, ErrorCode::kNotFound) << text;
  }
}

}  // namespace
}  // namespace committest::runner
