#include "observer/webhook_health.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "common/api/condition.h"
#include "common/api/reasons.h"

namespace committest::observer {
namespace {

using std::chrono::seconds;
namespace reason = api::reason;

const WallTime kNow{seconds(1'700'000'000)};

api::ObservedRepositorySpec Spec() {
  api::ObservedRepositorySpec spec;
  spec.webhook = api::WebhookSpec{api::WebhookProvider::kGitHub, "app-webhook"};
  return spec;
}

api::Condition Health(const std::string& value, const std::string& why, WallTime since) {
  return {api::condition::kWebhookHealthy, value, why, "before", 1, since};
}

// A status whose condition is `value`/`why` since `age` ago; without a condition for no reason.
api::ObservedRepositoryStatus Status(const std::string& value, const std::string& why,
                                     seconds age = seconds(0)) {
  api::ObservedRepositoryStatus status;
  status.observed_generation = 1;
  if (!why.empty()) status.conditions = {Health(value, why, kNow - age)};
  return status;
}

std::string Told(const api::ObservedRepositoryStatus& status) {
  const auto* found = api::FindCondition(status.conditions, api::condition::kWebhookHealthy);
  return found == nullptr ? "none" : found->status + "/" + found->reason;
}

WebhookFacts Facts() {
  WebhookFacts facts;
  facts.now = kNow;
  return facts;
}

api::ObservedRepositoryStatus After(const api::ObservedRepositoryStatus& before,
                                    const WebhookFacts& facts) {
  return WithWebhook(Spec(), before, before, facts);
}

struct State {
  const char* value;
  const char* why;
};
const std::vector<State> kStates{{"", ""},
                                 {"True", reason::kDelivered},
                                 {"False", reason::kMissedDelivery},
                                 {"Unknown", reason::kAwaitingDelivery},
                                 {"False", reason::kNoDelivery},
                                 {"False", reason::kSecretUnusable},
                                 {"False", reason::kNotServed}};

// Every state before, with every set of facts: the table of the header.
std::string Expected(const State& before, bool served, bool usable, bool delivery, bool found,
                     bool lately, bool waited) {
  const std::string why = before.why;
  if (!served) return "False/NotServed";
  if (!usable) return "False/SecretUnusable";
  if (delivery) return "True/Delivered";
  if (why == reason::kAwaitingDelivery) {
    return waited ? "False/MissedDelivery" : "Unknown/AwaitingDelivery";
  }
  if (found && !lately) return "Unknown/AwaitingDelivery";
  if (why == reason::kDelivered) return "True/Delivered";
  if (why == reason::kMissedDelivery) return "False/MissedDelivery";
  return "False/NoDelivery";
}

TEST(WebhookHealth, FollowsItsTable) {
  for (const State& state : kStates) {
    for (unsigned bits = 0; bits < 64; ++bits) {
      const auto bit = [&](unsigned number) { return ((bits >> number) & 1U) != 0; };
      WebhookFacts facts = Facts();
      facts.served = bit(0);
      facts.secret_problem = bit(1) ? "" : "is empty";
      facts.by_delivery = bit(2);
      facts.found_first = bit(3);
      if (bit(4)) facts.delivered = kNow - kDeliveryLead;
      const auto before =
          Status(state.value, state.why, bit(5) ? kDeliveryGrace : kDeliveryGrace - seconds(1));
      const auto after = After(before, facts);
      SCOPED_TRACE(std::string(state.why) + " with " + std::to_string(bits));
      EXPECT_EQ(Told(after), Expected(state, bit(0), bit(1), bit(2), bit(3), bit(4), bit(5)));
      const bool missed = Told(after) == "False/MissedDelivery" &&
                          std::string(state.why) == reason::kAwaitingDelivery;
      EXPECT_EQ(after.missed_webhook_count, missed ? 1 : 0);
      EXPECT_EQ(IsMissed(before, after), missed);
    }
  }
}

TEST(WebhookHealth, IsSilentWithoutAWebhook) {
  auto before = Status("False", reason::kMissedDelivery);
  before.missed_webhook_count = 3;
  before.last_webhook_time = kNow;
  for (const bool served : {false, true}) {
    WebhookFacts facts = Facts();
    facts.served = served;
    const auto after = WithWebhook(api::ObservedRepositorySpec(), before, before, facts);
    EXPECT_EQ(Told(after), "none");
    EXPECT_EQ(after.missed_webhook_count, 0);
    EXPECT_FALSE(after.last_webhook_time);
  }
}

TEST(WebhookHealth, ChangesNothingInQuietTimes) {
  WebhookFacts facts = Facts();
  facts.delivered = kNow - std::chrono::hours(1);
  for (const State& state : {kStates[1], kStates[2], kStates[4]}) {
    auto before = Status(state.value, state.why, std::chrono::hours(2));
    before.last_webhook_time = facts.delivered;
    before = After(before, facts);
    for (int minute = 0; minute < 10; ++minute) {
      facts.now += std::chrono::minutes(1);
      EXPECT_EQ(After(before, facts), before) << state.why;
    }
  }
}

TEST(WebhookHealth, WaitsFromTheMomentOfTheFind) {
  // The state before is hours old; only a new status makes a new time.
  for (const State& state : kStates) {
    if (std::string(state.why) == reason::kAwaitingDelivery) continue;
    WebhookFacts facts = Facts();
    facts.found_first = true;
    const auto waiting = After(Status(state.value, state.why, std::chrono::hours(5)), facts);
    facts.found_first = false;
    facts.now += kDeliveryGrace - seconds(1);
    EXPECT_EQ(Told(After(waiting, facts)), "Unknown/AwaitingDelivery") << state.why;
    facts.now += seconds(1);
    EXPECT_EQ(Told(After(waiting, facts)), "False/MissedDelivery") << state.why;
  }
}

TEST(WebhookHealth, TimeOfTheLastDeliveryIsWrittenAtMostOnceAMinute) {
  WebhookFacts facts = Facts();
  facts.by_delivery = true;
  auto before = After(Status("True", reason::kDelivered), facts);
  before.last_webhook_time = kNow;
  facts.delivered = kNow + seconds(60);
  EXPECT_EQ(After(before, facts).last_webhook_time, kNow);
  // Something else is written anyway.
  auto moved = before;
  moved.last_commit = "12345678";
  EXPECT_EQ(WithWebhook(Spec(), before, moved, facts).last_webhook_time, facts.delivered);
  facts.delivered = kNow + seconds(61);
  EXPECT_EQ(After(before, facts).last_webhook_time, facts.delivered);
  // An older one, of another process, is no news.
  facts.delivered = kNow - seconds(61);
  EXPECT_EQ(WithWebhook(Spec(), before, moved, facts).last_webhook_time, kNow);
}

TEST(WebhookHealth, DrivesThePeriod) {
  struct Row {
    const char* name;
    std::int64_t period;
    std::int64_t long_period;
    const char* value;
    bool by_delivery;
    std::int64_t expected;
  };
  const std::vector<Row> rows{{"not healthy", 5, 300, "False", false, 5},
                              {"not known", 5, 300, "Unknown", false, 5},
                              {"healthy", 5, 300, "True", false, 300},
                              {"healthy, right after a delivery", 5, 300, "True", true, 5},
                              {"a long period, right after a delivery", 60, 300, "True", true, 10},
                              {"never more often than without", 600, 300, "True", false, 600}};
  for (const Row& row : rows) {
    auto spec = Spec();
    spec.poll_period_seconds = row.period;
    spec.poll_period_with_webhook_seconds = row.long_period;
    const auto status = Status(row.value, reason::kDelivered);
    EXPECT_EQ(PollPeriod(spec, status, row.by_delivery), seconds(row.expected)) << row.name;
    spec.webhook.reset();
    EXPECT_EQ(PollPeriod(spec, status, false), seconds(row.period)) << row.name;
  }
}

}  // namespace
}  // namespace committest::observer
