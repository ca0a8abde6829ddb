#include "operator/retention.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/operator_builders.h"

namespace committest::op {
namespace {

using api::TestResult;
using std::chrono::hours;
using testing::ElementsAre;
using testing::IsEmpty;

FinishedTest Ended(const std::string& name, std::int64_t since, TestResult result,
                   const std::string& ref = "refs/heads/main") {
  FinishedTest test;
  test.key = {"ci", name};
  test.ref = ref;
  test.result = result;
  test.since = At(since);
  test.completed = At(since);
  test.ttl = hours(1);
  return test;
}

std::vector<std::string> ExpiredNames(std::vector<FinishedTest> tests, const RetentionRules& rules,
                                      std::int64_t now) {
  std::vector<std::string> names;
  for (const FinishedTest& test : Expired(std::move(tests), rules, At(now))) {
    names.push_back(test.key.name);
  }
  return names;
}

TEST(Retention, EndsEachOneWhenItsTimeIsOver) {
  const std::vector<FinishedTest> tests = {Ended("new", 100, TestResult::kPassed),
                                           Ended("old", 0, TestResult::kFailed)};
  EXPECT_THAT(ExpiredNames(tests, {}, 3'599), IsEmpty());
  EXPECT_THAT(ExpiredNames(tests, {}, 3'600), ElementsAre("old"));
  EXPECT_THAT(ExpiredNames(tests, {}, 3'700), ElementsAre("old", "new"));
}

TEST(Retention, KeepsTheNewestPassedAndFailedOfEachRef) {
  const std::vector<FinishedTest> tests = {
      Ended("main-passed-old", 1, TestResult::kPassed),
      Ended("main-passed", 2, TestResult::kPassed),
      Ended("main-failed", 3, TestResult::kFailed),
      Ended("main-error", 4, TestResult::kError),
      Ended("main-cancelled", 5, TestResult::kCancelled),
      Ended("dev-passed", 1, TestResult::kPassed, "refs/heads/dev")};
  EXPECT_THAT(ExpiredNames(tests, {0, 1}, 100'000),
              ElementsAre("main-passed-old", "main-error", "main-cancelled"));
  EXPECT_THAT(ExpiredNames(tests, {0, 2}, 100'000), ElementsAre("main-error", "main-cancelled"));
}

TEST(Retention, KeepsTheNewestCommitThoughAnOlderOneEndedLater) {
  FinishedTest slow = Ended("older-commit", 1, TestResult::kPassed);
  slow.completed = At(50);
  const std::vector<FinishedTest> tests = {slow, Ended("newer-commit", 2, TestResult::kPassed)};
  EXPECT_THAT(ExpiredNames(tests, {0, 1}, 100'000), ElementsAre("older-commit"));
}

TEST(Retention, EndsThoseBeyondTheCountAfterTenMinutes) {
  const std::vector<FinishedTest> tests = {Ended("first", 1, TestResult::kError),
                                           Ended("second", 2, TestResult::kError),
                                           Ended("third", 3, TestResult::kError)};
  EXPECT_THAT(ExpiredNames(tests, {2, 1}, 600), IsEmpty());
  EXPECT_THAT(ExpiredNames(tests, {2, 1}, 601), ElementsAre("first"));
  EXPECT_THAT(ExpiredNames(tests, {1, 1}, 700), ElementsAre("first", "second"));
}

TEST(Retention, EndsNothingSoonerThanTenMinutesWhateverItsTime) {
  FinishedTest test = Ended("hasty", 0, TestResult::kError);
  test.ttl = std::chrono::seconds(1);
  EXPECT_THAT(ExpiredNames({test}, {1, 0}, 599), IsEmpty());
  EXPECT_THAT(ExpiredNames({test}, {1, 0}, 600), ElementsAre("hasty"));
}

}  // namespace
}  // namespace committest::op
