#include "observer/plan.h"

#include <algorithm>
#include <ostream>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/api/names.h"
#include "tests/unit/observer/plan_builders.h"

namespace committest::observer {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(Questions, AreAskedOnlyForRefsThatChanged) {
  const std::vector<api::RefStatus> cursor = {{kMain, Id(1), "", 0}, {kDev, Id(5), "", 0}};
  const auto questions = Questions(Repository().spec, cursor,
                                   {{kDev, Id(5)}, {kMain, Id(2)}, {"refs/heads/x", Id(3)}});
  ASSERT_EQ(questions.size(), 2U);
  EXPECT_EQ(questions[0], (HistoryQuery{kMain, Id(1), Id(2), api::History::kFirstParent, 50}));
  EXPECT_EQ(questions[1], (HistoryQuery{"refs/heads/x", "", Id(3), api::History::kFirstParent, 1}));
}

TEST(Questions, AskForNothingWhenNothingIsNew) {
  EXPECT_THAT(Questions(Repository().spec, {{kMain, Id(1), "", 0}}, {{kMain, Id(1)}}), IsEmpty());
}

TEST(Questions, LimitTheCommitsByPolicy) {
  api::ObservedRepositorySpec spec = Repository().spec;
  spec.max_backfill = 7;
  spec.initial_commits = 3;
  spec.history = api::History::kAll;
  const std::vector<api::RefStatus> cursor = {{kMain, Id(1), "", 0}};
  const std::vector<RemoteRef> refs = {{kDev, Id(9)}, {kMain, Id(2)}};
  EXPECT_EQ(Questions(spec, cursor, refs)[0].limit, 3);
  EXPECT_EQ(Questions(spec, cursor, refs)[1].limit, 7);
  EXPECT_EQ(Questions(spec, cursor, refs)[1].mode, api::History::kAll);
  spec.commit_policy = api::CommitPolicy::kTipOnly;
  EXPECT_EQ(Questions(spec, cursor, refs)[1].limit, 1);
  spec.initial_commits = 0;
  EXPECT_EQ(Questions(spec, cursor, refs)[0].limit, 1);
}

TEST(Questions, TakeACursorWithoutCommitForNone) {
  EXPECT_EQ(Questions(Repository().spec, {{kMain, "", "", 0}}, {{kMain, Id(1)}})[0].from, "");
}

TEST(SelectRefs, KeepsRefsThatHaveACursorWhenThereAreTooMany) {
  RemoteRefs remote;
  for (int i = 0; i < 150; ++i) remote.refs.push_back({"refs/heads/b" + Id(i), Id(i)});
  const std::string last = remote.refs.back().name;
  const auto selected = SelectRefs({{last, Id(1), "", 0}}, remote);
  EXPECT_EQ(selected.refs.size(), api::kMaxObservedRefs);
  EXPECT_EQ(selected.omitted, 50U);
  EXPECT_EQ(selected.refs.back().name, last);
  EXPECT_TRUE(std::ranges::is_sorted(selected.refs, {}, &RemoteRef::name));
}

// The table of plan.h, row by row.
struct Row {
  const char* what;
  bool has_cursor;
  Relation relation;
  int commits;  // How many new commits the history answers with.
  std::int64_t omitted;
  api::CommitPolicy policy;
  std::int64_t initial_commits;
  int expected_created;  // The newest of them.
  std::int64_t expected_skipped;
  SkipReason expected_reason;
};

std::ostream& operator<<(std::ostream& out, const Row& row) { return out << row.what; }

class PlanTable : public ::testing::TestWithParam<Row> {};

constexpr auto kEvery = api::CommitPolicy::kEveryCommit;
constexpr auto kTip = api::CommitPolicy::kTipOnly;

TEST_P(PlanTable, CreatesTheNewestAndMovesTheCursorToTheTip) {
  const Row& row = GetParam();
  auto repository = row.has_cursor ? Repository({{kMain, Id(1), "app-1", 10}}) : Repository();
  repository.spec.commit_policy = row.policy;
  repository.spec.initial_commits = row.initial_commits;
  const auto answer = Answer(kMain, Commits(2, 1 + row.commits), row.relation, row.omitted);
  const Plan plan = MakePlan(repository, {{kMain, answer.to}}, {answer}, kNow);
  ASSERT_EQ(plan.steps.size(), 1U);
  const RefStep& step = plan.steps[0];
  std::vector<std::string> expected;
  for (int i = 2 + row.commits - row.expected_created; i <= 1 + row.commits; ++i) {
    expected.push_back(Id(i));
  }
  EXPECT_EQ(Created(step), expected);
  EXPECT_EQ(step.skipped, row.expected_skipped);
  EXPECT_EQ(step.skip_reason, row.expected_reason);
  EXPECT_EQ(step.cursor.last_seen_commit, answer.to);
  EXPECT_EQ(step.cursor.name, kMain);
  const std::int64_t before = row.has_cursor ? 10 : 0;
  const bool counts = row.expected_reason == SkipReason::kMaxBackfill;
  EXPECT_EQ(step.cursor.skipped_commits, before + (counts ? row.expected_skipped : 0));
  EXPECT_EQ(step.cursor.last_test_name, step.create.empty() ? "" : step.create.back().meta.name);
}

INSTANTIATE_TEST_SUITE_P(
    Rows, PlanTable,
    ::testing::Values(
        Row{"first sight", false, Relation::kInitial, 1, 0, kEvery, 1, 1, 0, SkipReason::kNone},
        Row{"first sight of three", false, Relation::kInitial, 3, 0, kEvery, 3, 3, 0,
            SkipReason::kNone},
        Row{"first sight, tip only", false, Relation::kInitial, 1, 0, kTip, 3, 1, 0,
            SkipReason::kNone},
        Row{"first sight, none wanted", false, Relation::kInitial, 1, 0, kEvery, 0, 0, 1,
            SkipReason::kInitialCommits},
        Row{"advanced by one", true, Relation::kAdvanced, 1, 0, kEvery, 1, 1, 0, SkipReason::kNone},
        Row{"advanced by many", true, Relation::kAdvanced, 20, 0, kEvery, 1, 20, 0,
            SkipReason::kNone},
        Row{"advanced beyond the backfill", true, Relation::kAdvanced, 50, 7, kEvery, 1, 50, 7,
            SkipReason::kMaxBackfill},
        Row{"advanced, tip only", true, Relation::kAdvanced, 1, 4, kTip, 1, 1, 4,
            SkipReason::kTipOnly},
        Row{"rewritten", true, Relation::kRewritten, 3, 0, kEvery, 1, 3, 0, SkipReason::kNone},
        Row{"rewritten, tip only", true, Relation::kRewritten, 1, 2, kTip, 1, 1, 2,
            SkipReason::kTipOnly},
        Row{"rewound", true, Relation::kRewound, 1, 0, kEvery, 1, 1, 0, SkipReason::kNone},
        Row{"unrelated", true, Relation::kUnrelated, 1, 30, kEvery, 1, 1, 30,
            SkipReason::kMaxBackfill},
        Row{"cursor missing", true, Relation::kCursorMissing, 1, 0, kEvery, 1, 1, 0,
            SkipReason::kNone},
        Row{"no commit", true, Relation::kNotACommit, 0, 0, kEvery, 1, 0, 1,
            SkipReason::kNotACommit},
        Row{"no commit at first sight", false, Relation::kNotACommit, 0, 0, kEvery, 1, 0, 1,
            SkipReason::kNotACommit}));

TEST(MakePlan, LeavesARefWithoutAnswerAsItIs) {
  const auto repository = Repository({{kMain, Id(1), "app-1", 3}});
  const Plan plan = MakePlan(repository, {{kDev, Id(8)}, {kMain, Id(2)}}, {}, kNow);
  EXPECT_THAT(plan.steps, IsEmpty());
  EXPECT_EQ(CursorsAfter(plan, {}), repository.status.refs);
}

TEST(MakePlan, IgnoresAnAnswerToAnOlderQuestion) {
  const auto repository = Repository({{kMain, Id(1), "app-1", 0}});
  const auto answer = Answer(kMain, Commits(2, 2), Relation::kAdvanced);
  const Plan plan = MakePlan(repository, {{kMain, Id(3)}}, {answer}, kNow);
  EXPECT_THAT(plan.steps, IsEmpty());
}

TEST(MakePlan, KeepsAnUnchangedRef) {
  const auto repository = Repository({{kMain, Id(1), "app-1", 3}});
  const Plan plan = MakePlan(repository, {{kMain, Id(1)}}, {}, kNow);
  EXPECT_THAT(plan.steps, IsEmpty());
  EXPECT_EQ(CursorsAfter(plan, {}), repository.status.refs);
}

TEST(MakePlan, DropsTheCursorOfARefThatIsGone) {
  const auto repository = Repository({{kDev, Id(4), "", 0}, {kMain, Id(1), "", 0}});
  const Plan plan = MakePlan(repository, {{kMain, Id(1)}}, {}, kNow);
  EXPECT_THAT(CursorsAfter(plan, {}), ElementsAre(api::RefStatus{kMain, Id(1), "", 0}));
}

TEST(MakePlan, TestsACommitOnceThoughSeveralRefsReachIt) {
  const auto repository = Repository({{kDev, Id(1), "", 0}, {kMain, Id(1), "", 0}});
  const Plan plan = MakePlan(repository, {{kDev, Id(3)}, {kMain, Id(3)}},
                             {Answer(kDev, Commits(2, 3), Relation::kAdvanced),
                              Answer(kMain, Commits(2, 3), Relation::kAdvanced)},
                             kNow);
  ASSERT_EQ(plan.steps.size(), 2U);
  EXPECT_THAT(Created(plan.steps[0]), ElementsAre(Id(2), Id(3)));
  EXPECT_THAT(Created(plan.steps[1]), IsEmpty());
  EXPECT_EQ(plan.steps[1].cursor.last_seen_commit, Id(3));
  EXPECT_EQ(plan.steps[1].cursor.last_test_name, plan.steps[0].create[1].meta.name);
}

TEST(MakePlan, TestsNothingOfACopyOfATestedBranch) {
  auto repository = Repository();
  repository.spec.initial_commits = 3;
  const auto first = Answer(kMain, Commits(1, 3), Relation::kInitial);
  repository.status.refs =
      CursorsAfter(MakePlan(repository, {{kMain, first.to}}, {first}, kNow), {kMain});
  // Whether the other branch is still there, or was renamed.
  for (const bool is_copy : {true, false}) {
    std::vector<RemoteRef> remote = {{kDev, Id(3)}};
    if (is_copy) remote.push_back({kMain, Id(3)});
    const auto again = Answer(kDev, Commits(1, 3), Relation::kInitial);
    const Plan plan = MakePlan(repository, remote, {again}, kNow);
    ASSERT_EQ(plan.steps.size(), 1U);
    EXPECT_THAT(plan.steps[0].create, IsEmpty());
    EXPECT_EQ(plan.steps[0].skipped, 0);
    EXPECT_EQ(plan.steps[0].cursor.last_seen_commit, Id(3));
    EXPECT_EQ(plan.steps[0].cursor.last_test_name, repository.status.refs[0].last_test_name);
  }
}

TEST(MakePlan, TestsTheRestWhenABranchCatchesUpWithATestedTip) {
  auto repository = Repository();
  const auto dev = Answer(kDev, Commits(3, 3), Relation::kInitial);
  repository.status.refs = CursorsAfter(MakePlan(repository, {{kDev, Id(3)}}, {dev}, kNow), {kDev});
  repository.status.refs.push_back({kMain, Id(1), "", 0});
  const auto answer = Answer(kMain, Commits(2, 3), Relation::kAdvanced);
  const Plan plan = MakePlan(repository, {{kDev, Id(3)}, {kMain, Id(3)}}, {answer}, kNow);
  ASSERT_EQ(plan.steps.size(), 1U);
  EXPECT_EQ(Created(plan.steps[0]), std::vector{Id(2)});
}

TEST(MakePlan, DescribesTheCommitTestInFull) {
  auto repository = Repository();
  api::CommitTestTemplate shared;
  shared.tests.framework = api::Framework::kPytest;
  shared.execution.timeout_seconds = 77;
  shared.retry.infrastructure_limit = 5;
  shared.sharding = {4, api::ShardStrategy::kName};
  shared.ttl_seconds_after_finished = 7'200;
  repository.spec.template_ = shared;
  const char* ref = "refs/heads/feature/x";
  const Plan plan =
      MakePlan(repository, {{ref, Id(1)}}, {Answer(ref, Commits(1, 1), Relation::kInitial)}, kNow);
  ASSERT_EQ(plan.steps.size(), 1U);
  ASSERT_EQ(plan.steps[0].create.size(), 1U);
  const api::CommitTest& test = plan.steps[0].create[0];
  EXPECT_EQ(test.meta.namespace_, "ci");
  EXPECT_EQ(test.meta.name, api::CommitTestName("app", Id(1), repository.spec.template_->tests,
                                                repository.spec.template_->execution));
  EXPECT_EQ(test.meta.labels.at(api::kRepositoryLabel), "app");
  EXPECT_EQ(test.meta.labels.at(api::kBranchLabel), api::LabelValue("feature/x"));
  EXPECT_EQ(test.meta.annotations.at(api::kRefAnnotation), ref);
  EXPECT_THAT(test.meta.owners, IsEmpty());
  EXPECT_EQ(test.spec.repository_name, "app");
  EXPECT_EQ(test.spec.source,
            (api::Source{"https://git.example.org/app", Id(1), ref, "Ann", "Commit 1"}));
  EXPECT_EQ(test.spec.trigger, (api::Trigger{api::TriggerType::kPoll, kNow}));
  EXPECT_EQ(test.spec.tests, repository.spec.template_->tests);
  EXPECT_EQ(test.spec.execution, repository.spec.template_->execution);
  EXPECT_EQ(test.spec.retry, repository.spec.template_->retry);
  EXPECT_EQ(test.spec.sharding, repository.spec.template_->sharding);
  EXPECT_EQ(test.spec.ttl_seconds_after_finished, 7'200);
}

TEST(MakePlan, OrdersTheCommitsOfOneLookByTheirDetectedTimes) {
  const auto repository = Repository({{kDev, Id(1), "", 0}, {kMain, Id(1), "", 0}});
  const Plan plan = MakePlan(repository, {{kDev, Id(4)}, {kMain, Id(7)}},
                             {Answer(kDev, Commits(2, 4), Relation::kAdvanced),
                              Answer(kMain, Commits(5, 7), Relation::kAdvanced)},
                             kNow);
  std::vector<WallTime> times;
  for (const RefStep& step : plan.steps) {
    for (const api::CommitTest& test : step.create)
      times.push_back(*test.spec.trigger.detected_time);
  }
  ASSERT_EQ(times.size(), 6U);
  EXPECT_EQ(times.front(), kNow);
  EXPECT_TRUE(std::ranges::is_sorted(times, std::less_equal<>())) << "two times are equal";
}

TEST(CursorsAfter, MovesOnlyTheRefsWhoseStepsAreDone) {
  const auto repository = Repository({{kDev, Id(1), "", 0}, {kMain, Id(1), "", 0}});
  const Plan plan = MakePlan(repository, {{kDev, Id(2)}, {kMain, Id(3)}},
                             {Answer(kDev, Commits(2, 2), Relation::kAdvanced),
                              Answer(kMain, Commits(2, 3), Relation::kAdvanced)},
                             kNow);
  const auto cursors = CursorsAfter(plan, {kMain});
  ASSERT_EQ(cursors.size(), 2U);
  EXPECT_EQ(cursors[0].last_seen_commit, Id(1));
  EXPECT_EQ(cursors[1].last_seen_commit, Id(3));
}

TEST(CursorsAfter, LeavesOutANewRefWhoseStepIsNotDone) {
  const Plan plan = MakePlan(Repository(), {{kMain, Id(1)}},
                             {Answer(kMain, Commits(1, 1), Relation::kInitial)}, kNow);
  EXPECT_THAT(CursorsAfter(plan, {}), IsEmpty());
}

}  // namespace
}  // namespace committest::observer
