#include "common/kube/leader_elector.h"

#include <atomic>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "common/kube/json_reader.h"
#include "tests/integration/kube/machinery_fixture.h"
#include "tests/support/eventually.h"

namespace committest::kube {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;

const ResourceType kLeases{"coordination.k8s.io", "v1", "leases", "Lease", true};

class LeaderElectorOnApiServer : public MachineryTest {
 protected:
  // A replica with a client of its own, as each process has.
  struct Replica {
    std::unique_ptr<ApiClient> client;
    std::atomic<int> lost{0};
    std::unique_ptr<LeaderElector> elector;
  };

  std::unique_ptr<Replica> Start(const std::string& pod_name) {
    auto replica = std::make_unique<Replica>();
    replica->client = Connect(seconds(5));
    replica->elector = std::make_unique<LeaderElector>(
        LeaderElectorOptions{.lease = Key("operator"),
                             .identity = MakeIdentity(pod_name, *random_),
                             .on_lost = [r = replica.get()] { r->lost.fetch_add(1); }},
        *replica->client, *replica->client, *replica->client, clock_, *random_, metrics_);
    replica->elector->Start();
    return replica;
  }

  json Spec() {
    const auto lease = editor_->Get(kLeases, Key("operator"));
    EXPECT_TRUE(lease) << lease.error().message;
    return lease ? ObjectAt(*lease, "spec") : json();
  }
};

TEST_F(LeaderElectorOnApiServer, HandsOverWithinTwoSecondsOfARelease) {
  auto first = Start("first");
  ASSERT_TRUE(Eventually([&] { return first->elector->IsLeader(); }));
  auto second = Start("second");
  const MonotonicTime begin = clock_.Monotonic();
  first->elector->Stop();
  EXPECT_FALSE(first->elector->Permit());
  ASSERT_TRUE(Eventually([&] { return second->elector->IsLeader(); }));
  EXPECT_LE(clock_.Monotonic() - begin, seconds(2));
  EXPECT_EQ(first->lost.load(), 0);
  EXPECT_TRUE(StringAt(Spec(), "holderIdentity").starts_with("second_"));
}

TEST_F(LeaderElectorOnApiServer, TakesOverWithinSixteenSecondsAfterALeaderDied) {
  auto first = Start("first");
  ASSERT_TRUE(Eventually([&] { return first->elector->IsLeader(); }));
  auto second = Start("second");
  // Long enough to have seen a renewal.
  const std::string renewed = StringAt(Spec(), "renewTime");
  ASSERT_TRUE(Eventually([&] { return StringAt(Spec(), "renewTime") != renewed; }));
  first->elector.reset();  // Ends its thread and releases nothing.
  const MonotonicTime begin = clock_.Monotonic();
  ASSERT_TRUE(Eventually([&] { return second->elector->IsLeader(); }, seconds(30)));
  EXPECT_LE(clock_.Monotonic() - begin, seconds(16));
  EXPECT_GE(clock_.Monotonic() - begin, seconds(12));
}

TEST_F(LeaderElectorOnApiServer, WritesALeaseThatTheServerAccepts) {
  auto leader = Start("leader");
  ASSERT_TRUE(Eventually([&] { return leader->elector->IsLeader(); }));
  const json held = Spec();
  EXPECT_EQ(IntAt(held, "leaseDurationSeconds"), 15);
  EXPECT_EQ(IntAt(held, "leaseTransitions", -1), 0);
  EXPECT_TRUE(TimeAt(held, "acquireTime").has_value());
  EXPECT_TRUE(TimeAt(held, "renewTime").has_value());
  leader->elector->Stop();
  EXPECT_EQ(StringAt(Spec(), "holderIdentity"), "");
  EXPECT_EQ(IntAt(Spec(), "leaseDurationSeconds"), 1);
}

TEST_F(LeaderElectorOnApiServer, LosesTheLeaseWhileTheApiServerIsAway) {
  auto leader = Start("leader");
  ASSERT_TRUE(Eventually([&] { return leader->elector->IsLeader(); }));
  KillApiServer();
  EXPECT_TRUE(Eventually([&] { return !leader->elector->Permit(); }, seconds(15)));
  EXPECT_TRUE(Eventually([&] { return leader->lost.load() == 1; }, seconds(15)));
  StartApiServer();
  EXPECT_FALSE(leader->elector->Permit());
}

}  // namespace
}  // namespace committest::kube
