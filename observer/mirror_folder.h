#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace committest::observer {

/// How a mirror lies on the disk: a bare partial clone, which git and libgit2 both read, and what is
/// kept in it about itself. Used by one thread at a time.
class MirrorFolder {
 public:
  /// The refs of a mirror begin so. What follows is a hash, so that remote names never become file names.
  static constexpr std::string_view kRefs = "refs/committest/";

  explicit MirrorFolder(std::filesystem::path path) : path_(std::move(path)) {}

  const std::filesystem::path& Path() const { return path_; }

  /// The ref of the mirror that stands for the remote's `ref`.
  static std::string RefOf(std::string_view ref);

  /// Leaves a mirror of `url` that can be fetched into. One of another URL, hash or layout is made
  /// anew; of one that is there, what a killed process left behind is removed.
  /// `url` passed `CheckUrl`, which leaves nothing to quote. kUnavailable: the disk.
  Status Prepare(const std::string& url, bool is_sha256) const;
  /// Removes it as far as the disk lets.
  void Remove() const;

  /// Whether it has all objects of its refs.
  bool IsWhole() const;
  Status MarkWhole() const;

  /// Each fetch leaves a pack, and many make reading slow.
  std::size_t CountPacks() const;

 private:
  Status Create(const std::string& url, bool is_sha256) const;

  const std::filesystem::path path_;
};

}  // namespace committest::observer
