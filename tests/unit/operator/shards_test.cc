#include "operator/shards.h"

#include <algorithm>
#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/api/reasons.h"
#include "operator/decide.h"
#include "operator/verdict.h"
#include "tests/unit/operator/decide_fixture.h"

namespace committest::op {
namespace {

using api::TestResult;
using testing::HasSubstr;

constexpr std::int64_t kShards = 3;
constexpr const char* kPlan = "0123456789abcdef";

api::CommitTest ASharded() {
  api::CommitTest commit_test = ACommitTest();
  commit_test.spec.sharding.count = kShards;
  return commit_test;
}

PodView ShardPod(std::int64_t index) {
  PodView pod = APod(AJob(ASharded()));
  pod.meta.name += "-" + std::to_string(index);
  pod.index = index;
  return pod;
}

PodView RunningShard(std::int64_t index) { return Running(Scheduled(ShardPod(index))); }

using Change = std::function<void(api::RunSummary&)>;

/// A shard that has two of six units and ended with `code`.
PodView Shard(std::int64_t index, std::int64_t code, std::int64_t passed, std::int64_t failed,
              const Change& change = nullptr) {
  api::RunSummary summary = ASummary(passed, failed);
  summary.shard = api::ShardReport{index, kShards, kPlan, 2, 6};
  if (change) change(summary);
  return Terminated(RunningShard(index), code, Encoded(summary));
}

PodView Passing(std::int64_t index) { return Shard(index, 0, 3, 0); }
PodView Failing(std::int64_t index) { return Shard(index, 10, 2, 1); }
PodView Empty(std::int64_t index) { return Shard(index, 30, 0, 0); }
PodView WithReason(std::int64_t index, std::int64_t code, const char* reason) {
  return Shard(index, code, 1, 0, [reason](api::RunSummary& s) { s.reason = reason; });
}
PodView OutOfMemory(std::int64_t index) {
  return Terminated(RunningShard(index), 137, "", "OOMKilled");
}

std::optional<Ending> Judged(const std::vector<PodView>& pods) {
  return JudgeAttempt(ASharded().spec, pods);
}

// One shard beside two others: every kind of end, in the order of the table in shards.h.

struct Kind {
  const char* name;
  PodView (*pod)(std::int64_t index);
  TestResult result;
  const char* reason;
  bool retryable = false;
};

const std::vector<Kind>& Kinds() {
  static const std::vector<Kind> kKinds{
      {"exit 50", [](std::int64_t i) { return Shard(i, 50, 0, 0); }, TestResult::kError,
       api::reason::kResultLost, true},
      {"exit 60", [](std::int64_t i) { return Shard(i, 60, 0, 0); }, TestResult::kError,
       api::reason::kConfigurationError},
      {"exit 21", [](std::int64_t i) { return Shard(i, 21, 0, 0); }, TestResult::kError,
       api::reason::kCommitGone},
      {"time limit", [](std::int64_t i) { return WithReason(i, 10, api::reason::kTimedOut); },
       TestResult::kFailed, api::reason::kTimedOut},
      {"out of memory", OutOfMemory, TestResult::kFailed, api::reason::kOutOfMemory},
      {"set-up failed", [](std::int64_t i) { return WithReason(i, 40, api::reason::kSetupFailed); },
       TestResult::kError, api::reason::kSetupFailed},
      {"exit 40", [](std::int64_t i) { return Shard(i, 40, 0, 0); }, TestResult::kError,
       api::reason::kReportInvalid},
      {"tests failed", Failing, TestResult::kFailed, api::reason::kTestsFailed},
      {"passed", Passing, TestResult::kPassed, api::reason::kTestsPassed},
      {"without tests", Empty, TestResult::kPassed, api::reason::kTestsPassed},
  };
  return kKinds;
}

/// All pairs of kinds in shards 1 and 2 beside one that passed: the kind that stands first in the
/// table decides, wherever its shard is.
TEST(Shards, TheFirstRowOfTheTableThatMatchesDecides) {
  const std::vector<Kind>& kinds = Kinds();
  for (std::size_t a = 0; a < kinds.size(); ++a) {
    for (std::size_t b = 0; b < kinds.size(); ++b) {
      const std::string which = std::string(kinds[a].name) + " and " + kinds[b].name;
      const Kind& decisive = kinds[std::min(a, b)];
      const auto ending = Judged({Passing(0), kinds[a].pod(1), kinds[b].pod(2)});
      ASSERT_TRUE(ending.has_value()) << which;
      EXPECT_EQ(ending->result, decisive.result) << which;
      EXPECT_EQ(ending->reason, decisive.reason) << which;
      EXPECT_EQ(ending->retryable, decisive.retryable) << which;
      EXPECT_FALSE(ending->message.empty()) << which;
      EXPECT_TRUE(ending->evidence->exit_code.has_value()) << which;
    }
  }
}

TEST(Shards, WithoutAnyTestNothingIsPassed) {
  EXPECT_EQ(Judged({Empty(0), Empty(1), Empty(2)})->reason, api::reason::kNoTestsFound);
}

TEST(Shards, AFlakyTestInOneIsOneInAll) {
  const PodView flaky = Shard(1, 0, 3, 0, [](api::RunSummary& s) { s.counts.flaky = 1; });
  const auto ending = Judged({Passing(0), flaky, Passing(2)});
  EXPECT_EQ(ending->reason, api::reason::kPassedWithFlakes);
  EXPECT_EQ(ending->summary->counts.flaky, 1);
}

/// No other end is a verdict while a shard runs, so that counts are complete.
TEST(Shards, AVerdictWaitsForAllOfThem) {
  for (const Kind& kind : Kinds()) {
    const auto ending = Judged({RunningShard(0), kind.pod(1), Passing(2)});
    EXPECT_EQ(ending.has_value(), kind.retryable) << kind.name;
    EXPECT_EQ(Judged({kind.pod(1), Passing(2)}).has_value(), kind.retryable) << kind.name;
  }
}

TEST(Shards, OneThatIsLostEndsTheAttemptAndLeavesNoExitCodeThatWouldKeepTheJob) {
  const PodView lost = Disrupted(Terminated(RunningShard(1), 143, "", ""), "EvictionByEvictionAPI");
  const auto ending = Judged({RunningShard(0), lost});
  ASSERT_TRUE(ending.has_value());
  EXPECT_TRUE(ending->retryable);
  EXPECT_EQ(ending->reason, api::reason::kDisrupted);
  EXPECT_THAT(ending->message, HasSubstr("shard 2 of 3: "));
  EXPECT_EQ(ending->evidence->exit_code, std::nullopt);
}

// What says that the shards are not parts of one plan.

struct Forgery {
  const char* what;
  PodView pod;  ///< In place of shard 1.
  const char* word;
};

TEST(Shards, NothingPassesUnlessAllShardsAreOfOnePlan) {
  const auto changed = [](const Change& change) { return Shard(1, 0, 3, 0, change); };
  const std::vector<Forgery> forgeries{
      {"nothing of shards", changed([](auto& s) { s.shard.reset(); }), "nothing of shards"},
      {"another index", changed([](auto& s) { s.shard->index = 2; }), "that of shard 3 of 3"},
      {"another count", changed([](auto& s) { s.shard->count = 4; }), "that of shard 2 of 4"},
      {"no plan", changed([](auto& s) { s.shard->plan.clear(); }), "without a plan"},
      {"another plan", changed([](auto& s) { s.shard->plan[0] = 'f'; }), "other tests"},
      {"more units in all", changed([](auto& s) { s.shard->units_of_all = 7; }), "other tests"},
      {"fewer units", changed([](auto& s) { s.shard->units = 1; }), "5 of 6 units"},
      {"exit 30 and no summary", Terminated(RunningShard(1), 30), "no valid summary"},
      {"exit 30 and another plan", Shard(1, 30, 0, 0, [](auto& s) { s.shard->plan[0] = 'f'; }),
       "other tests"},
      {"exit 0 and another commit", changed([](auto& s) { s.commit = std::string(40, 'f'); }),
       "shard 2 of 3"},
  };
  for (const Forgery& forgery : forgeries) {
    for (const PodView& other : {Passing(2), Failing(2), Empty(2)}) {
      const auto ending = Judged({Passing(0), forgery.pod, other});
      ASSERT_TRUE(ending.has_value()) << forgery.what;
      EXPECT_EQ(ending->reason, api::reason::kReportInvalid) << forgery.what;
      EXPECT_THAT(ending->message, HasSubstr(forgery.word)) << forgery.what;
    }
  }
}

TEST(Shards, ThatACommandSplitNeedNoUnits) {
  const Change none = [](api::RunSummary& s) { s.shard->units = s.shard->units_of_all = 0; };
  EXPECT_EQ(
      Judged({Shard(0, 0, 1, 0, none), Shard(1, 0, 1, 0, none), Shard(2, 0, 1, 0, none)})->result,
      TestResult::kPassed);
}

TEST(Shards, APodWithoutAnIndexOrWithOneTooHighIsNoShard) {
  PodView stray = Failing(1);
  for (const auto index : {std::optional<std::int64_t>(), std::optional<std::int64_t>(3)}) {
    stray.index = index;
    EXPECT_FALSE(Judged({Passing(0), stray, Passing(2)}).has_value());
  }
}

TEST(Shards, OneThatWasStartedTwiceMustEndTheSameWay) {
  EXPECT_EQ(Judged({Passing(0), Passing(1), Passing(1), Passing(2)})->result, TestResult::kPassed);
  const auto ending = Judged({Passing(0), Passing(1), Failing(1), Passing(2)});
  EXPECT_EQ(ending->reason, api::reason::kResultLost);
  EXPECT_FALSE(ending->retryable);
}

// The sums.

TEST(Shards, CountsAreSumsAndTheDurationIsTheLongest) {
  const auto took = [](std::int64_t ms) {
    return [ms](api::RunSummary& s) {
      s.duration_ms = ms;
      s.timings[ms == 9 ? "0000000a" : "0000000b"] = ms;
    };
  };
  const auto ending =
      Judged({Passing(0), Shard(1, 10, 2, 1, took(9)), Shard(2, 0, 4, 0, took(9'000))});
  EXPECT_EQ(ending->reason, api::reason::kTestsFailed);
  EXPECT_EQ(ending->summary->counts, (api::TestCounts{10, 9, 1, 0, 0, 0}));
  EXPECT_EQ(ending->summary->duration_ms, 9'000);
  EXPECT_EQ(ending->summary->failures.size(), 1U);
  EXPECT_EQ(ending->summary->timings, (api::UnitTimings{{"0000000a", 9}, {"0000000b", 9'000}}));
  EXPECT_THAT(ending->message, HasSubstr("1 of 10 tests failed"));
  EXPECT_EQ(ending->evidence->pod_name, ShardPod(1).meta.name);
  EXPECT_EQ(ending->evidence->exit_code, 10);
}

TEST(Shards, FailuresAreThoseOfTheFirstShardsAndTheRestIsCounted) {
  const Change many = [](api::RunSummary& s) {
    s.counts = {12, 0, 12, 0, 0};
    s.failures.assign(8, {"t", "f", "m"});
    s.failures_omitted = 4;
  };
  const auto ending =
      Judged({Shard(0, 10, 0, 1, many), Shard(1, 10, 0, 1, many), Shard(2, 10, 0, 1, many)});
  EXPECT_EQ(ending->summary->failures.size(), api::kMaxFailures);
  EXPECT_EQ(ending->summary->failures_omitted, 16);
  EXPECT_EQ(ending->summary->counts.failed, 36);
}

TEST(Shards, WithoutTheSummaryOfOneThereAreNoCounts) {
  EXPECT_FALSE(Judged({Passing(0), OutOfMemory(1), Passing(2)})->summary.has_value());
}

// What is decided of them.

Observed WithShards(std::vector<PodView> pods, std::int64_t seconds) {
  api::CommitTest commit_test = ASharded();
  AddAttempt(commit_test, 1);
  Observed observed = AnObserved(commit_test, seconds);
  observed.job = AJob(commit_test);
  observed.pods = std::move(pods);
  return observed;
}

TEST(Shards, OneThatRunsIsTheRunAndTakesNoTurns) {
  Observed observed = WithShards({RunningShard(0), RunningShard(1), ShardPod(2)}, 5);
  observed = AfterWriting(observed, Decide(observed));
  EXPECT_EQ(StatusOf(Decide(observed), api::condition::kStarted), "True/TestsRunning");
  EXPECT_EQ(observed.commit_test.status.attempts[0].pod_name, ShardPod(0).meta.name);
  for (std::vector<PodView> next : {std::vector{Passing(0), RunningShard(1), RunningShard(2)},
                                    std::vector{Passing(0), Passing(1), ShardPod(2)}}) {
    observed.pods = std::move(next);
    EXPECT_FALSE(Writes(observed, Decide(observed)));
  }
}

TEST(Shards, OneThatCannotStartIsNamedWhileOthersRun) {
  const Observed observed =
      WithShards({RunningShard(0), RunningShard(1), Unschedulable(ShardPod(2), "no node")}, 5);
  const Decision decision = Decide(observed);
  EXPECT_THAT(ConditionOf(decision, api::condition::kStarted).message,
              HasSubstr("shard 3 of 3: Unschedulable"));
}

TEST(Shards, OneThatCannotStartIsNamedWhileNoneRuns) {
  const Observed observed = WithShards({ShardPod(0), Unschedulable(ShardPod(1), "no node")}, 5);
  const Decision decision = Decide(observed);
  EXPECT_EQ(StatusOf(decision, api::condition::kStarted), "False/Unschedulable");
  EXPECT_EQ(ConditionOf(decision, api::condition::kStarted).message, "shard 2 of 3: no node");
}

TEST(Shards, TheDeadlineOfOneIsThatOfTheAttempt) {
  const Observed observed =
      WithShards({Passing(0), RunningShard(1), Unschedulable(ShardPod(2), "no node")}, 601);
  const Decision decision = Decide(observed);
  EXPECT_EQ(decision.next_status.result, TestResult::kError);
  EXPECT_EQ(StatusOf(decision, api::condition::kSucceeded), "False/Unschedulable");
  EXPECT_THAT(ConditionOf(decision, api::condition::kSucceeded).message,
              HasSubstr("shard 3 of 3: the Pod got no node"));
  EXPECT_THAT(decision.actions, testing::ElementsAre(testing::VariantWith<DeleteJob>(testing::_)));
}

TEST(Shards, AnAttemptThatLostOneIsMadeAnewAndItsJobDeletedWithTheOthers) {
  const PodView lost = Deleted(Terminated(RunningShard(1), 143), 3);
  const Decision decision = Decide(WithShards({RunningShard(0), lost, RunningShard(2)}, 12));
  EXPECT_EQ(StatusOf(decision, api::condition::kStarted), "False/Retrying");
  EXPECT_EQ(decision.next_status.attempts[0].reason, api::reason::kPodLost);
  EXPECT_THAT(decision.actions, testing::ElementsAre(testing::VariantWith<DeleteJob>(testing::_)));
}

TEST(Shards, OneThatTheJobSawEndingAndThatHasNoPodIsLost) {
  Observed observed = WithShards({RunningShard(0), RunningShard(2)}, 12);
  EXPECT_EQ(StatusOf(Decide(observed), api::condition::kStarted), "True/TestsRunning");
  observed.job->ended_indexes.set(1);
  const Decision decision = Decide(observed);
  EXPECT_EQ(StatusOf(decision, api::condition::kStarted), "False/Retrying");
  EXPECT_THAT(ConditionOf(decision, api::condition::kStarted).message, HasSubstr("shard 2 of 3"));
}

TEST(Shards, TimingsAreRecordedOfARunInShardsOnly) {
  const auto timed = [](std::int64_t index) {
    return Shard(index, 0, 1, 0,
                 [index](auto& s) { s.timings["0000000" + std::to_string(index)] = 10 * index; });
  };
  Observed observed = WithShards({timed(0), timed(1), timed(2)}, 12);
  Decision decision = Decide(observed);
  EXPECT_EQ(decision.next_status.result, TestResult::kPassed);
  EXPECT_EQ(decision.next_status.timings,
            (api::UnitTimings{{"00000000", 0}, {"00000001", 10}, {"00000002", 20}}));
  EXPECT_TRUE(decision.actions.empty());
  observed = WithRecordedJob(12);
  observed.pods = {timed(0)};
  decision = Decide(observed);
  EXPECT_EQ(decision.next_status.result, TestResult::kPassed);
  EXPECT_TRUE(decision.next_status.timings.empty());
}

}  // namespace
}  // namespace committest::op
