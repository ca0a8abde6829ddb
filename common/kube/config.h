#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/result.h"

namespace committest::kube {

/// A credential or certificate: given in place, in a file that may be replaced at any time, or by
/// something that is asked for it anew each time. At most one of them is set.
struct Material {
  std::string inline_text;
  std::string file;
  std::function<Result<std::string>()> source = nullptr;

  bool Empty() const { return inline_text.empty() && file.empty() && !source; }
  bool CanChange() const { return !file.empty() || source; }
};

/// A program that gives credentials: `exec` of a kubeconfig's user, as client-go describes it
/// (client.authentication.k8s.io).
struct ExecProvider {
  std::string api_version;
  std::string command;  ///< A name that is looked for in PATH, or an absolute path.
  std::vector<std::string> arguments;
  std::vector<std::pair<std::string, std::string>> environment;  ///< Beside this process's own.
  std::string install_hint;                                      ///< For people who lack it.
  bool provide_cluster_info = false;
};

/// How to reach an API server and as whom.
struct ClusterConfig {
  std::string server;      ///< "https://10.0.0.1:6443", without a path.
  std::string base_path;   ///< "/k8s/clusters/x" in front of every path, or empty.
  std::string namespace_;  ///< The Pod's or the context's own, or empty.
  Material ca;             ///< PEM; empty means the system's roots.
  Material client_certificate;
  Material client_key;
  Material token;
  /// Who has credentials to give, of `LoadUserConfig` alone; to run it is the caller's part.
  std::optional<ExecProvider> exec;
};

/// Where configuration is looked for. Tests point it elsewhere.
struct ConfigSources {
  /// The value of an environment variable; nullopt when it is not set.
  std::function<std::optional<std::string>(const std::string&)> environment;
  std::string service_account_folder = "/var/run/secrets/kubernetes.io/serviceaccount";

  /// The environment of this process.
  static ConfigSources OfProcess();
};

/// What the command line says.
struct ConfigFlags {
  std::string kubeconfig;  ///< A file, or empty.
  std::string context;     ///< Of the kubeconfig; empty means its current-context.
};

/// Finds the configuration: the flag, else the variable KUBECONFIG, else the Pod's service account,
/// else ~/.kube/config. kInvalidArgument names file and field, and says what is expected; `exec` is
/// refused, as components run no one's programs;
/// kNotFound when there is no configuration at all.
Result<ClusterConfig> LoadConfig(const ConfigFlags& flags, const ConfigSources& sources);

/// As kubectl finds it: the flag, else the files of the variable KUBECONFIG, merged, of which some may
/// be missing, else ~/.kube/config, else the Pod's service account. Errors as of `LoadConfig`.
Result<ClusterConfig> LoadUserConfig(const ConfigFlags& flags, const ConfigSources& sources);

/// The configuration that Kubernetes mounts into every Pod with a service account.
Result<ClusterConfig> InClusterConfig(const ConfigSources& sources);

/// Reads a kubeconfig file of at most 1 MiB.
Result<ClusterConfig> LoadKubeconfig(const std::string& file, const std::string& context);

/// A kubeconfig's text and the file it was read from.
struct KubeconfigText {
  std::string text;
  std::string file;
};

/// Several files as one, as kubectl merges them: of current-context and of entries with the same name
/// the first counts. Pure.
Result<ClusterConfig> ParseKubeconfigs(const std::vector<KubeconfigText>& sources,
                                       const std::string& context);

/// The same from its text. Pure; `file` is for messages and for what relative paths start from.
/// What this client cannot do is an error that says so: auth-provider plugins and exec plugins that
/// must be interactive, passwords, impersonation, proxies, unverified TLS and another TLS server name.
Result<ClusterConfig> ParseKubeconfig(std::string_view text, const std::string& file,
                                      const std::string& context);

}  // namespace committest::kube
