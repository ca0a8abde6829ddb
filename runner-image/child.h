#pragma once

#include <string>
#include <sys/types.h>
#include <vector>

#include "common/base/result.h"

namespace committest::runner {

/// A program to run. Its arguments reach it as they are: no shell is involved.
struct ProcessSpec {
  std::vector<std::string> argv;         ///< argv[0] is looked up in the PATH of `environment`.
  std::vector<std::string> environment;  ///< "NAME=value"; nothing is inherited.
  std::string directory;
};

/// A started child: leader of a session and of a process group of its own.
struct Child {
  pid_t pid = -1;
  int output = -1;  ///< The reading end of its standard output and standard error, non-blocking.
};

/// Starts `spec` with standard input from /dev/null, no other descriptor of ours, no blocked
/// signal, no core dumps, and an order to the kernel to kill it when this process dies. The caller
/// closes `output` and reaps `pid`. kInvalidArgument says why it could not be executed.
Result<Child> StartChild(const ProcessSpec& spec);

}  // namespace committest::runner
