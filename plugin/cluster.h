#pragma once

#include <memory>
#include <string>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/kube/api_client.h"
#include "plugin/arguments.h"

namespace committest::plugin {

/// The API server of the user's context, spoken to with the user's own rights.
struct Cluster {
  std::unique_ptr<kube::ApiClient> client;
  std::string server;
  std::string namespace_;  ///< Of `--namespace`, else the context's, else "default".
};

/// Finds the configuration as kubectl does, and runs the program that it names for credentials, if it
/// does. Does not connect. `clock` must outlive the cluster.
Result<Cluster> Connect(const Invocation& call, const kube::ConfigSources& sources,
                        const Clock& clock);

}  // namespace committest::plugin
