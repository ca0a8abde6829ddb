#include "runner-image/private_folder.h"

#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <string>
#include <system_error>
#include <unistd.h>

namespace committest::runner {

PrivateFolder::PrivateFolder(const std::filesystem::path& parent) {
  std::string name = (parent / "committest-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) {
    throw std::system_error(errno, std::generic_category(),
                            "cannot make a folder in " + parent.string());
  }
  path_ = name;
}

PrivateFolder::~PrivateFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

void WriteNewFile(const std::filesystem::path& path, std::string_view content) {
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  const ssize_t written = fd < 0 ? -1 : write(fd, content.data(), content.size());
  const int error = errno;
  if (fd >= 0) close(fd);
  if (written != static_cast<ssize_t>(content.size())) {
    throw std::system_error(written < 0 ? error : ENOSPC, std::generic_category(),
                            "cannot write " + path.string());
  }
}

}  // namespace committest::runner
