#include <iostream>
#include <nss.h>
#include <string_view>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/kube/config.h"
#include "plugin/app.h"

namespace {

// The name under which kubectl asks for what may come next.
constexpr std::string_view kCompleter = "kubectl_complete-committest";

}  // namespace

int main(int argc, char** argv) {
  using namespace committest;          // NOLINT(google-build-using-namespace)
  using namespace committest::plugin;  // NOLINT(google-build-using-namespace)
  // A static program must not load the host's name service modules; these two are part of it.
  __nss_configure_lookup("hosts", "files dns");
  const SystemClock clock;
  const Console console{std::cout, std::cerr, isatty(STDOUT_FILENO) == 1};
  const std::vector<std::string> arguments(argv + (argc > 0 ? 1 : 0), argv + argc);
  const bool complete = argc > 0 && std::string_view(argv[0]).ends_with(kCompleter);
  return complete ? RunCompletion(arguments, kube::ConfigSources::OfProcess(), clock, console)
                  : RunPlugin(arguments, kube::ConfigSources::OfProcess(), clock, console);
}
