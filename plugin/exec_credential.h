#pragma once

#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/base/secret_text.h"
#include "common/kube/config.h"

namespace committest::plugin {

// What programs say and are told that give credentials: ExecCredential of
// client.authentication.k8s.io, as client-go's pkg/apis/clientauthentication describes it. Pure.

/// What such a program gave: a token, a client certificate with its key, or both.
struct ExecCredential {
  SecretText token;
  std::string client_certificate;  ///< PEM
  SecretText client_key;           ///< PEM
};

/// The value of KUBERNETES_EXEC_INFO. `ca` is the PEM of the cluster's CA, or empty; only a provider
/// that asks for it learns of the cluster.
std::string ExecInfo(const kube::ExecProvider& provider, const std::string& server,
                     const std::string& ca);

/// Reads what the program printed. kInvalidArgument says what is wrong, without any of it.
Result<ExecCredential> ParseExecCredential(std::string_view output, const std::string& api_version);

}  // namespace committest::plugin
