#include "runner-image/report_files.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <optional>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include "common/base/glob.h"
#include "common/base/strings.h"

namespace committest::runner {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxEntries = 1'000'000;
// Paths get longer with each level, and so does the search: without a bound tests could leave a tree
// that takes hours.
constexpr int kMaxLevels = 256;

FileStamp StampOf(const struct stat& status) {
  return {status.st_dev, status.st_ino, status.st_size,
          std::int64_t{status.st_ctim.tv_sec} * 1'000'000'000 + status.st_ctim.tv_nsec};
}

bool MatchesAny(const std::vector<std::string>& globs, const std::string& path) {
  return std::ranges::any_of(globs, [&](const auto& glob) { return GlobMatches(glob, path); });
}

tl::unexpected<Error> Unreadable(const std::string& name, const std::string& why) {
  return Fail(ErrorCode::kDataLoss,
              "the report " + OneLine(Truncate(name, 200)) + " cannot be used: " + why);
}

Result<JunitReport> ReadReport(const fs::path& path, const std::string& name,
                               const char* part_attribute = nullptr) {
  const Result<std::string> text = ReadPlainFile(path);
  if (!text) return Unreadable(name, text.error().message);
  Result<JunitReport> report = ParseJunit(*text, part_attribute);
  if (!report) return Unreadable(name, report.error().message);
  return report;
}

}  // namespace

// A test can leave anything under a report's name: a pipe that never ends, a link to elsewhere.
Result<std::string> ReadPlainFile(const fs::path& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return Fail(ErrorCode::kDataLoss, std::generic_category().message(errno));
  struct stat status{};
  Result<std::string> text = std::string();
  if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
    text = Fail(ErrorCode::kDataLoss, "it is no regular file");
  } else if (status.st_size > static_cast<off_t>(kMaxReportBytes)) {
    text = Fail(ErrorCode::kDataLoss, "it is larger than 16 MiB");
  } else {
    text->resize(static_cast<std::size_t>(status.st_size));
    const ssize_t count = read(fd, text->data(), text->size());
    if (count != status.st_size) text = Fail(ErrorCode::kDataLoss, "it cannot be read whole");
  }
  close(fd);
  return text;
}

Result<FileStamps> FindReports(const fs::path& checkout, const std::vector<std::string>& globs) {
  FileStamps found;
  std::error_code error;
  std::size_t seen = 0;
  fs::recursive_directory_iterator it(checkout, fs::directory_options::skip_permission_denied,
                                      error);
  for (const fs::recursive_directory_iterator end; !error && it != end; it.increment(error)) {
    if (it.depth() >= kMaxLevels) it.disable_recursion_pending();
    if (++seen > kMaxEntries) {
      return Fail(ErrorCode::kResourceExhausted, "the checkout has more than a million files");
    }
    if (it->path().filename() == ".git") {
      it.disable_recursion_pending();
      continue;
    }
    const std::string name = it->path().lexically_relative(checkout).string();
    struct stat status{};
    if (!MatchesAny(globs, name) || lstat(it->path().c_str(), &status) != 0) continue;
    if (S_ISREG(status.st_mode)) found.emplace(name, StampOf(status));
  }
  if (error) return Fail(ErrorCode::kDataLoss, "cannot look for reports: " + error.message());
  return found;
}

Result<JunitReport> ReadReports(const fs::path& checkout, const std::vector<std::string>& globs,
                                const FileStamps& before, std::size_t max_files) {
  Result<FileStamps> found = FindReports(checkout, globs);
  if (!found) return Fail(ErrorCode::kDataLoss, std::move(found.error().message));
  const std::size_t stale = std::erase_if(*found, [&](const auto& entry) {
    const auto old = before.find(entry.first);
    return old != before.end() && old->second == entry.second;
  });
  if (found->empty()) {
    std::string message = "looked for " + Join(globs, ", ");
    if (stale > 0) message += "; what matches was there before the tests and did not change";
    return Fail(ErrorCode::kNotFound, std::move(message));
  }
  if (found->size() > max_files) {
    return Fail(ErrorCode::kDataLoss, "there are " + std::to_string(found->size()) +
                                          " reports, at most " + std::to_string(max_files) +
                                          " are read");
  }
  JunitReport sum;
  for (const auto& [name, _] : *found) {
    Result<JunitReport> report = ReadReport(checkout / name, name);
    if (!report) return Fail(std::move(report.error()));
    Add(sum, *std::move(report));
  }
  return sum;
}

Result<JunitReport> ReadOwnReport(const fs::path& path, const char* part_attribute) {
  std::error_code error;
  if (fs::symlink_status(path, error).type() == fs::file_type::not_found) {
    return Fail(ErrorCode::kNotFound, "they did not run to their end");
  }
  return ReadReport(path, "of the framework", part_attribute);
}

}  // namespace committest::runner
