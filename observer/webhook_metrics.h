#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <optional>

#include "common/api/observed_repository.h"
#include "common/base/metrics.h"

namespace committest::observer {

enum class DeliveryResult {
  kAccepted,
  kRepeated,   ///< Genuine, and seen before.
  kRefused,    ///< The signature is absent or wrong, or there is nothing to sign for.
  kStale,      ///< Signed at another time.
  kThrottled,  ///< Its source had sent too much that was refused.
};

/// The webhooks' metrics; every series exists from the start. Thread-safe.
class WebhookMetrics {
 public:
  /// `metrics` must outlive this.
  explicit WebhookMetrics(Metrics& metrics);

  /// `provider`: nullopt when it is not known, which is so for repositories that do not exist.
  void Delivered(std::optional<api::WebhookProvider> provider, DeliveryResult result);
  /// How long a delivery took from its last byte to its answer.
  void Took(std::chrono::nanoseconds duration);

 private:
  static constexpr std::size_t kProviders = 5;
  static constexpr std::size_t kResults = 5;

  std::array<std::array<prometheus::Counter*, kResults>, kProviders> deliveries_{};
  prometheus::Histogram& seconds_;
};

}  // namespace committest::observer
