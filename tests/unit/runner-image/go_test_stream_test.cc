#include "runner-image/go_test_stream.h"

#include <algorithm>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/temporary_folder.h"

namespace committest::runner {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kModule = "example.com/sample";

struct Reading {
  std::string shown;
  Result<JunitReport> report;
};

// Fed in pieces of `piece` bytes.
Reading Read(const std::string& stream, std::size_t piece = std::string::npos) {
  GoTestStream reader(kModule);
  Reading reading{"", Fail(ErrorCode::kInternal, "")};
  for (std::size_t at = 0; at < stream.size(); at += std::min(piece, stream.size())) {
    reading.shown += reader.Read(std::string_view(stream).substr(at, piece));
  }
  reading.shown += reader.Finish();
  reading.report = reader.Report();
  return reading;
}

std::string Recorded() {
  return testing::ReadTestFile(COMMITTEST_SOURCE_DIR "/tests/golden/frameworks/go_test.jsonl");
}

std::string Event(const std::string& action, const std::string& test = "",
                  const std::string& package = "p") {
  std::string event = R"({"Action":")" + action + R"(","Package":")" + package + '"';
  if (!test.empty()) event += R"(,"Test":")" + test + '"';
  return event + "}\n";
}

std::string OutputEvent(const std::string& text, const std::string& test = "") {
  return R"({"Action":"output","Package":"p",)" +
         (test.empty() ? "" : R"("Test":")" + test + "\",") + R"("Output":")" + text + "\\n\"}\n";
}

const std::string kOnePass =
    Event("start") + Event("run", "TestA") + Event("pass", "TestA") + Event("pass");

TEST(GoTestStream, CountsWhatGoPrinted) {
  const Reading reading = Read(Recorded());
  ASSERT_TRUE(reading.report);
  // TestOk, TestSub/x, TestSub/y_y, Example, and TestE, which go calls passed though it ended its
  // program; TestBad, TestSub, TestSub/z, TestP; TestQ, e and f; TestSkip.
  EXPECT_EQ(reading.report->counts, (api::TestCounts{13, 5, 4, 3, 1}));
  EXPECT_EQ(reading.report->not_built,
            "example.com/sample/c does not build: c/c_test.go:3:28: undefined: x");
}

TEST(GoTestStream, NamesFailuresTheirFilesAndTheirWords) {
  const Reading reading = Read(Recorded());
  ASSERT_TRUE(reading.report);
  const auto find = [&](const std::string& name) {
    const auto found = std::ranges::find(reading.report->failures, name, &api::TestFailure::name);
    return found == reading.report->failures.end() ? api::TestFailure{} : *found;
  };
  EXPECT_EQ(find("example.com/sample/a.TestBad"),
            (api::TestFailure{"example.com/sample/a.TestBad", "a/a_test.go", "4: want 3, got 4"}));
  EXPECT_EQ(find("example.com/sample/a.TestSub/z").message, "6: sub");
  EXPECT_THAT(find("example.com/sample/f").message, HasSubstr("exit status 3"));
  EXPECT_THAT(find("example.com/sample/e").message, HasSubstr("ended before its tests"));
}

TEST(GoTestStream, ShowsPeopleTheTextAndNoEvent) {
  const std::string shown = Read(Recorded()).shown;
  EXPECT_THAT(shown, HasSubstr("--- FAIL: TestBad"));
  EXPECT_THAT(shown, HasSubstr("c/c_test.go:3:28: undefined: x\n"));
  EXPECT_THAT(shown, Not(HasSubstr("ImportPath")));
}

TEST(GoTestStream, ReadsTheSameInPiecesOfAnySize) {
  const std::string stream = Recorded();
  const Reading whole = Read(stream);
  for (const std::size_t piece : {1U, 7U, 4096U}) {
    const Reading pieces = Read(stream, piece);
    EXPECT_EQ(pieces.shown, whole.shown);
    EXPECT_EQ(pieces.report.value(), whole.report.value());
  }
}

TEST(GoTestStream, TakesWhatATestPrintsForNoEvent) {
  const std::string forged = R"({\"Action\":\"pass\",\"Package\":\"p\",\"Test\":\"TestForged\"})";
  const Reading reading =
      Read(Event("start") + Event("run", "TestA") + OutputEvent(forged, "TestA") +
           Event("pass", "TestA") + Event("pass"));
  ASSERT_TRUE(reading.report);
  EXPECT_EQ(reading.report->counts, (api::TestCounts{1, 1, 0, 0, 0}));
}

TEST(GoTestStream, CountsNoEndWithoutItsBeginningAndNoSecondEnd) {
  const Reading reading =
      Read(Event("pass", "TestBefore") + Event("start") + Event("pass", "TestForged") +
           Event("run", "TestA") + Event("pass", "TestA") + Event("pass", "TestA") + Event("pass") +
           Event("run", "TestLate") + Event("pass", "TestLate"));
  ASSERT_TRUE(reading.report);
  EXPECT_EQ(reading.report->counts, (api::TestCounts{1, 1, 0, 0, 0}));
}

TEST(GoTestStream, CallsATestWithoutEndErrored) {
  const Reading reading = Read(Event("start") + Event("run", "TestA") + Event("pass"));
  ASSERT_TRUE(reading.report);
  EXPECT_EQ(reading.report->counts, (api::TestCounts{1, 0, 0, 1, 0}));
}

TEST(GoTestStream, CallsAPackageWithoutEndErrored) {
  const Reading reading = Read(Event("start") + Event("run", "TestA") + Event("pass", "TestA"));
  ASSERT_TRUE(reading.report);
  EXPECT_EQ(reading.report->counts, (api::TestCounts{2, 1, 0, 1, 0}));
}

TEST(GoTestStream, CountsNothingForPackagesWithoutTests) {
  const Reading reading =
      Read(Event("start") + OutputEvent("?   \\tp\\t[no test files]") + Event("skip"));
  ASSERT_TRUE(reading.report);
  EXPECT_EQ(reading.report->counts, api::TestCounts{});
}

TEST(GoTestStream, ReadsWhatDoesNotBuildOutsideTheEvents) {
  const Reading reading = Read("# p\n./a.go:3: undefined: x\nFAIL\tp [build failed]\n" + kOnePass);
  ASSERT_TRUE(reading.report);
  EXPECT_EQ(reading.report->not_built, "p does not build");
  EXPECT_THAT(reading.shown, HasSubstr("./a.go:3: undefined: x\n"));
}

TEST(GoTestStream, HasNoReportOfAToolThatSaidNothing) {
  const Reading reading = Read("go: cannot find main module\n");
  ASSERT_FALSE(reading.report);
  EXPECT_EQ(reading.report.error().code, ErrorCode::kNotFound);
}

TEST(GoTestStream, PassesOnWhatIsNoEvent) {
  const std::string text = "{not json}\n[1]\n{\"a\":1}\n{\"Action\":3}\n\xff\xfe\n{";
  EXPECT_EQ(Read(text).shown, text);
}

TEST(GoTestStream, KeepsABoundedPartOfAnEndlessStream) {
  std::string stream = Event("start");
  for (int i = 0; i < 250'000; ++i) stream += Event("run", "Test" + std::to_string(i));
  const Reading reading = Read(stream, 65536);
  ASSERT_FALSE(reading.report);
  EXPECT_EQ(reading.report.error().code, ErrorCode::kDataLoss);
}

TEST(GoTestStream, PassesOnALineWithoutEnd) {
  const std::string line(LineCutter::kMaxLineBytes * 3 + 17, 'x');
  EXPECT_EQ(Read(line, 65536).shown, line);
}

}  // namespace
}  // namespace committest::runner
