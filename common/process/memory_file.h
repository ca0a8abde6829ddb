#pragma once

#include <string>
#include <string_view>

#include "common/base/result.h"

namespace committest {

/// A file in memory alone, which goes with this object, and with the process however that ends: for
/// what child processes want as a file and no disk is to hold.
///
/// Only processes of the same user can open it, as long as this process is dumpable
/// (PR_SET_DUMPABLE).
class MemoryFile {
 public:
  /// kUnavailable when the system has no memory or descriptor left.
  static Result<MemoryFile> Make(std::string_view content);
  ~MemoryFile();
  MemoryFile(MemoryFile&& other) noexcept;
  MemoryFile& operator=(MemoryFile&& other) noexcept;
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  /// Positioned at the start; closed in children.
  int Descriptor() const { return fd_; }
  /// By which child processes open it.
  std::string Path() const;

 private:
  explicit MemoryFile(int fd) : fd_(fd) {}

  int fd_ = -1;
};

}  // namespace committest
