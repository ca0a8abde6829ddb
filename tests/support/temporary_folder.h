#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace committest::testing {

/// A new folder below the system's temporary folder, removed with everything in it.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// Writes `content` to `file` and makes its parent folders. Aborts when it cannot.
void WriteTestFile(const std::filesystem::path& file, std::string_view content);

/// The whole of `file`; empty when it does not exist.
std::string ReadTestFile(const std::filesystem::path& file);

}  // namespace committest::testing
