#pragma once

#include <string>

namespace committest::op {

/// What a runner Pod gets when its CommitTest does not say. Quantities as Kubernetes writes them.
struct RunnerDefaults {
  std::string image = "committest-runner:latest";
  /// Must have no permissions; empty: the namespace's default account.
  std::string service_account = "committest-runner";
  std::string cpu_request = "250m";
  std::string cpu_limit = "1";
  /// Request and limit alike, so that a Pod is not evicted for what it was promised.
  std::string memory = "512Mi";
  std::string ephemeral_storage = "2Gi";
};

}  // namespace committest::op
