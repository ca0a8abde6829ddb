#pragma once

#include "common/base/result.h"
#include "common/kube/client.h"

namespace committest::testing {

/// Makes sure that the API server has the product's CRDs (manifests/crds) and serves both kinds.
/// Those that exist are left as they are.
Status InstallCrds(kube::Writer& writer, kube::Lister& lister);

}  // namespace committest::testing
