#include "observer/host_gate.h"

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace committest::observer {
namespace {

using namespace std::chrono_literals;

struct Row {
  const char* name;
  HostState host;
  RepositoryState repository;
  LooksUnderWay under_way;
  bool may_begin;
};

TEST(MayBegin, IsDecidedAsItsTableSays) {
  const HostLimits limits{.per_host = 4, .unproven = 6, .slow = 2};
  constexpr auto kWell = RepositoryState::kWell;
  constexpr auto kSick = RepositoryState::kSick;
  const std::vector<Row> rows{
      {"proven, nothing under way", HostState::kProven, kWell, {0, 0, 0}, true},
      {"proven, below its share", HostState::kProven, kWell, {3, 6, 2}, true},
      {"proven, its share taken", HostState::kProven, kWell, {4, 0, 0}, false},
      {"sick, nothing under way", HostState::kProven, kSick, {0, 0, 0}, true},
      {"sick, below all shares", HostState::kProven, kSick, {3, 5, 1}, true},
      {"sick, the host's share taken", HostState::kProven, kSick, {4, 1, 1}, false},
      {"sick, the share of the slow taken", HostState::kProven, kSick, {2, 2, 2}, false},
      {"sick, the share of the unproven taken", HostState::kProven, kSick, {0, 6, 0}, false},
      {"new, nothing under way", HostState::kNew, kWell, {0, 0, 0}, true},
      {"new, one under way at it", HostState::kNew, kWell, {1, 1, 0}, false},
      {"new, below the share of the unproven", HostState::kNew, kWell, {0, 5, 2}, true},
      {"new, the share of the unproven taken", HostState::kNew, kWell, {0, 6, 0}, false},
      {"new and sick, the share of the slow taken", HostState::kNew, kSick, {0, 5, 2}, true},
      {"slow, nothing under way", HostState::kSlow, kWell, {0, 0, 0}, true},
      {"slow, one under way at it", HostState::kSlow, kWell, {1, 1, 1}, false},
      {"slow, below the share of the slow", HostState::kSlow, kWell, {0, 5, 1}, true},
      {"slow, the share of the slow taken", HostState::kSlow, kWell, {0, 2, 2}, false},
      {"slow, the share of the unproven taken", HostState::kSlow, kWell, {0, 6, 0}, false},
      {"slow and sick, one under way at it", HostState::kSlow, kSick, {1, 1, 1}, false},
      {"slow and sick, below the share of the slow", HostState::kSlow, kSick, {0, 5, 1}, true},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    EXPECT_EQ(MayBegin(limits, row.host, row.repository, row.under_way), row.may_begin);
  }
}

TEST(HostLimits, AreNeverZero) {
  for (const int workers : {1, 2, 3, 4, 8, 64}) {
    const HostLimits limits = HostLimits::Of(workers);
    EXPECT_GE(limits.per_host, 1);
    EXPECT_GE(limits.unproven, 1);
    EXPECT_GE(limits.slow, 1);
    EXPECT_LT(limits.unproven, workers + (workers == 1 ? 1 : 0));
  }
}

const Error kSilent{ErrorCode::kDeadlineExceeded, "silent", {}, std::nullopt};

bool MayLook(HostGate& gate, const std::string& host) { return gate.Begin(host).pass.has_value(); }

TEST(HostGate, ANewHostProvesItselfWithOneLook) {
  HostGate gate({.per_host = 2, .unproven = 8, .slow = 8});
  auto first = gate.Begin("a");
  ASSERT_TRUE(first.pass);
  EXPECT_FALSE(MayLook(gate, "a"));
  EXPECT_TRUE(MayLook(gate, "b")) << "another host";
  first.pass->End(std::nullopt, 5s);
  const auto second = gate.Begin("a");
  const auto third = gate.Begin("a");
  EXPECT_TRUE(second.pass && third.pass);
  EXPECT_FALSE(MayLook(gate, "a"));
}

TEST(HostGate, ASlowHostGetsOneLookAtATimeUntilItAnswers) {
  HostGate gate({.per_host = 8, .unproven = 8, .slow = 1});
  gate.Begin("a").pass->End(kSilent, 2s);
  gate.Begin("b").pass->End(kSilent, 2s);
  auto at_a = gate.Begin("a");
  ASSERT_TRUE(at_a.pass);
  EXPECT_FALSE(MayLook(gate, "a"));
  EXPECT_FALSE(MayLook(gate, "b")) << "the share of all slow hosts is taken";
  EXPECT_TRUE(MayLook(gate, "c"));
  at_a.pass->End(std::nullopt, 2s);
  const auto one = gate.Begin("a");
  const auto two = gate.Begin("a");
  EXPECT_TRUE(one.pass && two.pass);
  EXPECT_TRUE(MayLook(gate, "b"));
}

TEST(HostGate, WhatWouldWaitBehindAHostThatIsDownFailsAsTheLastLookDid) {
  HostGate gate({.per_host = 8, .unproven = 8, .slow = 8});
  for (int i = 0; i < 3; ++i) {
    auto probe = gate.Begin("a");
    ASSERT_TRUE(probe.pass);
    EXPECT_FALSE(gate.Begin("a").failure) << "after " << i;
    probe.pass->End(kSilent, 2s);
  }
  auto probe = gate.Begin("a");
  ASSERT_TRUE(probe.pass);
  const auto beside = gate.Begin("a");
  ASSERT_TRUE(beside.failure);
  EXPECT_EQ(beside.failure->message, "silent");
  probe.pass->End(std::nullopt, 2s);
  EXPECT_TRUE(MayLook(gate, "a"));
  const auto one = gate.Begin("a");
  EXPECT_FALSE(gate.Begin("a").failure);
}

TEST(HostGate, ARepositoryThatIsSlowBesideOthersIsNotItsHostsFault) {
  HostGate gate({.per_host = 4, .unproven = 4, .slow = 2});
  gate.Begin("a").pass->End(std::nullopt, 1ms);
  auto sick = gate.Begin("a");
  auto sick_too = gate.Begin("a");
  gate.Begin("a").pass->End(std::nullopt, 1ms);
  sick.pass->End(kSilent, 10s);
  const auto one = gate.Begin("a");
  const auto two = gate.Begin("a");
  EXPECT_TRUE(one.pass && two.pass) << "beside a second one that is slow";
  sick_too.pass->End(kSilent, 10s);
}

TEST(HostGate, AHostThatHasAnsweredNobodySinceIsAtFault) {
  HostGate gate({.per_host = 4, .unproven = 4, .slow = 2});
  gate.Begin("a").pass->End(std::nullopt, 1ms);
  auto first = gate.Begin("a");
  const auto second = gate.Begin("a");
  first.pass->End(kSilent, 10s);
  EXPECT_FALSE(MayLook(gate, "a"));
}

TEST(HostGate, SickRepositoriesLeaveTheirNeighboursHalfOfTheHost) {
  const HostLimits limits = HostLimits::Of(32);
  HostGate gate(limits);
  gate.Begin("a").pass->End(std::nullopt, 1ms);
  std::vector<HostGate::Admission> sick;
  for (int i = 0; i < limits.per_host; ++i) {
    auto admission = gate.Begin("a", RepositoryState::kSick);
    if (admission.pass) sick.push_back(std::move(admission));
  }
  EXPECT_EQ(sick.size(), static_cast<std::size_t>(limits.slow));
  std::vector<HostGate::Admission> well;
  for (int i = 0; i < limits.per_host; ++i) {
    auto admission = gate.Begin("a");
    if (admission.pass) well.push_back(std::move(admission));
  }
  EXPECT_EQ(well.size(), static_cast<std::size_t>(limits.per_host / 2));
}

TEST(HostGate, AQuickFailureMakesNoHostSlow) {
  HostGate gate({.per_host = 2, .unproven = 1, .slow = 1});
  gate.Begin("a").pass->End(kSilent, 10ms);
  const auto one = gate.Begin("a");
  const auto two = gate.Begin("a");
  EXPECT_TRUE(one.pass && two.pass);
}

TEST(HostGate, ALookThatIsAbandonedLeavesItsPlace) {
  HostGate gate({.per_host = 1, .unproven = 1, .slow = 1});
  {
    const auto abandoned = gate.Begin("a");
  }
  EXPECT_TRUE(MayLook(gate, "b"));
}

}  // namespace
}  // namespace committest::observer
