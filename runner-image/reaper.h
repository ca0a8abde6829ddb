#pragma once

#include <chrono>
#include <optional>
#include <sys/types.h>

#include "common/base/clock.h"

namespace committest::runner {

/// Makes orphaned descendants children of this process, as PID 1's are anyway, so that they can be
/// found and ended.
void AdoptOrphans();

/// Reaps every child that has ended, without waiting. The wait status of `child` if it was one of
/// them.
std::optional<int> ReapEnded(pid_t child);

/// Kills everything that descends from this process, and reaps it: all processes of the PID
/// namespace when this is PID 1, else the process group of `leader` and then child after child, as
/// orphans arrive, until none is left. Gives up after `limit`; false when something was left.
bool KillDescendants(pid_t leader, const Clock& clock, std::chrono::milliseconds limit);

}  // namespace committest::runner
