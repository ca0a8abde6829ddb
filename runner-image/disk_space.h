#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace committest::runner {

/// The first of these folders on whose file system not even a small file would fit (no free page of
/// memory or disk, or no free inode), as text; empty when there is none or they cannot be asked.
std::string FullFolder(const std::vector<std::filesystem::path>& folders);

}  // namespace committest::runner
