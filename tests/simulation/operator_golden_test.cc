// The ordinary ways of a CommitTest through the real reconciler, and every place in them where the
// operator can be killed or an answer can get lost.

#include <string>

#include <gtest/gtest.h>

#include "operator/job_builder.h"
#include "tests/simulation/world.h"

namespace committest::sim {
namespace {

/// Fails with every violated invariant.
void ExpectSound(World& world) {
  world.CheckSettled();
  for (const std::string& violation : world.Violations()) ADD_FAILURE() << violation;
}

TEST(OperatorSimulation, TakesThreeWritesTwoEventsAndNoReadForAPassingTest) {
  World world(1);
  const std::string name = world.Add(TestsPlan(3, 0));
  world.StartOperator();
  ASSERT_TRUE(world.RunInOrder([&] { return world.AllTerminal(); }));
  EXPECT_EQ(world.ResultOf(name), "Passed");
  EXPECT_EQ(world.Operator().Client().Writes(), 3);
  EXPECT_EQ(world.Operator().Client().Reads(), 0);
  EXPECT_EQ(world.events.total, 2);
  ASSERT_TRUE(world.RunInOrder());
  EXPECT_EQ(world.Operator().Client().Writes(), 4) << "and the Job's deletion, much later";
  ExpectSound(world);
}

TEST(OperatorSimulation, FailsATestThatFails) {
  World world(1);
  const std::string name = world.Add(TestsPlan(2, 1));
  world.StartOperator();
  ASSERT_TRUE(world.RunInOrder());
  EXPECT_EQ(world.ResultOf(name), "Failed");
  EXPECT_EQ(world.CommitTestNamed(name).status.attempts.size(), 1U);
  ExpectSound(world);
}

TEST(OperatorSimulation, TakesThreeWritesAndOneReadForAPassingTestInShards) {
  World world(1);
  world.Add(TestsPlan(2, 1), 3, std::nullopt, 3);
  world.StartOperator();
  ASSERT_TRUE(world.RunInOrder([&] { return world.AllTerminal(); }));
  const std::string name = world.Add(TestsPlan(3, 0), 3, std::nullopt, 3);
  const int writes = world.Operator().Client().Writes();
  ASSERT_TRUE(world.RunInOrder([&] { return world.AllTerminal(); }));
  const api::CommitTestStatus status = world.CommitTestNamed(name).status;
  EXPECT_EQ(status.result, api::TestResult::kPassed);
  EXPECT_EQ(status.summary->total, 9);
  EXPECT_EQ(status.timings.size(), 3U);
  EXPECT_EQ(world.Operator().Client().Writes() - writes, 3);
  EXPECT_EQ(world.Operator().Client().Reads(), 1) << "of the timings that the first one recorded";
  ASSERT_TRUE(world.RunInOrder());
  ExpectSound(world);
}

TEST(OperatorSimulation, CountsTheTestsOfAllShardsWhenOneFails) {
  World world(1);
  const std::string name = world.Add(TestsPlan(2, 1), 3, std::nullopt, 3);
  world.StartOperator();
  ASSERT_TRUE(world.RunInOrder());
  const api::CommitTestStatus status = world.CommitTestNamed(name).status;
  EXPECT_EQ(status.result, api::TestResult::kFailed);
  EXPECT_EQ(status.attempts.size(), 1U);
  EXPECT_EQ(*status.summary, (api::TestCounts{9, 8, 1, 0, 0, 0}));
  ExpectSound(world);
}

TEST(OperatorSimulation, RepeatsAllShardsWhenOneIsLost) {
  World world(1);
  const std::string name = world.Add({137, "", ""}, 1, std::nullopt, 3);
  world.StartOperator();
  ASSERT_TRUE(world.RunInOrder());
  EXPECT_EQ(world.ReasonOf(name), "InfrastructureRetriesExhausted");
  EXPECT_EQ(world.CommitTestNamed(name).status.attempts.size(), 2U);
  ExpectSound(world);
}

TEST(OperatorSimulation, SkipsInOneWriteWithoutAJobWhatIsNotRun) {
  World world(1);
  const std::string name =
      world.Add(TestsPlan(3, 0), 3, api::NotRun{api::NotRunReason::kPathsUnaffected, "no"});
  world.StartOperator();
  ASSERT_TRUE(world.RunInOrder());
  EXPECT_EQ(world.ResultOf(name), "Skipped");
  EXPECT_EQ(world.ReasonOf(name), "PathsUnaffected");
  EXPECT_EQ(world.Operator().Client().Writes(), 1);
  EXPECT_EQ(world.events.total, 1);
  ExpectSound(world);
}

TEST(OperatorSimulation, RetriesLostResultsUpToTheLimit) {
  World world(1);
  const std::string name = world.Add({137, "", ""}, 2);
  world.StartOperator();
  ASSERT_TRUE(world.RunInOrder([&] { return world.AllTerminal(); }));
  EXPECT_EQ(world.ResultOf(name), "Error");
  EXPECT_EQ(world.ReasonOf(name), "InfrastructureRetriesExhausted");
  EXPECT_EQ(world.CommitTestNamed(name).status.attempts.size(), 3U);
  EXPECT_EQ(world.server.List("jobs").size(), 3U) << "one Job for each attempt";
  ASSERT_TRUE(world.RunInOrder());
  ExpectSound(world);
}

TEST(OperatorSimulation, ReadsThePodOfAFinishedJobWhenTheWatchOfPodsIsSilent) {
  for (const std::int64_t failed : {0, 1}) {
    World world(1);
    const std::string name = world.Add(TestsPlan(2, failed));
    world.StartOperator();
    world.Operator().Silence("pods");
    ASSERT_TRUE(world.RunInOrder([&] { return world.AllTerminal(); }));
    EXPECT_EQ(world.ResultOf(name), failed == 0 ? "Passed" : "Failed");
    EXPECT_EQ(world.CommitTestNamed(name).status.attempts.size(), 1U);
    world.Operator().Relist("pods");
    ASSERT_TRUE(world.RunInOrder());
    ExpectSound(world);
  }
}

TEST(OperatorSimulation, RunsASecondAttemptWhenThePodIsDeletedWhileItsTestsRun) {
  World world(1);
  const std::string name = world.Add(TestsPlan(3, 0));
  world.StartOperator();
  ASSERT_TRUE(world.RunInOrder([&] { return world.ReasonOf(name) == "TestsRunning"; }));
  world.server.DeletePod(*world.Pick("pods"), 10);
  ASSERT_TRUE(world.RunInOrder());
  EXPECT_EQ(world.ResultOf(name), "Passed");
  const auto attempts = world.CommitTestNamed(name).status.attempts;
  ASSERT_EQ(attempts.size(), 2U);
  EXPECT_EQ(attempts[0].reason, "PodLost");
  ExpectSound(world);
}

TEST(OperatorSimulation, RunsASecondAttemptWhenThePodVanishesAtOnce) {
  World world(1);
  const std::string name = world.Add(TestsPlan(2, 1));
  world.StartOperator();
  ASSERT_TRUE(world.RunInOrder([&] { return world.ReasonOf(name) == "TestsRunning"; }));
  world.server.Remove("pods", *world.Pick("pods"));
  ASSERT_TRUE(world.RunInOrder());
  EXPECT_EQ(world.ResultOf(name), "Failed");
  EXPECT_EQ(world.CommitTestNamed(name).status.attempts.size(), 2U);
  world.taken_away = true;
  ExpectSound(world);
}

TEST(OperatorSimulation, RunsASecondAttemptWhenTheJobIsDeleted) {
  World world(1);
  const std::string name = world.Add(TestsPlan(3, 0));
  world.StartOperator();
  ASSERT_TRUE(world.RunInOrder([&] { return world.ReasonOf(name) == "TestsRunning"; }));
  world.server.Remove("jobs", *world.Pick("jobs"));
  ASSERT_TRUE(world.RunInOrder());
  EXPECT_EQ(world.ResultOf(name), "Passed");
  EXPECT_EQ(world.CommitTestNamed(name).status.attempts.front().reason, "JobDeleted");
  ExpectSound(world);
}

TEST(OperatorSimulation, RunsASecondAttemptWhenTheNodeFallsSilentDuringADeletion) {
  World world(1);
  const std::string name = world.Add(TestsPlan(3, 0));
  world.StartOperator();
  ASSERT_TRUE(world.RunInOrder([&] { return world.ReasonOf(name) == "TestsRunning"; }));
  world.cluster.SetNodeSilent(true);
  world.server.DeletePod(*world.Pick("pods"), 10);
  ASSERT_TRUE(world.RunInOrder([&] { return world.ReasonOf(name) == "Retrying"; }));
  world.cluster.SetNodeSilent(false);
  ASSERT_TRUE(world.RunInOrder());
  EXPECT_EQ(world.ResultOf(name), "Passed");
  EXPECT_EQ(world.CommitTestNamed(name).status.attempts.front().reason, "PodLost");
  ExpectSound(world);
}

TEST(OperatorSimulation, FailsARunWhoseNodeNeverAnswersAgain) {
  World world(1);
  const std::string name = world.Add(TestsPlan(1, 1));
  world.StartOperator();
  ASSERT_TRUE(world.RunInOrder([&] { return world.ReasonOf(name) == "TestsRunning"; }));
  world.cluster.SetNodeSilent(true);
  ASSERT_TRUE(world.RunInOrder());
  EXPECT_EQ(world.ReasonOf(name), "TimedOut");
  EXPECT_TRUE(world.server.List("jobs").empty()) << "it could still run";
}

TEST(OperatorSimulation, CancelsARunAndStopsIt) {
  World world(1);
  const std::string name = world.Add(TestsPlan(3, 0));
  world.StartOperator();
  ASSERT_TRUE(world.RunInOrder([&] { return world.ReasonOf(name) == "TestsRunning"; }));
  world.server.Update("committests", world.KeyOf(name), [](nlohmann::json& object) {
    object["spec"]["cancelRequested"] = true;
    object["metadata"]["generation"] = 2;
  });
  ASSERT_TRUE(world.RunInOrder());
  EXPECT_EQ(world.ResultOf(name), "Cancelled");
  EXPECT_TRUE(world.server.List("jobs").empty());
  EXPECT_TRUE(world.server.List("pods").empty());
  ExpectSound(world);
}

TEST(OperatorSimulation, LeavesNothingBehindWhenTheCommitTestIsDeleted) {
  World world(1);
  const std::string name = world.Add(TestsPlan(3, 0));
  world.StartOperator();
  ASSERT_TRUE(world.RunInOrder([&] { return world.ReasonOf(name) == "TestsRunning"; }));
  world.server.Remove("committests", world.KeyOf(name));
  ASSERT_TRUE(world.RunInOrder());
  EXPECT_TRUE(world.server.List("jobs").empty());
  EXPECT_TRUE(world.server.List("pods").empty());
  ExpectSound(world);
}

TEST(OperatorSimulation, WaitsForAQuotaAndGoesOnWhenItIsLifted) {
  World world(1);
  const std::string name = world.Add(TestsPlan(3, 0));
  world.server.refuse_jobs =
      Error{ErrorCode::kPermissionDenied, "exceeded quota: q", "Forbidden", std::nullopt};
  world.StartOperator();
  ASSERT_TRUE(world.RunInOrder([&] { return world.ReasonOf(name) == "QuotaExceeded"; }));
  const int writes = world.Operator().Client().Writes();
  world.clock.Advance(std::chrono::seconds(30));
  EXPECT_EQ(world.Operator().Client().Writes(), writes);
  world.server.refuse_jobs.reset();
  ASSERT_TRUE(world.RunInOrder());
  EXPECT_EQ(world.ResultOf(name), "Passed");
  ExpectSound(world);
}

TEST(OperatorSimulation, EndsWithNameConflictBesideAnImpostorsJob) {
  World world(1);
  const std::string name = world.Add(TestsPlan(3, 0));
  const api::CommitTest commit_test = world.CommitTestNamed(name);
  nlohmann::json impostor = op::BuildRunnerJob(commit_test, 1, op::RunnerDefaults());
  // It has all but the labels right, so that the operator's watch does not show it.
  impostor["metadata"]["annotations"]["committest.dev/spec-hash"] = "forged";
  static_cast<void>(world.server.Create(op::JobType(), impostor));
  world.StartOperator();
  ASSERT_TRUE(world.RunInOrder());
  EXPECT_EQ(world.ResultOf(name), "Error");
  EXPECT_EQ(world.ReasonOf(name), "NameConflict");
}

/// How far the enumeration of faults has to go: no scenario makes more calls.
constexpr int kMaxCalls = 40;

struct Scenario {
  const char* name;
  RunPlan plan;
  const char* result;
  bool delete_pod;
};

/// Runs `scenario` with `fault` at call number `call` of the first operator; a second one follows
/// when it dies. Returns whether the first operator got that far.
bool RunWithFault(const Scenario& scenario, Fault fault, int call) {
  SCOPED_TRACE(std::string(scenario.name) + ", fault " + std::to_string(static_cast<int>(fault)) +
               " at call " + std::to_string(call));
  World world(1);
  const std::string name = world.Add(scenario.plan);
  bool reached = false;
  world.StartOperator([&](int number) {
    if (number != call) return Fault::kNone;
    reached = true;
    return fault;
  });
  bool deleted = !scenario.delete_pod;
  const auto died = [&] {
    if (!deleted && world.ReasonOf(name) == "TestsRunning") {
      deleted = true;
      world.server.DeletePod(*world.Pick("pods"), 10);
    }
    return world.Operator().Dead();
  };
  EXPECT_TRUE(world.RunInOrder(died));
  if (world.Operator().Dead()) {
    world.StartOperator();
    EXPECT_TRUE(world.RunInOrder());
  }
  EXPECT_EQ(world.ResultOf(name), scenario.result);
  ExpectSound(world);
  return reached;
}

class EveryCall : public testing::TestWithParam<Fault> {};

TEST_P(EveryCall, MayGoWrongWithoutHarm) {
  for (const Scenario& scenario : {Scenario{"passes", TestsPlan(3, 0), "Passed", false},
                                   Scenario{"fails", TestsPlan(2, 1), "Failed", false},
                                   Scenario{"loses its Pod", TestsPlan(3, 0), "Passed", true},
                                   Scenario{"loses its results", {137, "", ""}, "Error", false}}) {
    int call = 1;
    while (call < kMaxCalls && RunWithFault(scenario, GetParam(), call)) ++call;
    EXPECT_GE(call, 3) << scenario.name << " makes fewer calls than expected";
    EXPECT_LT(call, kMaxCalls) << scenario.name << " makes more calls than expected";
  }
}

INSTANTIATE_TEST_SUITE_P(OperatorSimulation, EveryCall,
                         testing::Values(Fault::kCrashBefore, Fault::kCrashAfter,
                                         Fault::kRequestLost, Fault::kResponseLost,
                                         Fault::kUnavailable, Fault::kConflictOnPost));

}  // namespace
}  // namespace committest::sim
