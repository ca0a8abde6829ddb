#pragma once

#include <functional>
#include <string>
#include <vector>

#include "common/base/metrics.h"
#include "common/base/result.h"
#include "common/http/message.h"

namespace committest::http {

/// The pages that Kubernetes and Prometheus ask for: /livez, /readyz and /metrics. Use it as, or
/// from, a server's handler: `[&health](const Request& r) { return health.Handle(r); }`.
///
/// /livez and /readyz have a line "name: ok" or "name: reason" for each check and answer 200 when
/// all pass, else 503. Add all checks before the server starts; after that it is thread-safe.
class Health {
 public:
  /// Success, or an error whose message is the reason. Called at each request, on a thread of the
  /// server: must be quick and thread-safe.
  using Check = std::function<Status()>;

  /// `metrics` must outlive this object.
  explicit Health(const Metrics& metrics) : metrics_(metrics) {}

  /// A failing live check makes the kubelet restart the container: only for what a restart heals.
  void AddLivenessCheck(std::string name, Check check);
  /// A failing ready check takes the Pod out of its Services and stops a roll-out.
  void AddReadinessCheck(std::string name, Check check);

  /// The page that `request` asks for; 404 for any other path.
  Response Handle(const Request& request) const;

 private:
  struct NamedCheck {
    std::string name;
    Check check;
  };
  static Response Report(const std::vector<NamedCheck>& checks);

  const Metrics& metrics_;
  std::vector<NamedCheck> liveness_;
  std::vector<NamedCheck> readiness_;
};

}  // namespace committest::http
