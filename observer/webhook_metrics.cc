#include "observer/webhook_metrics.h"

#include <string>

#include <prometheus/counter.h>
#include <prometheus/histogram.h>

namespace committest::observer {

WebhookMetrics::WebhookMetrics(Metrics& metrics)
    : seconds_(metrics.Seconds("committest_observer_webhook_seconds",
                               "From a delivery's last byte to its answer.")) {
  constexpr std::array kProviderNames{"GitHub", "GitLab", "Gitea", "Generic", "unknown"};
  constexpr std::array kResultNames{"accepted", "repeated", "refused", "stale", "throttled"};
  for (std::size_t provider = 0; provider < kProviders; ++provider) {
    for (std::size_t result = 0; result < kResults; ++result) {
      deliveries_.at(provider).at(result) = &metrics.Counter(
          "committest_observer_webhook_deliveries_total",
          "Deliveries of webhooks, by the host that sends and by result.",
          {{"provider", kProviderNames.at(provider)}, {"result", kResultNames.at(result)}});
    }
  }
}

void WebhookMetrics::Delivered(std::optional<api::WebhookProvider> provider,
                               DeliveryResult result) {
  const std::size_t row = provider ? static_cast<std::size_t>(*provider) : kProviders - 1;
  deliveries_.at(row).at(static_cast<std::size_t>(result))->Increment();
}

void WebhookMetrics::Took(std::chrono::nanoseconds duration) {
  seconds_.Observe(std::chrono::duration<double>(duration).count());
}

}  // namespace committest::observer
