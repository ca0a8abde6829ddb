#include "plugin/exec_credential.h"

#include <nlohmann/json.hpp>

#include "common/base/strings.h"
#include "common/kube/json_reader.h"

namespace committest::plugin {
namespace {

using nlohmann::json;

constexpr const char* kKind = "ExecCredential";

tl::unexpected<Error> Refuse(const std::string& what) {
  return Fail(ErrorCode::kInvalidArgument, "its output " + what);
}

}  // namespace

std::string ExecInfo(const kube::ExecProvider& provider, const std::string& server,
                     const std::string& ca) {
  json spec = {{"interactive", false}};
  if (provider.provide_cluster_info) {
    spec["cluster"] = {{"server", server}};
    if (!ca.empty()) spec["cluster"]["certificate-authority-data"] = EncodeBase64(ca);
  }
  return kube::Dump(
      {{"apiVersion", provider.api_version}, {"kind", kKind}, {"spec", std::move(spec)}});
}

Result<ExecCredential> ParseExecCredential(std::string_view output,
                                           const std::string& api_version) {
  const json document = json::parse(output, nullptr, false);
  if (!document.is_object()) return Refuse("is no JSON object");
  if (kube::StringAt(document, "kind") != kKind) return Refuse(std::string("is no ") + kKind);
  if (const auto version = kube::StringAt(document, "apiVersion"); version != api_version) {
    return Refuse("has the apiVersion '" + OneLine(Truncate(version, 80)) + "', expected '" +
                  api_version + "', which the kubeconfig names");
  }
  const json& status = kube::ObjectAt(document, "status");
  ExecCredential credential{SecretText(kube::StringAt(status, "token")),
                            kube::StringAt(status, "clientCertificateData"),
                            SecretText(kube::StringAt(status, "clientKeyData"))};
  const bool has_key = !credential.client_key.IsEmpty();
  if (credential.client_certificate.empty() == has_key) {
    return Refuse("has only one of status.clientCertificateData and status.clientKeyData");
  }
  if (credential.token.IsEmpty() && !has_key) {
    return Refuse("has neither status.token nor status.clientCertificateData");
  }
  return credential;
}

}  // namespace committest::plugin
