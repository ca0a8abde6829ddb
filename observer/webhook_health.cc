#include "observer/webhook_health.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "common/api/condition.h"
#include "common/api/reasons.h"

namespace committest::observer {
namespace {

namespace condition = api::condition;
namespace reason = api::reason;

constexpr std::chrono::seconds kTimePrecision{60};

// What the condition is to say.
struct Health {
  std::string value;
  std::string reason;
  std::string message;
};

const api::Condition* Find(const api::ObservedRepositoryStatus& status) {
  return api::FindCondition(status.conditions, condition::kWebhookHealthy);
}

Health Kept(const api::Condition& before) { return {before.status, before.reason, before.message}; }

Health Awaiting() {
  return {condition::kUnknown, reason::kAwaitingDelivery,
          "a poll found something new; the delivery that tells of it may take a minute"};
}

Health Missed() {
  return {condition::kFalse, reason::kMissedDelivery,
          "a poll found something new, and no delivery told of it within a minute; polling with "
          "spec.pollPeriodSeconds until one comes"};
}

// What waiting for deliveries has come to.
Health Waited(const api::Condition* before, const WebhookFacts& facts, bool found_first) {
  const std::string_view why = before == nullptr ? "" : std::string_view(before->reason);
  if (why == reason::kAwaitingDelivery) {
    if (facts.now - before->last_transition_time >= kDeliveryGrace) return Missed();
    return Kept(*before);
  }
  if (found_first) return Awaiting();
  if (why == reason::kDelivered || why == reason::kMissedDelivery) return Kept(*before);
  return {condition::kFalse, reason::kNoDelivery, "no delivery has come yet"};
}

Health HealthOf(const api::Condition* before, const WebhookFacts& facts) {
  if (!facts.served) {
    return {condition::kFalse, reason::kNotServed,
            "this installation takes no webhooks (the chart's observer.webhook.enabled)"};
  }
  if (!facts.secret_problem.empty()) {
    return {condition::kFalse, reason::kSecretUnusable, facts.secret_problem};
  }
  if (facts.by_delivery) return {condition::kTrue, reason::kDelivered, ""};
  const bool lately = facts.delivered && facts.now - *facts.delivered <= kDeliveryLead;
  return Waited(before, facts, facts.found_first && !lately);
}

void Forget(api::ObservedRepositoryStatus& status) {
  std::erase_if(status.conditions,
                [](const api::Condition& each) { return each.type == condition::kWebhookHealthy; });
  status.last_webhook_time.reset();
  status.missed_webhook_count = 0;
}

void SetTime(const api::ObservedRepositoryStatus& before, api::ObservedRepositoryStatus& status,
             WallTime delivered) {
  const auto last = before.last_webhook_time;
  const bool is_written_anyway = !(status == before);
  const auto worth = is_written_anyway ? std::chrono::seconds(0) : kTimePrecision;
  if (!last || delivered - *last > worth) status.last_webhook_time = delivered;
}

}  // namespace

api::ObservedRepositoryStatus WithWebhook(const api::ObservedRepositorySpec& spec,
                                          const api::ObservedRepositoryStatus& before,
                                          api::ObservedRepositoryStatus status,
                                          const WebhookFacts& facts) {
  if (!spec.webhook) {
    Forget(status);
    return status;
  }
  Health health = HealthOf(Find(before), facts);
  api::Condition next;
  next.type = condition::kWebhookHealthy;
  next.status = std::move(health.value);
  next.reason = std::move(health.reason);
  next.message = std::move(health.message);
  next.observed_generation = status.observed_generation;
  next.last_transition_time = facts.now;
  const bool was_awaiting =
      Find(before) != nullptr && Find(before)->reason == reason::kAwaitingDelivery;
  if (was_awaiting && next.reason == reason::kMissedDelivery) ++status.missed_webhook_count;
  api::SetCondition(status.conditions, std::move(next));
  if (facts.delivered) SetTime(before, status, *facts.delivered);
  return status;
}

bool IsMissed(const api::ObservedRepositoryStatus& before,
              const api::ObservedRepositoryStatus& after) {
  return after.missed_webhook_count > before.missed_webhook_count;
}

std::chrono::seconds PollPeriod(const api::ObservedRepositorySpec& spec,
                                const api::ObservedRepositoryStatus& status, bool by_delivery) {
  const std::chrono::seconds period(std::max<std::int64_t>(1, spec.poll_period_seconds));
  if (by_delivery) return std::min(period, kSecondLook);
  const api::Condition* health = Find(status);
  if (!spec.webhook || health == nullptr || health->status != condition::kTrue) return period;
  return std::max(period, std::chrono::seconds(spec.poll_period_with_webhook_seconds));
}

}  // namespace committest::observer
