#include "common/kube/leader_elector.h"

#include <memory>
#include <optional>
#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "common/kube/json_reader.h"
#include "tests/support/manual_clock.h"
#include "tests/support/memory_api.h"

namespace committest::kube {
namespace {

using nlohmann::json;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

const ObjectKey kLease{"committest-system", "committest-operator"};

// One process with an elector; its events are counted.
struct Candidate {
  Candidate(const std::string& identity, MemoryApi& api, ManualClock& clock, Random& random,
            std::function<bool()> healthy = {})
      : elector({.lease = kLease,
                 .identity = identity,
                 .times = {},
                 .on_started = [this] { ++started; },
                 .on_lost = [this] { ++lost; },
                 .healthy = std::move(healthy)},
                api, api, api, clock, random, metrics) {}

  int started = 0;
  int lost = 0;
  Metrics metrics;
  LeaderElector elector;
};

class LeaderElectorTest : public ::testing::Test {
 protected:
  // Steps the elector when it wants to be stepped until `duration` has passed.
  void Run(Candidate& candidate, milliseconds duration) { Run({&candidate}, duration); }
  void Run(const std::vector<Candidate*>& candidates, milliseconds duration) {
    const MonotonicTime end = clock_.Monotonic() + duration;
    std::vector<MonotonicTime> due(candidates.size(), clock_.Monotonic());
    while (true) {
      const auto next = std::ranges::min_element(due);
      if (*next > end) break;
      clock_.AdvanceTo(*next);
      const auto index = static_cast<std::size_t>(next - due.begin());
      *next = clock_.Monotonic() + std::max(candidates[index]->elector.Step(), milliseconds(1));
    }
    clock_.AdvanceTo(end);
  }

  json Spec() const {
    const auto leases = api_.Objects("Lease");
    return leases.empty() ? json() : leases.front()["spec"];
  }

  ManualClock clock_;
  std::unique_ptr<Random> random_ = MakeSeededRandom(5);
  MemoryApi api_;
  Candidate one_{"one", api_, clock_, *random_};
  Candidate two_{"two", api_, clock_, *random_};
};

TEST_F(LeaderElectorTest, CreatesTheLeaseWhenThereIsNone) {
  Run(one_, seconds(1));
  EXPECT_TRUE(one_.elector.IsLeader());
  EXPECT_EQ(one_.started, 1);
  EXPECT_EQ(Spec()["holderIdentity"], "one");
  EXPECT_EQ(Spec()["leaseDurationSeconds"], 15);
  EXPECT_EQ(Spec()["leaseTransitions"], 0);
  EXPECT_EQ(Spec()["acquireTime"], "2026-01-01T00:00:00.000000Z");
}

TEST_F(LeaderElectorTest, RefusesWritesBeforeItLeads) {
  const Status permit = one_.elector.Permit();
  ASSERT_FALSE(permit);
  EXPECT_EQ(permit.error().code, ErrorCode::kCancelled);
  EXPECT_EQ(permit.error().reason, "NotLeader");
}

TEST_F(LeaderElectorTest, RenewsEveryTwoSeconds) {
  Run(one_, seconds(21));
  EXPECT_EQ(api_.Count("PUT"), 10);
  EXPECT_EQ(api_.Count("GET"), 1);
  EXPECT_EQ(Spec()["renewTime"], "2026-01-01T00:00:20.000000Z");
  EXPECT_EQ(Spec()["acquireTime"], "2026-01-01T00:00:00.000000Z");
  EXPECT_TRUE(one_.elector.Permit());
  EXPECT_EQ(one_.started, 1);
}

TEST_F(LeaderElectorTest, LetsOnlyOneOfTwoLead) {
  Run({&one_, &two_}, hours(1));
  EXPECT_EQ(one_.started + two_.started, 1);
  EXPECT_NE(one_.elector.IsLeader(), two_.elector.IsLeader());
  EXPECT_EQ(one_.lost + two_.lost, 0);
}

TEST_F(LeaderElectorTest, TakesOverWithinSixteenSecondsAfterTheLeaderDied) {
  Run({&one_, &two_}, seconds(60));
  Candidate& survivor = one_.elector.IsLeader() ? two_ : one_;
  Run(survivor, seconds(16));
  EXPECT_TRUE(survivor.elector.IsLeader());
  EXPECT_EQ(Spec()["leaseTransitions"], 1);
}

TEST_F(LeaderElectorTest, DoesNotTakeOverWhileTheLeaseMayStillBeHeld) {
  Run({&one_, &two_}, seconds(60));
  Candidate& survivor = one_.elector.IsLeader() ? two_ : one_;
  Run(survivor, seconds(12));
  EXPECT_FALSE(survivor.elector.IsLeader());
}

TEST_F(LeaderElectorTest, TakesOverWithinTwoSecondsAfterARelease) {
  Run(one_, seconds(10));
  Run({&one_, &two_}, seconds(5));
  one_.elector.Stop();
  EXPECT_FALSE(one_.elector.Permit());
  Run(two_, seconds(2));
  EXPECT_TRUE(two_.elector.IsLeader());
  EXPECT_EQ(one_.lost, 0);
}

TEST_F(LeaderElectorTest, ReleasesWithoutAHolderAndWithAShortDuration) {
  Run(one_, seconds(1));
  one_.elector.Stop();
  EXPECT_FALSE(Spec().contains("holderIdentity"));
  EXPECT_EQ(Spec()["leaseDurationSeconds"], 1);
}

TEST_F(LeaderElectorTest, WritesNothingWhenACandidateStops) {
  Run(one_, seconds(1));
  Run(two_, seconds(1));
  const int writes = api_.Count("PUT") + api_.Count("POST");
  two_.elector.Stop();
  EXPECT_EQ(api_.Count("PUT") + api_.Count("POST"), writes);
  EXPECT_EQ(Spec()["holderIdentity"], "one");
}

TEST_F(LeaderElectorTest, RefusesWritesAtTheRenewDeadlineEvenIfItIsNotStepped) {
  Run(one_, seconds(1));
  const auto left = one_.elector.TimeLeft();
  EXPECT_GT(left, seconds(8));
  clock_.Advance(left - milliseconds(1));
  EXPECT_TRUE(one_.elector.Permit());
  clock_.Advance(milliseconds(1));
  EXPECT_FALSE(one_.elector.Permit());
}

TEST_F(LeaderElectorTest, LeaderThatWasStoppedAndContinuedWritesNothing) {
  Run(one_, seconds(10));
  Run(two_, seconds(20));
  ASSERT_TRUE(two_.elector.IsLeader());
  // The first one was stopped all the time and continues now.
  EXPECT_FALSE(one_.elector.Permit());
  Run(one_, seconds(5));
  EXPECT_EQ(one_.lost, 1);
  EXPECT_EQ(Spec()["holderIdentity"], "two");
  EXPECT_TRUE(two_.elector.IsLeader());
}

TEST_F(LeaderElectorTest, LosesTheLeaseOnceAndDoesNothingAfterwards) {
  Run(one_, seconds(10));
  Run(two_, seconds(20));
  Run(one_, seconds(5));
  const auto requests = api_.Verbs().size();
  Run(one_, seconds(60));
  EXPECT_EQ(one_.lost, 1);
  EXPECT_EQ(api_.Verbs().size(), requests);
  EXPECT_FALSE(one_.elector.IsLeader());
}

TEST_F(LeaderElectorTest, KeepsTheLeaseThroughAShortOutage) {
  Run(one_, seconds(10));
  api_.SetFault([](const std::string&) { return Error{ErrorCode::kUnavailable, "down", "", {}}; });
  Run(one_, seconds(7));
  EXPECT_TRUE(one_.elector.Permit());
  api_.SetFault({});
  Run(one_, seconds(5));
  EXPECT_TRUE(one_.elector.Permit());
  EXPECT_EQ(one_.lost, 0);
}

TEST_F(LeaderElectorTest, LosesTheLeaseWhenTheServerIsUnreachableForTenSeconds) {
  Run(one_, seconds(10));
  api_.SetFault([](const std::string&) { return Error{ErrorCode::kUnavailable, "down", "", {}}; });
  Run(one_, seconds(8));
  EXPECT_EQ(one_.lost, 0);
  Run(one_, seconds(3));
  EXPECT_EQ(one_.lost, 1);
}

TEST_F(LeaderElectorTest, DoesNotLeadByAnAnswerThatCameTooLate) {
  api_.SetFault([&](const std::string& verb) -> std::optional<Error> {
    if (verb == "POST") clock_.Advance(seconds(11));
    return std::nullopt;
  });
  one_.elector.Step();
  EXPECT_FALSE(one_.elector.Permit());
  EXPECT_EQ(one_.started, 0);
  api_.SetFault({});
  Run(one_, seconds(1));
  EXPECT_TRUE(one_.elector.Permit());
}

TEST_F(LeaderElectorTest, FencesByTheTimeAtWhichTheRenewalWasSent) {
  Run(one_, milliseconds(1900));
  api_.SetFault([&](const std::string& verb) -> std::optional<Error> {
    if (verb == "PUT") clock_.Advance(seconds(4));
    return std::nullopt;
  });
  clock_.Advance(milliseconds(100));
  one_.elector.Step();
  EXPECT_EQ(one_.elector.TimeLeft(), seconds(6));
}

TEST_F(LeaderElectorTest, LeadsAfterAnAcquisitionWhoseAnswerWasLost) {
  api_.LoseNextAnswer();
  Run(one_, seconds(3));
  EXPECT_TRUE(one_.elector.Permit());
  EXPECT_EQ(one_.started, 1);
}

TEST_F(LeaderElectorTest, GoesOnLeadingAfterARenewalWhoseAnswerWasLost) {
  Run(one_, seconds(5));
  api_.LoseNextAnswer();
  Run(one_, seconds(20));
  EXPECT_TRUE(one_.elector.Permit());
  EXPECT_EQ(one_.lost, 0);
}

TEST_F(LeaderElectorTest, GoesOnLeadingWhenSomeoneEditsTheLeasesLabels) {
  Run(one_, seconds(5));
  json lease = api_.Objects("Lease").front();
  lease["metadata"]["labels"] = {{"team", "x"}};
  ASSERT_TRUE(
      api_.Replace({.group = "", .version = "v1", .plural = "leases", .kind = "Lease"}, lease));
  Run(one_, seconds(20));
  EXPECT_TRUE(one_.elector.Permit());
  EXPECT_EQ(api_.Objects("Lease").front()["metadata"]["labels"]["team"], "x");
}

TEST_F(LeaderElectorTest, StopsWhenItsLeaseIsDeleted) {
  Run(one_, seconds(5));
  api_.Erase("Lease", kLease);
  Run(one_, seconds(5));
  EXPECT_EQ(one_.lost, 1);
}

TEST_F(LeaderElectorTest, JumpsOfTheWallClockChangeNothing) {
  Run({&one_, &two_}, seconds(30));
  Candidate& leader = one_.elector.IsLeader() ? one_ : two_;
  for (const hours jump : {hours(1), hours(-2), hours(24)}) {
    clock_.JumpWall(jump);
    Run({&one_, &two_}, seconds(30));
    EXPECT_TRUE(leader.elector.Permit());
  }
  EXPECT_EQ(one_.lost + two_.lost, 0);
  EXPECT_EQ(one_.started + two_.started, 1);
}

TEST_F(LeaderElectorTest, BelievesNoTimestampOfAnotherMachine) {
  // The holder's clock is an hour behind, so its renew times look long expired.
  Run(one_, seconds(5));
  json lease = api_.Objects("Lease").front();
  lease["spec"]["renewTime"] = "2025-01-01T00:00:00.000000Z";
  ASSERT_TRUE(
      api_.Replace({.group = "", .version = "v1", .plural = "leases", .kind = "Lease"}, lease));
  Run(two_, seconds(14));
  EXPECT_FALSE(two_.elector.IsLeader());
}

TEST_F(LeaderElectorTest, GivesTheLeaseUpWhenTheProcessIsNotHealthy) {
  bool healthy = true;
  Candidate hanging("hanging", api_, clock_, *random_, [&] { return healthy; });
  Run(hanging, seconds(10));
  ASSERT_TRUE(hanging.elector.IsLeader());
  healthy = false;
  Run(hanging, seconds(3));
  EXPECT_EQ(hanging.lost, 1);
  Run(two_, seconds(16));
  EXPECT_TRUE(two_.elector.IsLeader());
}

TEST_F(LeaderElectorTest, WaitsBetweenReadsThatFail) {
  api_.SetFault([](const std::string&) { return Error{ErrorCode::kUnavailable, "down", "", {}}; });
  Run(one_, seconds(20));
  EXPECT_LE(api_.Count("GET"), 14);
  EXPECT_GE(api_.Count("GET"), 10);
}

TEST_F(LeaderElectorTest, TwoThatTakeOverAtOnceAgreeByCompareAndSwap) {
  Candidate dead("dead", api_, clock_, *random_);
  Run(dead, seconds(1));
  Run({&one_, &two_}, seconds(30));
  EXPECT_EQ(one_.started + two_.started, 1);
  EXPECT_EQ(Spec()["leaseTransitions"], 1);
}

TEST(MakeIdentity, DiffersForTwoProcessesOfOnePodName) {
  const auto random = MakeSeededRandom(1);
  const std::string first = MakeIdentity("pod-0", *random);
  const std::string second = MakeIdentity("pod-0", *random);
  EXPECT_NE(first, second);
  EXPECT_TRUE(first.starts_with("pod-0_"));
  EXPECT_EQ(first.size(), std::string("pod-0_").size() + 8);
}

}  // namespace
}  // namespace committest::kube
