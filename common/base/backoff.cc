#include "common/base/backoff.h"

#include <algorithm>

namespace committest {

std::chrono::milliseconds BackoffDelay(const BackoffPolicy& policy, int failures) {
  auto delay = policy.initial;
  for (int i = 1; i < failures && delay < policy.maximum; ++i) delay *= 2;
  return std::min(delay, policy.maximum);
}

std::chrono::milliseconds BackoffDelay(const BackoffPolicy& policy, int failures, Random& random) {
  const auto delay = BackoffDelay(policy, failures);
  const auto extra = static_cast<double>(delay.count()) * policy.jitter * random.Fraction();
  return delay + std::chrono::milliseconds(static_cast<std::int64_t>(extra));
}

}  // namespace committest
