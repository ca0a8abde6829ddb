#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "runner-image/junit.h"

namespace committest::runner {

/// Identity of a file's content: whoever writes to a file changes its ctime, which nothing but the
/// kernel can set.
struct FileStamp {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::int64_t size = 0;
  std::int64_t change_time_ns = 0;

  bool operator==(const FileStamp&) const = default;
};

/// Files by path relative to the checkout.
using FileStamps = std::map<std::string, FileStamp>;

/// The regular files of `checkout` that match one of `globs`; symbolic links are neither followed
/// nor taken, and .git is not looked into. kResourceExhausted: more than a million entries.
Result<FileStamps> FindReports(const std::filesystem::path& checkout,
                               const std::vector<std::string>& globs);

/// The sum of the reports that match `globs` and that are not as they were in `before`.
/// kNotFound: there is none. kDataLoss names the one that cannot be read and says why, or that
/// there are too many.
Result<JunitReport> ReadReports(const std::filesystem::path& checkout,
                                const std::vector<std::string>& globs, const FileStamps& before,
                                std::size_t max_files = kMaxReportFiles);

/// The one report at `path`, which did not exist before the run. Errors as above; `part_attribute` is
/// that of `ParseJunit`.
Result<JunitReport> ReadOwnReport(const std::filesystem::path& path,
                                  const char* part_attribute = nullptr);

/// A regular file of at most 16 MiB that tests could have written. kDataLoss says why it cannot be read.
Result<std::string> ReadPlainFile(const std::filesystem::path& path);

}  // namespace committest::runner
