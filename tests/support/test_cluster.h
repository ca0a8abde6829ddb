#pragma once

#include <string>

#include "common/base/result.h"
#include "common/kube/config.h"

namespace committest::testing {

/// The API server that integration tests talk to: what the variable COMMITTEST_TEST_KUBECONFIG
/// names. Without it an error that says how to start one; tests must fail then, not skip.
Result<kube::ClusterConfig> TestClusterConfig();

/// A name that no other test uses: `prefix` and some random letters.
std::string UniqueName(const std::string& prefix);

}  // namespace committest::testing
