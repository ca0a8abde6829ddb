#include "runner-image/disk_space.h"

#include <sys/statvfs.h>

namespace committest::runner {
namespace {

constexpr unsigned long kSmallFileBytes = 4096;

bool IsFull(const std::filesystem::path& folder) {
  struct statvfs space{};
  if (statvfs(folder.c_str(), &space) != 0) return false;
  const bool counts_inodes = space.f_files > 0;  // Some file systems have no fixed number.
  return space.f_bavail * space.f_frsize < kSmallFileBytes ||
         (counts_inodes && space.f_favail == 0);
}

}  // namespace

std::string FullFolder(const std::vector<std::filesystem::path>& folders) {
  for (const auto& folder : folders) {
    if (IsFull(folder)) return folder.string();
  }
  return "";
}

}  // namespace committest::runner
