#pragma once

#include <string>
#include <vector>

#include "common/base/result.h"

namespace committest::testing {

/// Faults for the cluster that integration tests run against: the one that COMMITTEST_TEST_CLUSTER
/// names, by dev/cluster/cluster. Errors carry the program's output.
class ClusterControl {
 public:
  /// kNotFound when the variable is not set; tests must fail then, not skip.
  static Result<ClusterControl> Of(const char* variable = "COMMITTEST_TEST_CLUSTER");

  /// Ends a component with SIGKILL. It stays dead until `Restart`.
  Status Kill(const std::string& component) const;
  /// Starts a component again and waits until it answers.
  Status Restart(const std::string& component) const;
  /// Makes etcd forget all history up to now.
  Status Compact() const;

 private:
  explicit ClusterControl(std::string name) : name_(std::move(name)) {}
  Status Run(std::vector<std::string> arguments) const;

  std::string name_;
};

}  // namespace committest::testing
