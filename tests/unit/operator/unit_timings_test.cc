#include "operator/unit_timings.h"

#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/operator_builders.h"

namespace committest::op {
namespace {

using Tests = std::vector<std::shared_ptr<const api::CommitTest>>;

api::CommitTest Finished(const std::string& name, std::int64_t seconds) {
  api::CommitTest commit_test = ACommitTest();
  commit_test.meta.name = name;
  commit_test.status.result = api::TestResult::kFailed;
  commit_test.status.completion_time = At(seconds);
  commit_test.status.timings = {{"0000000a", 1}};
  return commit_test;
}

std::string SourceOf(const std::vector<api::CommitTest>& all, const api::CommitTest& next) {
  Tests shared;
  for (const api::CommitTest& one : all) shared.push_back(std::make_shared<api::CommitTest>(one));
  const auto source = TimingsSource(shared, next);
  return source ? source->name : "";
}

TEST(UnitTimings, AreThoseOfTheNewestThatRecordedAny) {
  EXPECT_EQ(SourceOf({Finished("a", 10), Finished("b", 30), Finished("c", 20)}, ACommitTest()),
            "b");
  EXPECT_EQ(SourceOf({}, ACommitTest()), "");
}

TEST(UnitTimings, AreNotThoseOfSomethingElse) {
  void (*const changes[])(api::CommitTest&) = {
      [](auto& test) { test.meta.namespace_ = "other"; },
      [](auto& test) { test.spec.repository_name = "other"; },
      [](auto& test) { test.spec.tests.framework = api::Framework::kPytest; },
      [](auto& test) { test.spec.tests.path = "other"; },
      [](auto& test) { test.status.result.reset(); },
      [](auto& test) { test.status.result = api::TestResult::kError; },
      [](auto& test) { test.status.completion_time.reset(); },
      [](auto& test) { test.status.timings.clear(); },
  };
  for (const auto change : changes) {
    api::CommitTest other = Finished("b", 30);
    change(other);
    EXPECT_EQ(SourceOf({Finished("a", 10), other}, ACommitTest()), "a");
  }
}

TEST(UnitTimings, OfNoRepositoryAreNobodys) {
  api::CommitTest next = ACommitTest();
  next.spec.repository_name.clear();
  api::CommitTest earlier = Finished("a", 10);
  earlier.spec.repository_name.clear();
  EXPECT_EQ(SourceOf({earlier}, next), "");
}

TEST(UnitTimings, KeepsTheLongest) {
  api::UnitTimings timings;
  for (int i = 0; i < 1'000; ++i) timings["0000" + std::to_string(1'000 + i)] = i;
  KeepLongest(timings);
  EXPECT_EQ(timings.size(), api::kMaxUnitTimings);
  EXPECT_EQ(timings.begin()->second, 1'000 - static_cast<std::int64_t>(api::kMaxUnitTimings));
}

}  // namespace
}  // namespace committest::op
