#include "common/process/memory_file.h"

#include <cerrno>
#include <sys/mman.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace committest {
namespace {

tl::unexpected<Error> Failed(int number) {
  return Fail(ErrorCode::kUnavailable,
              "cannot make a file in memory: " + std::generic_category().message(number));
}

}  // namespace

Result<MemoryFile> MemoryFile::Make(std::string_view content) {
  MemoryFile file(memfd_create("committest", MFD_CLOEXEC));
  if (file.fd_ < 0) return Failed(errno);
  // ssh wants a key that nobody else could read.
  if (fchmod(file.fd_, S_IRUSR | S_IWUSR) != 0) return Failed(errno);
  std::size_t done = 0;
  while (done < content.size()) {
    const ssize_t count =
        pwrite(file.fd_, content.data() + done, content.size() - done, static_cast<off_t>(done));
    if (count < 0 && errno != EINTR) return Failed(errno);
    if (count > 0) done += static_cast<std::size_t>(count);
  }
  return file;
}

MemoryFile::~MemoryFile() {
  if (fd_ >= 0) close(fd_);
}

MemoryFile::MemoryFile(MemoryFile&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

MemoryFile& MemoryFile::operator=(MemoryFile&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

std::string MemoryFile::Path() const {
  return "/proc/" + std::to_string(getpid()) + "/fd/" + std::to_string(fd_);
}

}  // namespace committest
