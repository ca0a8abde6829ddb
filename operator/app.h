#pragma once

#include <memory>

#include "common/base/clock.h"
#include "common/base/metrics.h"
#include "common/base/random.h"
#include "common/base/result.h"
#include "common/kube/config.h"
#include "operator/config.h"

namespace committest::op {

/// The operator put together: the only place that knows all parts.
///
///     watchers ──▶ caches ──▶ controller ──▶ reconciler: gather → decide → apply ──▶ API server
///                                 ▲                                      └──▶ event recorder
///                          elector starts it
///
/// Start order: HTTP, watches, events, elector (or the workers at once). Caches are warm before
/// leadership; leadership gates only the workers and, once more, each write.
/// Stop order: workers, watches, lease, events, HTTP. Losing the lease ends the process instead.
class App {
 public:
  /// kInvalidArgument: the cluster's configuration is unusable. Does not connect. The references
  /// must outlive the app.
  static Result<std::unique_ptr<App>> Make(const Config& config, const kube::ClusterConfig& cluster,
                                           const std::string& pod_name, const Clock& clock,
                                           Random& random, Metrics& metrics);

  virtual ~App() = default;

  /// Starts everything and returns at once; work begins when the caches are filled and, with leader
  /// election, this process leads. kUnavailable: the HTTP address cannot be bound. REQUIRES: called
  /// once.
  virtual Status Start() = 0;
  /// Stops everything in order; running reconciles end first. REQUIRES: called once, after Start,
  /// whatever it returned.
  virtual void Stop() = 0;
};

}  // namespace committest::op
