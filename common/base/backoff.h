#pragma once

#include <chrono>

#include "common/base/random.h"

namespace committest {

/// Exponential back-off: `initial`, then doubled up to `maximum`, plus up to `jitter` of the value.
struct BackoffPolicy {
  std::chrono::milliseconds initial{800};
  std::chrono::milliseconds maximum{30'000};
  double jitter = 1.0;  ///< 1.0 means between once and twice the value.
};

/// The delay before retry number `failures` (1 for the first), without jitter. Total: any count,
/// also 0 or huge, gives a value in [initial, maximum].
std::chrono::milliseconds BackoffDelay(const BackoffPolicy& policy, int failures);

/// The same with jitter.
std::chrono::milliseconds BackoffDelay(const BackoffPolicy& policy, int failures, Random& random);

}  // namespace committest
