#include "runner-image/memory_events.h"

#include <charconv>
#include <fstream>
#include <iterator>

#include "common/base/strings.h"

namespace committest::runner {
namespace {

std::optional<std::string> ReadSmallFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return std::nullopt;
  return std::string(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
}

bool ListsMemory(std::string_view controllers) {
  for (const std::string& controller : Split(controllers, ',')) {
    if (controller == "memory") return true;
  }
  return false;
}

}  // namespace

std::optional<std::int64_t> ParseOomKills(std::string_view text) {
  constexpr std::string_view kKey = "oom_kill ";
  for (const std::string& line : Split(text, '\n')) {
    if (!line.starts_with(kKey)) continue;
    const std::string_view digits = Trim(std::string_view(line).substr(kKey.size()));
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error == std::errc() && end == digits.data() + digits.size() && value >= 0) return value;
  }
  return std::nullopt;
}

std::vector<std::string> OomKillFiles(std::string_view proc_self_cgroup, const std::string& root) {
  std::vector<std::string> v1;
  std::vector<std::string> v2;
  for (const std::string& line : Split(proc_self_cgroup, '\n')) {
    const auto first = line.find(':');
    const auto second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    std::string path = line.substr(second + 1);
    if (!path.starts_with('/')) continue;
    if (path == "/") path.clear();
    if (controllers.empty()) v2.emplace_back(root).append(path).append("/memory.events");
    if (ListsMemory(controllers)) {
      v1.emplace_back(root).append("/memory").append(path).append("/memory.oom_control");
    }
  }
  // Without a cgroup namespace of its own a container still sees its own group at the root.
  v1.push_back(root + "/memory/memory.oom_control");
  v1.insert(v1.end(), v2.begin(), v2.end());
  v1.push_back(root + "/memory.events");
  return v1;
}

std::int64_t ReadOomKills() {
  const auto groups = ReadSmallFile("/proc/self/cgroup");
  if (!groups) return 0;
  for (const std::string& file : OomKillFiles(*groups, "/sys/fs/cgroup")) {
    const auto text = ReadSmallFile(file);
    if (!text) continue;
    if (const auto kills = ParseOomKills(*text)) return *kills;
  }
  return 0;
}

}  // namespace committest::runner
