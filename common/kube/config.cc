#include "common/kube/config.h"

#include <cstdlib>
#include <filesystem>

#include "common/base/strings.h"
#include "common/kube/credentials.h"

namespace committest::kube {
namespace {

constexpr std::size_t kMaxKubeconfigBytes = std::size_t{1024} * 1024;

// "KUBECONFIG" may name several files, which kubectl merges.
Result<std::string> OnlyPath(const std::string& list) {
  std::string found;
  for (const std::string& path : Split(list, ':')) {
    if (path.empty()) continue;
    if (!found.empty()) {
      return Fail(ErrorCode::kInvalidArgument,
                  "KUBECONFIG names several files; name one of them with --kubeconfig");
    }
    found = path;
  }
  return found;
}

bool HasServiceAccount(const ConfigSources& sources) {
  std::error_code error;
  return sources.environment("KUBERNETES_SERVICE_HOST").has_value() &&
         std::filesystem::exists(sources.service_account_folder + "/token", error);
}

}  // namespace

ConfigSources ConfigSources::OfProcess() {
  ConfigSources sources;
  sources.environment = [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
  };
  return sources;
}

Result<ClusterConfig> LoadKubeconfig(const std::string& file, const std::string& context) {
  const auto text = ReadSmallFile(file, kMaxKubeconfigBytes);
  if (!text) return Fail(Context("kubeconfig", text.error()));
  return ParseKubeconfig(*text, file, context);
}

Result<ClusterConfig> InClusterConfig(const ConfigSources& sources) {
  const auto host = sources.environment("KUBERNETES_SERVICE_HOST");
  const auto port = sources.environment("KUBERNETES_SERVICE_PORT");
  if (!host || host->empty() || !port || port->empty()) {
    return Fail(ErrorCode::kNotFound,
                "KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set: not in a Pod");
  }
  const std::string& folder = sources.service_account_folder;
  ClusterConfig config;
  // The HTTP library cannot use IPv6 literals; the cluster's DNS and the server's certificate hold
  // this name.
  const bool is_ipv6 = host->find(':') != std::string::npos;
  config.server.append("https://")
      .append(is_ipv6 ? "kubernetes.default.svc" : *host)
      .append(":")
      .append(*port);
  config.ca.file = folder + "/ca.crt";
  config.token.file = folder + "/token";
  for (const std::string& file : {config.ca.file, config.token.file}) {
    if (const auto text = ReadSmallFile(file, kMaxKubeconfigBytes); !text) {
      return Fail(Context("service account", text.error()));
    }
  }
  if (const auto name = ReadSmallFile(folder + "/namespace", 256)) config.namespace_ = Trim(*name);
  return config;
}

namespace {

Result<ClusterConfig> FindConfig(const ConfigFlags& flags, const ConfigSources& sources) {
  if (!flags.kubeconfig.empty()) return LoadKubeconfig(flags.kubeconfig, flags.context);
  const auto named = OnlyPath(sources.environment("KUBECONFIG").value_or(""));
  if (!named) return Fail(named.error());
  if (!named->empty()) return LoadKubeconfig(*named, flags.context);
  if (HasServiceAccount(sources)) return InClusterConfig(sources);
  const auto home = sources.environment("HOME");
  std::error_code error;
  if (home && std::filesystem::exists(*home + "/.kube/config", error)) {
    return LoadKubeconfig(*home + "/.kube/config", flags.context);
  }
  return Fail(ErrorCode::kNotFound,
              "no cluster configuration: give --kubeconfig, set KUBECONFIG, run in a Pod with a "
              "service account, or have ~/.kube/config");
}

}  // namespace

Result<ClusterConfig> LoadConfig(const ConfigFlags& flags, const ConfigSources& sources) {
  auto config = FindConfig(flags, sources);
  if (config && config->exec) {
    return Fail(
        ErrorCode::kInvalidArgument,
        "kubeconfig: exec (" + config->exec->command +
            ") is not supported: write a token or a client certificate into the file instead");
  }
  return config;
}

Result<ClusterConfig> LoadUserConfig(const ConfigFlags& flags, const ConfigSources& sources) {
  if (!flags.kubeconfig.empty()) return LoadKubeconfig(flags.kubeconfig, flags.context);
  std::vector<std::string> files = Split(sources.environment("KUBECONFIG").value_or(""), ':');
  std::erase(files, "");
  if (const auto home = sources.environment("HOME"); files.empty() && home) {
    files.push_back(*home + "/.kube/config");
  }
  std::vector<KubeconfigText> texts;
  for (const std::string& file : files) {
    auto text = ReadSmallFile(file, kMaxKubeconfigBytes);
    if (text) {
      texts.push_back({*std::move(text), file});
    } else if (text.error().code != ErrorCode::kNotFound) {
      return Fail(Context("kubeconfig", text.error()));
    }
  }
  if (!texts.empty()) return ParseKubeconfigs(texts, flags.context);
  if (HasServiceAccount(sources)) return InClusterConfig(sources);
  return Fail(
      ErrorCode::kNotFound,
      "no cluster configuration: give --kubeconfig, set KUBECONFIG, have ~/.kube/config, or "
      "run in a Pod with a service account");
}

}  // namespace committest::kube
