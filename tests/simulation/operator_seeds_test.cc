// Random schedules with random faults over the real reconciler. COMMITTEST_SEEDS says how many;
// COMMITTEST_SEED runs a single one again.

#include <cstdlib>
#include <string>

#include <gtest/gtest.h>

#include "tests/simulation/world.h"

namespace committest::sim {
namespace {

constexpr std::uint64_t kDefaultSeeds = 200;
/// Faults come during the first steps; then the system must recover.
constexpr int kDisturbedSteps = 250;

std::uint64_t FromEnvironment(const char* name, std::uint64_t fallback) {
  const char* text = std::getenv(name);  // NOLINT(concurrency-mt-unsafe)
  return text == nullptr ? fallback : std::strtoull(text, nullptr, 10);
}

RunPlan RandomPlan(World& world) {
  switch (world.Dice(8)) {
    case 0:
      return {137, "", "OOMKilled"};
    case 1:
      return {137, "", ""};
    case 2:
      return {20, "", ""};
    case 3:
      return {0, "", ""};
    case 4:
    case 5:
      return TestsPlan(2, 1);
    default:
      return TestsPlan(3, 0);
  }
}

/// One in six is not to be run.
std::optional<api::NotRun> RandomNotRun(World& world) {
  if (world.Dice(6) != 0) return std::nullopt;
  const auto reason = world.Dice(2) == 0 ? api::NotRunReason::kSkipRequested
                                         : api::NotRunReason::kConfigurationError;
  return api::NotRun{reason, "so it says"};
}

Fault RandomFault(World& world, bool calm) {
  if (calm || world.Dice(6) != 0) return Fault::kNone;
  switch (world.Dice(6)) {
    case 0:
      return Fault::kCrashBefore;
    case 1:
      return Fault::kCrashAfter;
    case 2:
      return Fault::kRequestLost;
    case 3:
      return Fault::kResponseLost;
    case 4:
      return Fault::kUnavailable;
    default:
      return Fault::kConflictOnPost;
  }
}

/// Somebody or something interferes with the cluster.
void Interfere(World& world) {
  const auto pod = world.Pick("pods");
  const auto job = world.Pick("jobs");
  switch (world.Dice(120)) {
    case 0:
      if (pod) world.server.DeletePod(*pod, 10);
      break;
    case 1:
      if (!pod) break;
      world.server.Remove("pods", *pod);
      world.taken_away = true;
      break;
    case 2:
      if (!job) break;
      world.server.Remove("jobs", *job);
      world.taken_away = true;
      break;
    case 3:
      if (!pod) break;
      world.server.Update("pods", *pod, [](nlohmann::json& object) {
        object["metadata"]["labels"].erase("committest.dev/committest");
      });
      break;
    case 4:
      world.Operator().Relist(world.Dice(2) == 0 ? "jobs" : "pods");
      break;
    case 5:
      world.cluster.SetNodeSilent(true);
      break;
    case 6:
    case 7:
    case 8:
      world.cluster.SetNodeSilent(false);
      break;
    case 9:
      world.StartOperator();  // A restart without warning.
      break;
    default:
      break;
  }
}

void RunSeed(std::uint64_t seed) {
  World world(seed);
  const int tests = 1 + world.Dice(3);
  for (int i = 0; i < tests; ++i) {
    const RunPlan run = RandomPlan(world);
    const int limit = world.Dice(4);
    const std::int64_t shards = world.Dice(3) == 0 ? 3 : 1;
    world.Add(run, limit, RandomNotRun(world), shards);
  }
  int steps = 0;
  const auto calm = [&steps] { return steps > kDisturbedSteps; };
  const auto plan = [&](int /*call*/) { return RandomFault(world, calm()); };
  world.StartOperator(plan);
  const bool settled = world.RunShuffled([&] {
    ++steps;
    if (!calm()) Interfere(world);
    if (calm()) world.cluster.SetNodeSilent(false);
    if (world.Operator().Dead()) world.StartOperator(plan);
  });
  EXPECT_TRUE(settled) << "I1 nothing lost: it did not settle";
  world.cluster.SetNodeSilent(false);
  if (world.Operator().Dead()) world.StartOperator();
  EXPECT_TRUE(world.RunInOrder());
  world.CheckSettled();
  for (const std::string& violation : world.Violations()) ADD_FAILURE() << violation;
}

TEST(OperatorSeeds, HoldTheInvariants) {
  const std::uint64_t only = FromEnvironment("COMMITTEST_SEED", 0);
  const std::uint64_t first = only == 0 ? 1 : only;
  const std::uint64_t count = only == 0 ? FromEnvironment("COMMITTEST_SEEDS", kDefaultSeeds) : 1;
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    RunSeed(seed);
    if (HasFailure()) {
      FAIL() << "replay: COMMITTEST_SEED=" << seed
             << " operator_simulation_test --gtest_filter=OperatorSeeds.*";
    }
  }
}

}  // namespace
}  // namespace committest::sim
