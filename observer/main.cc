#include <cstdio>
#include <exception>
#include <malloc.h>
#include <string>
#include <vector>

#include "common/base/log.h"
#include "common/base/signals.h"
#include "common/http/client.h"
#include "observer/app.h"
#include "observer/config.h"

namespace committest::observer {
namespace {

constexpr int kExitFailure = 1;
constexpr int kExitUsage = 2;
// Of the HTTP library's pool; the looks themselves block workers of ours.
constexpr int kHttpThreads = 4;

int Run(const std::vector<std::string>& arguments) {
  // One heap for all threads: each of the workers would otherwise keep one of its own.
  mallopt(M_ARENA_MAX, 1);
  if (auto status = http::InitThreads(kHttpThreads); !status) {
    log::Failure("cannot start", status.error());
    return kExitFailure;
  }
  BlockTerminationSignals();
  const auto command_line = ParseCommandLine(arguments);
  if (!command_line) {
    std::fprintf(stderr, "committest-observer: %s\n", command_line.error().message.c_str());
    return kExitUsage;
  }
  if (!command_line->config) {
    std::fputs(command_line->text.c_str(), stdout);
    return 0;
  }
  log::Init(command_line->config->log_level, command_line->config->log_format);
  const auto app = App::Start(*command_line->config);
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
