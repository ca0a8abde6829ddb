#pragma once

namespace committest {

/// Blocks SIGTERM and SIGINT in this thread and in every thread it starts from now on, and ignores
/// SIGPIPE. Call it in `main` before the first thread.
void BlockTerminationSignals();

/// Waits until SIGTERM or SIGINT arrives; its number. REQUIRES: BlockTerminationSignals().
int WaitForTerminationSignal();

}  // namespace committest
