#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "common/api/observed_repository.h"
#include "common/base/clock.h"

namespace committest::observer {

// Whether the webhooks of a repository can be relied on, and so how often it is polled: pure. All that
// is remembered stands in the status, so that a restart forgets nothing.
//
// After each look that went well, the first row that fits. "Found" means that the look was a poll and
// something had changed; "lately" is within `kDeliveryLead` before it, so that a host whose refs lag
// behind its deliveries is not blamed.
//
//   what is so                                   | before           | WebhookHealthy afterwards
//   ---------------------------------------------+------------------+------------------------------
//   spec.webhook is absent                       | any              | none; time and count removed
//   this observer takes no webhooks              | any              | False/NotServed
//   the Secret cannot be used                    | any              | False/SecretUnusable
//   a delivery has come since the last look      | any              | True/Delivered
//   waited for it `kDeliveryGrace`, in vain      | AwaitingDelivery | False/MissedDelivery, count + 1
//   found, and none has come lately              | any other        | Unknown/AwaitingDelivery
//   nothing of all that                          | Delivered, MissedDelivery, AwaitingDelivery
//                                                |                  | unchanged
//   nothing of all that                          | any other        | False/NoDelivery
//
// `lastWebhookTime` follows with each change of the status, and on its own when it is a minute old.

/// How long after a poll has found something the delivery that tells of it may come.
inline constexpr std::chrono::seconds kDeliveryGrace{60};
/// How long before such a poll it may have come.
inline constexpr std::chrono::seconds kDeliveryLead{30};
/// The look after one that a delivery caused comes no later than this: a host may tell of a push
/// before its refs show it.
inline constexpr std::chrono::seconds kSecondLook{10};

/// What a look knows about webhooks.
struct WebhookFacts {
  bool served = true;                 ///< Whether this observer takes webhooks at all.
  std::string secret_problem;         ///< Why the Secret cannot be used; empty if it can.
  std::optional<WallTime> delivered;  ///< The newest delivery that this process has seen.
  bool by_delivery = false;           ///< One has come since the last look that went well.
  /// This look was a poll and found a change that a delivery should have told.
  bool found_first = false;
  WallTime now;
};

/// `status`, of a look at a repository with this spec, with what webhooks add to it. `before` is the
/// status that the API has.
api::ObservedRepositoryStatus WithWebhook(const api::ObservedRepositorySpec& spec,
                                          const api::ObservedRepositoryStatus& before,
                                          api::ObservedRepositoryStatus status,
                                          const WebhookFacts& facts);

/// Whether `after` counts one more missed delivery than `before`.
bool IsMissed(const api::ObservedRepositoryStatus& before,
              const api::ObservedRepositoryStatus& after);

/// How long after a look that went well, and left `status`, the next one comes.
std::chrono::seconds PollPeriod(const api::ObservedRepositorySpec& spec,
                                const api::ObservedRepositoryStatus& status, bool by_delivery);

}  // namespace committest::observer
