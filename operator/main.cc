#include <cstdlib>
#include <iostream>
#include <malloc.h>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/metrics.h"
#include "common/base/random.h"
#include "common/base/signals.h"
#include "common/http/client.h"
#include "common/kube/config.h"
#include "operator/app.h"
#include "operator/config.h"

namespace {

using namespace committest;  // NOLINT(google-build-using-namespace): the program's own file

constexpr int kUsage = 2;
constexpr int kHttpThreads = 3;

int Fails(std::string_view message, const Error& error) {
  log::Failure(message, error);
  return EXIT_FAILURE;
}

/// The name of this process's Pod, or of the machine.
std::string PodName() {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): read before the first thread is started.
  const char* name = std::getenv("POD_NAME");
  if (name == nullptr) name = std::getenv("HOSTNAME");  // NOLINT(concurrency-mt-unsafe)
  return name == nullptr ? "committest-operator" : name;
}

int Run(const op::Config& config) {
  BlockTerminationSignals();
  // One heap for all threads: each of a dozen would otherwise keep what one LIST has taken. After a
  // restart with 1,000 finished CommitTests that was 26 MB instead of 15.
  mallopt(M_ARENA_MAX, 1);
  if (const auto status = http::InitThreads(kHttpThreads); !status) {
    return Fails("cannot start", status.error());
  }
  const SystemClock clock;
  const auto random = MakeSystemRandom();
  Metrics metrics;
  const auto cluster =
      kube::LoadConfig({.kubeconfig = config.kubeconfig, .context = config.context},
                       kube::ConfigSources::OfProcess());
  if (!cluster) return Fails("cannot find a cluster", cluster.error());
  auto app = op::App::Make(config, *cluster, PodName(), clock, *random, metrics);
  if (!app) return Fails("cannot use the cluster's configuration", app.error());
  const Status started = (*app)->Start();
  if (started) {
    log::Info("started", {{"version", COMMITTEST_VERSION}, {"server", cluster->server}});
    log::Info("stopping", {{"signal", WaitForTerminationSignal()}});
  }
  (*app)->Stop();
  return started ? EXIT_SUCCESS : Fails("cannot start", started.error());
}

}  // namespace

int main(int argc, char** argv) {
  const auto command_line = op::ParseCommandLine(std::vector<std::string>(argv + 1, argv + argc));
  if (!command_line) {
    std::cerr << "committest-operator: " << command_line.error().message << "\n";
    return kUsage;
  }
  if (!command_line->config) {
    std::cout << command_line->text;
    return EXIT_SUCCESS;
  }
  log::Init(command_line->config->log_level, command_line->config->log_format);
  return Run(*command_line->config);
}
