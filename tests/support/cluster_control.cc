#include "tests/support/cluster_control.h"

#include <cstdlib>
#include <map>
#include <unistd.h>
#include <utility>

#include "tests/support/command.h"

namespace committest::testing {
namespace {

std::map<std::string, std::string> Environment() {
  std::map<std::string, std::string> environment;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    const std::size_t equals = text.find('=');
    if (equals != std::string::npos) environment[text.substr(0, equals)] = text.substr(equals + 1);
  }
  return environment;
}

}  // namespace

Result<ClusterControl> ClusterControl::Of(const char* variable) {
  const char* name = std::getenv(variable);
  if (name != nullptr && *name != '\0') return ClusterControl(name);
  return Fail(ErrorCode::kNotFound,
              "this test kills and restarts an API server: run 'dev/cluster/cluster up --name "
              "integration --api-only' and set " +
                  std::string(variable) + "=integration");
}

Status ClusterControl::Kill(const std::string& component) const { return Run({"kill", component}); }

Status ClusterControl::Restart(const std::string& component) const {
  return Run({"restart", component});
}

Status ClusterControl::Compact() const { return Run({"compact"}); }

Status ClusterControl::Run(std::vector<std::string> arguments) const {
  std::vector<std::string> argv{COMMITTEST_SOURCE_DIR "/dev/cluster/cluster"};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  argv.insert(argv.end(), {"--name", name_});
  const CommandEnd end = RunCommand(argv, {.environment = Environment(), .directory = {}});
  if (end.exit_code == 0) return {};
  return Fail(ErrorCode::kUnavailable, "dev/cluster/cluster failed: " + end.output);
}

}  // namespace committest::testing
