#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/kube/config.h"

namespace committest::plugin {

/// Where the plugin's words go.
struct Console {
  std::ostream& out;
  std::ostream& err;
  bool out_is_terminal = false;
};

/// One call of the plugin, from its arguments (without the program's name) to the exit status that
/// plugin/lines.h and plugin/arguments.h name. Nothing is thrown.
int RunPlugin(const std::vector<std::string>& arguments, const kube::ConfigSources& sources,
              const Clock& clock, const Console& console);

/// What kubectl asks for when somebody presses Tab behind "kubectl committest": suggestions for the
/// last of `words`. Always succeeds; without a cluster it suggests no names.
int RunCompletion(const std::vector<std::string>& words, const kube::ConfigSources& sources,
                  const Clock& clock, const Console& console);

}  // namespace committest::plugin
