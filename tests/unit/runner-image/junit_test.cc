#include "runner-image/junit.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace committest::runner {
namespace {

using ::testing::HasSubstr;

JunitReport Parsed(const std::string& xml) {
  const Result<JunitReport> report = ParseJunit(xml);
  EXPECT_TRUE(report) << report.error().message;
  return report.value_or(JunitReport{});
}

std::string ErrorOf(const std::string& xml) {
  const Result<JunitReport> report = ParseJunit(xml);
  EXPECT_FALSE(report);
  if (report) return "";
  EXPECT_EQ(report.error().code, ErrorCode::kDataLoss);
  return report.error().message;
}

TEST(Junit, CountsEachOutcome) {
  const JunitReport report = Parsed(R"(<?xml version="1.0"?>
    <testsuites><testsuite name="s">
      <testcase classname="A" name="passes"/>
      <testcase classname="A" name="fails"><failure message="1 != 2">trace</failure></testcase>
      <testcase classname="A" name="errs"><error message="boom"/></testcase>
      <testcase classname="A" name="skips"><skipped/></testcase>
      <testcase classname="A" name="prints"><system-out>text</system-out></testcase>
    </testsuite></testsuites>)");
  EXPECT_EQ(report.counts, (api::TestCounts{5, 2, 1, 1, 1}));
}

TEST(Junit, DoesNotBelieveTheAttributesOfASuite) {
  const JunitReport report = Parsed(
      R"(<testsuite tests="500" failures="0"><testcase name="a"><failure/></testcase></testsuite>)");
  EXPECT_EQ(report.counts, (api::TestCounts{1, 0, 1, 0, 0}));
}

TEST(Junit, CountsATestOnceThatHasSeveralElements) {
  const JunitReport report = Parsed(
      R"(<testsuite><testcase name="a"><skipped/><error/><failure/><failure/></testcase></testsuite>)");
  EXPECT_EQ(report.counts, (api::TestCounts{1, 0, 1, 0, 0}));
}

TEST(Junit, CountsExpectedFailuresOfPytestAsPassed) {
  const JunitReport report = Parsed(
      R"(<testsuite><testcase name="a"><skipped type="pytest.xfail" message="later"/></testcase>
         <testcase name="b"><skipped type="pytest.skip" message="no"/></testcase></testsuite>)");
  EXPECT_EQ(report.counts, (api::TestCounts{2, 1, 0, 0, 1}));
}

TEST(Junit, CountsTestsThatWereNotRunAsSkipped) {
  const JunitReport report = Parsed(
      R"(<testsuites><testsuite><testcase name="DISABLED_a" status="notrun" result="suppressed"/>
         <testcase name="b" status="disabled"/><testcase name="c" status="run"/></testsuite></testsuites>)");
  EXPECT_EQ(report.counts, (api::TestCounts{3, 1, 0, 0, 2}));
}

TEST(Junit, SumsNestedSuites) {
  const JunitReport report = Parsed(
      "<testsuites><testsuite><testcase name='a'/><testsuite><testcase name='b'/></testsuite>"
      "</testsuite><testsuite><testcase name='c'/></testsuite></testsuites>");
  EXPECT_EQ(report.counts.total, 3);
}

TEST(Junit, NamesTheFailingTest) {
  const JunitReport report = Parsed(
      R"(<testsuite><testcase classname="tests.test_a.A" name="test_x[1]" file="tests/test_a.py">
         <failure message="first&#10;second">trace</failure></testcase></testsuite>)");
  ASSERT_EQ(report.failures.size(), 1U);
  EXPECT_EQ(report.failures[0].name, "tests.test_a.A.test_x[1]");
  EXPECT_EQ(report.failures[0].file, "tests/test_a.py");
  EXPECT_EQ(report.failures[0].message, "first second");
}

TEST(Junit, DoesNotRepeatAClassThatTheNameBeginsWith) {
  const JunitReport report =
      Parsed("<testsuite><testcase classname='a.B' name='a.B.c'><error/></testcase></testsuite>");
  EXPECT_EQ(report.failures.at(0).name, "a.B.c");
}

TEST(Junit, TakesTheFirstLineOfTheTextWhenThereIsNoMessage) {
  const JunitReport report = Parsed(
      "<testsuite><testcase name='a'><failure type='T'>\n  line one\nline two</failure></testcase>"
      "<testcase name='b'><error type='OnlyAType'/></testcase></testsuite>");
  EXPECT_EQ(report.failures.at(0).message, "line one");
  EXPECT_EQ(report.failures.at(1).message, "OnlyAType");
}

TEST(Junit, KeepsTheFirstTwentyFailuresAndCountsTheRest) {
  std::string xml = "<testsuite>";
  for (int i = 0; i < 25; ++i) {
    xml += "<testcase name='t" + std::to_string(i) + "'><failure/></testcase>";
  }
  const JunitReport report = Parsed(xml + "</testsuite>");
  ASSERT_EQ(report.failures.size(), 20U);
  EXPECT_EQ(report.failures.back().name, "t19");
  EXPECT_EQ(report.failures_omitted, 5);
  EXPECT_EQ(report.counts.failed, 25);
}

TEST(Junit, MakesNamesOneLineOfValidUtf8) {
  const JunitReport report = Parsed(
      "<testsuite><testcase "
      "name='a\xFF&#10;b\xE2\x80\xAE\x1b[31mc'><failure/></testcase></testsuite>");
  EXPECT_EQ(report.failures.at(0).name, "a\xEF\xBF\xBD bc");
}

TEST(Junit, BoundsAMessageOfMegabytes) {
  const std::string xml = "<testsuite><testcase name='a'><failure message='" +
                          std::string(4'000'000, 'x') + "'/></testcase></testsuite>";
  EXPECT_LE(Parsed(xml).failures.at(0).message.size(), api::kMaxFailureMessageBytes);
}

TEST(Junit, AcceptsASuiteWithoutTests) {
  EXPECT_EQ(Parsed("<testsuites/>").counts, api::TestCounts{});
}

TEST(Junit, RefusesWhatIsNoXml) {
  EXPECT_THAT(ErrorOf("all tests passed"), HasSubstr("not XML"));
  EXPECT_THAT(ErrorOf("<testsuite><testcase name='a'/>"), HasSubstr("not XML"));
  EXPECT_THAT(ErrorOf("<testsuite><testcase name='a'></testsuite>"), HasSubstr("not XML"));
}

TEST(Junit, RefusesAnEmptyReport) {
  EXPECT_THAT(ErrorOf(""), HasSubstr("empty"));
  EXPECT_THAT(ErrorOf(" \n"), HasSubstr("empty"));
}

TEST(Junit, RefusesAReportWithAZeroByte) {
  using std::string_literals::operator""s;
  EXPECT_THAT(ErrorOf("<testsuite><testcase name='a'/></testsuite>\0<failure/>"s),
              HasSubstr("zero byte"));
}

TEST(Junit, ReadsWiderCharacters) {
  const std::string narrow = "<testsuite><testcase name='a'/></testsuite>";
  std::string wide = "\xFF\xFE";
  for (const char c : narrow) wide.append({c, '\0'});
  EXPECT_EQ(Parsed(wide).counts, (api::TestCounts{1, 1, 0, 0, 0}));
}

TEST(Junit, RefusesAnotherRootElement) {
  EXPECT_THAT(ErrorOf("<html><testcase name='a'/></html>"), HasSubstr("<html>"));
}

TEST(Junit, RefusesReportsThatWereGluedTogether) {
  EXPECT_THAT(ErrorOf("<testsuite/><testsuite/>"), HasSubstr("more than one root"));
}

TEST(Junit, RefusesDocumentTypesAndSoEntityBombs) {
  EXPECT_THAT(ErrorOf(R"(<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol">
    <!ENTITY lol1 "&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;">]>
    <testsuite><testcase name="&lol1;"/></testsuite>)"),
              HasSubstr("document type"));
}

TEST(Junit, RefusesSuitesThatAreTooDeep) {
  std::string xml;
  for (int i = 0; i < 200'000; ++i) xml += "<testsuite>";
  for (int i = 0; i < 200'000; ++i) xml += "</testsuite>";
  EXPECT_THAT(ErrorOf(xml), HasSubstr("too deep"));
}

TEST(Junit, IgnoresHowDeepOtherElementsAre) {
  std::string xml = "<testsuite><testcase name='a'/><properties>";
  for (int i = 0; i < 100'000; ++i) xml += "<p>";
  for (int i = 0; i < 100'000; ++i) xml += "</p>";
  EXPECT_EQ(Parsed(xml + "</properties></testsuite>").counts.total, 1);
}

TEST(Junit, RefusesMoreThanSixteenMebibytes) {
  EXPECT_THAT(ErrorOf("<testsuite>" + std::string(kMaxReportBytes, ' ') + "</testsuite>"),
              HasSubstr("larger"));
}

TEST(Junit, AddsReports) {
  JunitReport sum = Parsed("<testsuite><testcase name='a'><failure/></testcase></testsuite>");
  Add(sum,
      Parsed("<testsuite><testcase name='b'><error/></testcase><testcase name='c'/></testsuite>"));
  EXPECT_EQ(sum.counts, (api::TestCounts{3, 1, 1, 1, 0}));
  ASSERT_EQ(sum.failures.size(), 2U);
  EXPECT_EQ(sum.failures[1].name, "b");
}

TEST(Junit, CountsFailuresBeyondTwentyWhenItAdds) {
  std::string xml = "<testsuite>";
  for (int i = 0; i < 15; ++i) xml += "<testcase name='t'><failure/></testcase>";
  JunitReport sum = Parsed(xml + "</testsuite>");
  Add(sum, sum);
  EXPECT_EQ(sum.failures.size(), 20U);
  EXPECT_EQ(sum.failures_omitted, 10);
}

}  // namespace
}  // namespace committest::runner
