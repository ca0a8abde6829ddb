#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace committest::runner {

/// The value of `oom_kill` in cgroup v2's memory.events or cgroup v1's memory.oom_control: how many
/// processes of the group the kernel has killed for memory. nullopt when the text has none.
std::optional<std::int64_t> ParseOomKills(std::string_view text);

/// The file that holds `oom_kill` for the process with this /proc/self/cgroup, below `root`
/// (normally "/sys/fs/cgroup"); several candidates, the first that exists counts. In a container
/// with its own cgroup namespace the path is "/".
std::vector<std::string> OomKillFiles(std::string_view proc_self_cgroup, const std::string& root);

/// Reads the current count for this process; 0 when the kernel does not tell.
std::int64_t ReadOomKills();

}  // namespace committest::runner
