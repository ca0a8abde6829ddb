#include "runner-image/process_end.h"

#include <cstring>

namespace committest::runner {

std::string DescribeEnd(const ProcessEnd& end) {
  if (!end.Started()) return end.start_error;
  if (end.exit_code) return "exit code " + std::to_string(*end.exit_code);
  const char* name = sigabbrev_np(end.signal);
  const std::string number = "signal " + std::to_string(end.signal);
  return name == nullptr ? number : "SIG" + std::string(name) + " (" + number + ")";
}

}  // namespace committest::runner
