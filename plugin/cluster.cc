#include "plugin/cluster.h"

#include <utility>

#include "common/http/network.h"
#include "plugin/exec_program.h"

namespace committest::plugin {
namespace {

// The server is the user's own choice, so no address is refused.
Result<std::shared_ptr<http::Network>> MakeNetwork(const kube::ConfigSources& sources,
                                                   const Clock& clock) {
  http::NetworkOptions options;
  auto proxies = http::ReadProxySettings(
      [&](const std::string& name) { return sources.environment(name).value_or(""); });
  if (!proxies) return Fail(proxies.error());
  options.proxies = *std::move(proxies);
  auto addresses = http::ParseAddressPolicy({"0.0.0.0/0", "::/0"});
  if (!addresses) return Fail(addresses.error());
  options.addresses = *std::move(addresses);
  return std::make_shared<http::Network>(options, clock);
}

}  // namespace

Result<Cluster> Connect(const Invocation& call, const kube::ConfigSources& sources,
                        const Clock& clock) {
  auto config = kube::LoadUserConfig(call.cluster, sources);
  if (!config) return Fail(config.error());
  if (config->exec) {
    if (Status taken = TakeExecCredential(*config, sources, clock); !taken) {
      return Fail(taken.error());
    }
  }
  kube::ApiClientOptions options;
  options.component = "kubectl";
  const auto http = kube::ApiClient::HttpOptions(*config, options);
  if (!http) return Fail(http.error());
  const auto network = MakeNetwork(sources, clock);
  if (!network) return Fail(network.error());
  auto unary = http::MakeGuardedClient(*http, *network, clock);
  if (!unary) return Fail(std::move(unary).error());
  auto watch = http::MakeGuardedClient(*http, *network, clock);
  if (!watch) return Fail(std::move(watch).error());
  Cluster cluster;
  cluster.client = std::make_unique<kube::ApiClient>(
      kube::ApiClient::Transport{std::move(*unary), std::move(*watch)}, *config, options, clock,
      kube::AnswerCounter());
  cluster.server = config->server;
  cluster.namespace_ = !call.namespace_.empty()      ? call.namespace_
                       : !config->namespace_.empty() ? config->namespace_
                                                     : "default";
  return cluster;
}

}  // namespace committest::plugin
