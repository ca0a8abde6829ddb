#include <atomic>
#include <memory>
#include <string>
#include <thread>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "common/kube/leader_elector.h"
#include "tests/support/eventually.h"
#include "tests/support/memory_api.h"

namespace committest::kube {
namespace {

using std::chrono::milliseconds;

// Real time, a hundred times faster than in production.
constexpr LeaseTimes kFast{.lease_duration = milliseconds(1000),
                           .renew_deadline = milliseconds(600),
                           .retry_period = milliseconds(20),
                           .follow_period = milliseconds(5)};

struct Process {
  Process(const std::string& identity, MemoryApi& api, const Clock& clock, Random& random)
      : elector({.lease = {"ns", "lease"},
                 .identity = identity,
                 .times = kFast,
                 .on_started = [this] { started.fetch_add(1); },
                 .on_lost = [this] { lost.fetch_add(1); },
                 .healthy = [this] { return healthy.load(); }},
                api, api, api, clock, random, metrics) {}

  std::atomic<int> started{0};
  std::atomic<int> lost{0};
  std::atomic<bool> healthy{true};
  Metrics metrics;
  LeaderElector elector;
};

class LeaderElectorConcurrent : public ::testing::Test {
 protected:
  SystemClock clock_;
  std::unique_ptr<Random> random_ = MakeSeededRandom(4);
  MemoryApi api_;
  Process one_{"one", api_, clock_, *random_};
  Process two_{"two", api_, clock_, *random_};
};

TEST_F(LeaderElectorConcurrent, HandsOverOnStop) {
  one_.elector.Start();
  ASSERT_TRUE(Eventually([&] { return one_.elector.Permit().has_value(); }));
  two_.elector.Start();
  one_.elector.Stop();
  EXPECT_TRUE(Eventually([&] { return two_.elector.Permit().has_value(); }));
  EXPECT_EQ(one_.lost.load(), 0);
}

TEST_F(LeaderElectorConcurrent, NeverPermitsBothWhileTheyContend) {
  one_.elector.Start();
  two_.elector.Start();
  std::atomic<bool> both{false};
  {
    std::jthread watcher([&](std::stop_token stop) {
      while (!stop.stop_requested()) {
        if (one_.elector.Permit() && two_.elector.Permit()) both = true;
      }
    });
    EXPECT_TRUE(Eventually([&] { return api_.Count("PUT") > 10; }));
  }
  EXPECT_FALSE(both.load());
}

TEST_F(LeaderElectorConcurrent, TellsOfTheLossAndEndsItsThread) {
  one_.elector.Start();
  ASSERT_TRUE(Eventually([&] { return one_.elector.IsLeader(); }));
  one_.healthy = false;
  EXPECT_TRUE(Eventually([&] { return one_.lost.load() == 1; }));
  EXPECT_FALSE(one_.elector.IsLeader());
  one_.elector.Stop();
  EXPECT_EQ(one_.lost.load(), 1);
}

}  // namespace
}  // namespace committest::kube
