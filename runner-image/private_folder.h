#pragma once

#include <filesystem>
#include <string_view>

namespace committest::runner {

/// A new folder that only this user can enter, removed with everything in it.
class PrivateFolder {
 public:
  /// Below `parent`. Throws std::system_error.
  explicit PrivateFolder(const std::filesystem::path& parent);
  ~PrivateFolder();
  PrivateFolder(const PrivateFolder&) = delete;
  PrivateFolder& operator=(const PrivateFolder&) = delete;

  const std::filesystem::path& Path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// Writes a small file that must not exist yet. Throws std::system_error.
void WriteNewFile(const std::filesystem::path& path, std::string_view content);

}  // namespace committest::runner
