#pragma once

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/kube/config.h"

namespace committest::plugin {

/// Runs the program that the kubeconfig names for credentials (`config.exec`) and puts what it gives
/// into `config`. A token is asked for anew when it is a minute old or refused, as it may expire. The
/// program inherits this one's environment and standard error, where it may tell people what to do,
/// gets no input, and has two minutes.
///
/// REQUIRES: `config.exec`. `clock` must outlive the clients made of `config`.
/// kNotFound when there is no such program, with the kubeconfig's hint; kUnauthenticated when it
/// fails or prints something else.
Status TakeExecCredential(kube::ClusterConfig& config, const kube::ConfigSources& sources,
                          const Clock& clock);

}  // namespace committest::plugin
