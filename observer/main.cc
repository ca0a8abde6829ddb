#include <cstdio>
#include <cstdlib>
#include <exception>
#include <malloc.h>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/log.h"
#include "common/base/signals.h"
#include "common/base/strings.h"
#include "common/http/client.h"
#include "common/http/proxy.h"
#include "observer/app.h"
#include "observer/config.h"

namespace committest::observer {
namespace {

constexpr int kExitFailure = 1;
constexpr int kExitUsage = 2;
// Of the HTTP library's pool; the looks themselves block workers of ours.
constexpr int kHttpThreads = 4;

std::string EnvironmentVariable(const std::string& name) {
  const char* value = std::getenv(name.c_str());  // NOLINT(concurrency-mt-unsafe): nobody sets one
  return value == nullptr ? "" : value;
}

// Which proxies there are, without their credentials.
void LogProxies(const http::ProxySettings& proxies) {
  if (!proxies.http && !proxies.https) return;
  const auto shown = [](const std::optional<http::Proxy>& proxy) {
    return proxy ? proxy->Name() : std::string();
  };
  log::Info("Git servers are asked through proxies",
            {{"https", shown(proxies.https)},
             {"http", shown(proxies.http)},
             {"exceptions", Join(proxies.exceptions, ",")}});
}

int Run(const std::vector<std::string>& arguments) {
  // One heap for all threads: each of the workers would otherwise keep one of its own.
  mallopt(M_ARENA_MAX, 1);
  if (auto status = http::InitThreads(kHttpThreads); !status) {
    log::Failure("cannot start", status.error());
    return kExitFailure;
  }
  BlockTerminationSignals();
  auto command_line = ParseCommandLine(arguments);
  if (!command_line) {
    std::fprintf(stderr, "committest-observer: %s\n", command_line.error().message.c_str());
    return kExitUsage;
  }
  if (!command_line->config) {
    std::fputs(command_line->text.c_str(), stdout);
    return 0;
  }
  Config& config = *command_line->config;
  auto proxies = http::ReadProxySettings(EnvironmentVariable);
  if (!proxies) {
    std::fprintf(stderr, "committest-observer: %s\n", proxies.error().message.c_str());
    return kExitUsage;
  }
  config.proxies = std::move(*proxies);
  log::Init(config.log_level, config.log_format);
  LogProxies(config.proxies);
  const auto app = App::Start(config);
  if (!app) {
    log::Failure("cannot start", app.error());
    return kExitFailure;
  }
  log::Info("started", {{"version", COMMITTEST_VERSION},
                        {"port", (*app)->HttpPort()},
                        {"webhookPort", (*app)->WebhookPort()}});
  const int signal = WaitForTerminationSignal();
  log::Info("stopping", {{"signal", signal}});
  (*app)->Stop();
  return 0;
}

}  // namespace
}  // namespace committest::observer

int main(int argc, char** argv) {
  try {
    return committest::observer::Run({argv + 1, argv + argc});
  } catch (const std::exception& e) {
    std::fprintf(stderr, "committest-observer: %s\n", e.what());
    return 1;
  }
}
