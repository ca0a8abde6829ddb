#include "tests/support/test_cluster.h"

#include <cstdlib>

#include "common/base/random.h"
#include "common/base/strings.h"

namespace committest::testing {

Result<kube::ClusterConfig> TestClusterConfig() {
  const char* file = std::getenv("COMMITTEST_TEST_KUBECONFIG");
  if (file == nullptr || *file == '\0') {
    return Fail(ErrorCode::kNotFound,
                "this test needs a real API server: run 'dev/cluster/cluster up --name integration "
                "--api-only' and set COMMITTEST_TEST_KUBECONFIG to what 'dev/cluster/cluster "
                "kubeconfig --name integration' prints");
  }
  return kube::LoadKubeconfig(file, "");
}

std::string UniqueName(const std::string& prefix) {
  return prefix + "-" + Sha256Hex(std::to_string(MakeSystemRandom()->Next())).substr(0, 10);
}

}  // namespace committest::testing
