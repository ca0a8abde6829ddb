#include "common/kube/leader_decision.h"

#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace committest::kube {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr MonotonicTime kNow{std::chrono::hours(5)};

struct Row {
  const char* name;
  std::optional<std::string> holder;  // nullopt: no Lease.
  seconds observed_ago{0};
  std::optional<milliseconds> renewed_ago;
  LeaseAction action;
  milliseconds wait{0};
};

TEST(DecideLease, FollowsItsTable) {
  using enum LeaseAction;
  const std::vector<Row> rows{
      {"leader whose renewal is not due", "me", seconds(1), milliseconds(1500), kWait,
       milliseconds(500)},
      {"leader whose renewal is due", "me", seconds(2), milliseconds(2000), kRenew, {}},
      {"leader just before the renew deadline", "me", seconds(9), milliseconds(9999), kRenew, {}},
      {"leader at the renew deadline", "me", seconds(10), milliseconds(10000), kLost, {}},
      {"leader that was stopped for a minute", "me", seconds(60), milliseconds(60000), kLost, {}},
      {"leader that sees another holder", "you", seconds(0), milliseconds(100), kLost, {}},
      {"leader that sees a released lease", "", seconds(0), milliseconds(100), kLost, {}},
      {"leader whose lease was deleted", std::nullopt, seconds(0), milliseconds(100), kLost, {}},
      {"candidate without a lease", std::nullopt, seconds(0), std::nullopt, kCreate, {}},
      {"candidate that sees a released lease", "", seconds(0), std::nullopt, kTakeOver, {}},
      {"candidate whose earlier write was applied", "me", seconds(0), std::nullopt, kTakeOver, {}},
      {"candidate that saw a renewal just now", "you", seconds(0), std::nullopt, kWait,
       seconds(15)},
      {"candidate just before the lease ends", "you", seconds(14), std::nullopt, kWait, seconds(1)},
      {"candidate when the lease ends", "you", seconds(15), std::nullopt, kTakeOver, {}},
      {"candidate long after the lease ended", "you", seconds(900), std::nullopt, kTakeOver, {}},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    LeaseView view{
        .identity = "me", .record = {}, .observed_at = kNow - row.observed_ago, .renewed_at = {}};
    if (row.holder)
      view.record = LeaseRecord{.holder = *row.holder,
                                .duration = seconds(15),
                                .acquire_time = "",
                                .renew_time = "",
                                .transitions = 0};
    if (row.renewed_ago) view.renewed_at = kNow - *row.renewed_ago;
    const LeaseDecision decision = DecideLease({}, view, kNow);
    EXPECT_EQ(decision.action, row.action);
    EXPECT_EQ(decision.wait, row.wait);
  }
}

LeaseRecord Lasting(seconds duration) {
  return {.holder = "you",
          .duration = duration,
          .acquire_time = "",
          .renew_time = "",
          .transitions = 0};
}

TEST(ProtectedFor, IsWhatTheRecordSaysWithinReason) {
  EXPECT_EQ(ProtectedFor({}, Lasting(seconds(40))), seconds(40));
  EXPECT_EQ(ProtectedFor({}, Lasting(seconds(1))), seconds(1));
  EXPECT_EQ(ProtectedFor({}, Lasting(seconds(0))), seconds(15));
  EXPECT_EQ(ProtectedFor({}, Lasting(seconds(-7))), seconds(15));
  EXPECT_EQ(ProtectedFor({}, Lasting(seconds(2'000'000'000))), seconds(300));
}

TEST(ParseLease, ReadsTheSpec) {
  const LeaseRecord record = ParseLease(json{{"spec",
                                              {{"holderIdentity", "me"},
                                               {"leaseDurationSeconds", 15},
                                               {"acquireTime", "2026-01-01T00:00:00.000000Z"},
                                               {"renewTime", "2026-01-01T00:00:02.000000Z"},
                                               {"leaseTransitions", 3}}}});
  EXPECT_EQ(record.holder, "me");
  EXPECT_EQ(record.duration, seconds(15));
  EXPECT_EQ(record.acquire_time, "2026-01-01T00:00:00.000000Z");
  EXPECT_EQ(record.renew_time, "2026-01-01T00:00:02.000000Z");
  EXPECT_EQ(record.transitions, 3);
}

TEST(ParseLease, ReadsAnythingElseAsEmpty) {
  for (const json& lease :
       {json(nullptr), json::object(), json::array(), json{{"spec", nullptr}},
        json{{"spec", {{"holderIdentity", 7}, {"leaseDurationSeconds", "x"}}}}}) {
    EXPECT_EQ(ParseLease(lease), LeaseRecord{}) << lease;
  }
}

}  // namespace
}  // namespace committest::kube
