// What follows from what the commits say and hold.
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/api/names.h"
#include "observer/plan.h"
#include "tests/unit/observer/plan_builders.h"

namespace committest::observer {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

CommitFacts Facts(const api::ObservedRepository& repository) {
  return {repository.spec.template_->tests, repository.spec.template_->execution, std::nullopt, {}};
}

TEST(MakePlan, SkipsWhatTheMessageAsksForWithoutLookingIntoTheCommit) {
  auto repository = Repository({{kMain, Id(1), "", 0}});
  repository.spec.config_file.policy = api::ConfigFilePolicy::kUse;
  auto commits = Commits(2, 3);
  commits[1].skip_request = "[skip ci]";
  const auto answer = Answer(kMain, commits, Relation::kAdvanced);
  const auto questions = DetailsQuestions(repository, {answer});
  ASSERT_EQ(questions.size(), 1U);
  EXPECT_EQ(questions[0].commit, Id(2));
  const Plan plan =
      MakePlan(repository, {{kMain, Id(3)}}, {answer}, kNow, {{Id(2), Facts(repository)}});
  ASSERT_EQ(plan.steps.size(), 1U);
  ASSERT_EQ(plan.steps[0].create.size(), 2U);
  EXPECT_FALSE(plan.steps[0].create[0].spec.not_run);
  ASSERT_TRUE(plan.steps[0].create[1].spec.not_run);
  EXPECT_EQ(plan.steps[0].create[1].spec.not_run->reason, api::NotRunReason::kSkipRequested);
  EXPECT_EQ(plan.steps[0].create[1].spec.not_run->message, "the commit message holds [skip ci]");
  EXPECT_EQ(plan.steps[0].cursor.last_seen_commit, Id(3));
}

TEST(MakePlan, TestsACommitAsItsFactsSay) {
  auto repository = Repository();
  repository.spec.config_file.policy = api::ConfigFilePolicy::kUse;
  CommitFacts facts = Facts(repository);
  facts.tests.path = "checks";
  facts.execution.timeout_seconds = 7;
  const Plan plan =
      MakePlan(repository, {{kMain, Id(1)}}, {Answer(kMain, Commits(1, 1), Relation::kInitial)},
               kNow, {{Id(1), facts}});
  ASSERT_EQ(plan.steps.size(), 1U);
  const api::CommitTest& test = plan.steps[0].create.at(0);
  EXPECT_EQ(test.spec.tests.path, "checks");
  EXPECT_EQ(test.spec.execution.timeout_seconds, 7);
  EXPECT_EQ(test.meta.name, api::CommitTestName("app", Id(1), facts.tests, facts.execution));
  EXPECT_EQ(plan.steps[0].cursor.last_test_name, test.meta.name);
}

TEST(MakePlan, NamesABrokenFileByItsContent) {
  auto repository = Repository();
  repository.spec.config_file.policy = api::ConfigFilePolicy::kUse;
  std::set<std::string> names;
  for (const char* file : {"", "id-1", "id-2", "id-1"}) {
    CommitFacts facts = Facts(repository);
    facts.refused_file = file;
    const Plan plan =
        MakePlan(repository, {{kMain, Id(1)}}, {Answer(kMain, Commits(1, 1), Relation::kInitial)},
                 kNow, {{Id(1), facts}});
    names.insert(plan.steps.at(0).create.at(0).meta.name);
  }
  EXPECT_EQ(names.size(), 3U);
}

TEST(MakePlan, LeavesTheCursorOfARefWithACommitThatCouldNotBeLookedInto) {
  auto repository = Repository({{kMain, Id(1), "", 0}, {kDev, Id(1), "", 0}});
  repository.spec.config_file.policy = api::ConfigFilePolicy::kUse;
  const std::vector<HistoryAnswer> answers = {Answer(kMain, Commits(2, 3), Relation::kAdvanced),
                                              Answer(kDev, Commits(2, 2), Relation::kAdvanced)};
  const Plan plan = MakePlan(repository, {{kDev, Id(2)}, {kMain, Id(3)}}, answers, kNow,
                             {{Id(2), Facts(repository)}});
  ASSERT_EQ(plan.steps.size(), 1U);
  EXPECT_EQ(plan.steps[0].ref, kDev);
  const auto cursors = CursorsAfter(plan, {kDev});
  EXPECT_EQ(cursors.at(1).name, kMain);
  EXPECT_EQ(cursors.at(1).last_seen_commit, Id(1));
}

TEST(DetailsQuestions, AsksForNothingIfNeitherPathsNorFileMatter) {
  const auto answer = Answer(kMain, Commits(1, 1), Relation::kInitial);
  EXPECT_TRUE(DetailsQuestions(Repository(), {answer}).empty());
  auto repository = Repository();
  repository.spec.paths = {"src/**"};
  const auto questions = DetailsQuestions(repository, {answer});
  ASSERT_EQ(questions.size(), 1U);
  EXPECT_FALSE(questions[0].wants_config);
  EXPECT_FALSE(questions[0].filter.Counts(".committest.yaml"));
}

TEST(DetailsQuestions, AsksOnceAndOnlyAboutCommitsThatAreTested) {
  auto repository = Repository({{kMain, Id(1), "", 0}});
  repository.spec.config_file.policy = api::ConfigFilePolicy::kUse;
  repository.spec.max_backfill = 2;
  repository.spec.initial_commits = 0;
  const auto questions =
      DetailsQuestions(repository, {Answer(kMain, Commits(4, 5), Relation::kAdvanced),
                                    Answer(kDev, Commits(3, 5), Relation::kInitial)});
  ASSERT_EQ(questions.size(), 2U);
  EXPECT_EQ(questions[0].commit, Id(4));
  EXPECT_EQ(questions[0].base, "");
}

TEST(DetailsQuestions, ComparesATipThatStandsForAllWithTheCursor) {
  auto repository = Repository({{kMain, Id(1), "", 0}});
  repository.spec.paths = {"src/**"};
  repository.spec.commit_policy = api::CommitPolicy::kTipOnly;
  for (const auto& [relation, base] :
       {std::pair{Relation::kAdvanced, Id(1)}, std::pair{Relation::kRewritten, Id(1)},
        std::pair{Relation::kUnrelated, std::string()}}) {
    const auto questions = DetailsQuestions(repository, {Answer(kMain, Commits(2, 3), relation)});
    ASSERT_EQ(questions.size(), 1U);
    EXPECT_EQ(questions[0].base, base);
  }
}

TEST(InsteadOfRefused, IsForWhatAFileHasMadeAndKeepsItsName) {
  const auto repository = Repository();
  const Plan plan = MakePlan(repository, {{kMain, Id(1)}},
                             {Answer(kMain, Commits(1, 1), Relation::kInitial)}, kNow);
  api::CommitTest test = plan.steps.at(0).create.at(0);
  EXPECT_FALSE(InsteadOfRefused(repository, test, "no")) << "the template is to blame";
  test.spec.tests.path = "checks";
  test.meta.name = "app-x";
  const auto instead = InsteadOfRefused(repository, test, "spec.tests.path is no good");
  ASSERT_TRUE(instead);
  EXPECT_NE(instead->meta.name, test.meta.name);
  EXPECT_EQ(instead->meta.name, InsteadOfRefused(repository, test, "other words")->meta.name);
  EXPECT_EQ(instead->spec.tests, repository.spec.template_->tests);
  ASSERT_TRUE(instead->spec.not_run);
  EXPECT_EQ(instead->spec.not_run->reason, api::NotRunReason::kConfigurationError);
}

}  // namespace
}  // namespace committest::observer
