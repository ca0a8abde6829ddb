#include "runner-image/listing.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <system_error>

#include "runner-image/projects.h"

namespace committest::runner {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxEntries = 50'000;
constexpr std::size_t kMaxConfigurationBytes = std::size_t{256} * 1024;

bool IsPlainFile(const fs::path& path) {
  std::error_code error;
  return fs::symlink_status(path, error).type() == fs::file_type::regular;
}

std::string ReadStart(const fs::path& path) {
  std::string text(kMaxConfigurationBytes, '\0');
  std::ifstream in(path, std::ios::binary);
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(std::max<std::streamsize>(in.gcount(), 0)));
  return text;
}

bool IsInside(const fs::path& path, const fs::path& folder) {
  return std::ranges::mismatch(folder, path).in1 == folder.end();
}

std::vector<std::string> EntriesOf(const fs::path& folder, fs::file_type type) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    std::error_code ignored;
    if (it->symlink_status(ignored).type() == type) {
      names.push_back(it->path().filename().string());
    }
    if (names.size() >= kMaxEntries) break;
  }
  std::ranges::sort(names);
  return names;
}

// Regular files below `folder`, as `prefix`/…
std::vector<std::string> FilesBelow(const fs::path& folder, const fs::path& prefix) {
  std::vector<std::string> files;
  std::error_code error;
  std::size_t seen = 0;
  fs::recursive_directory_iterator it(folder, fs::directory_options::skip_permission_denied, error);
  for (const fs::recursive_directory_iterator end; !error && it != end && seen < kMaxEntries;
       it.increment(error), ++seen) {
    if (it->path().filename() == ".git") {
      it.disable_recursion_pending();
    } else if (IsPlainFile(it->path())) {
      const fs::path inner = it->path().lexically_relative(folder);
      files.push_back(prefix == "." ? inner.string() : (prefix / inner).string());
    }
  }
  std::ranges::sort(files);
  return files;
}

// The start of those of `names` that are listed with `prefix`.
void ReadContents(Listing& listing, const fs::path& root, const std::vector<std::string>& names,
                  const std::string& prefix) {
  const auto& files = prefix.empty() ? listing.root_files : listing.path_files;
  for (const std::string& name : names) {
    const std::string file = prefix + name;
    if (std::ranges::binary_search(files, file)) {
      listing.configuration.emplace(file, ReadStart(root / file));
    }
  }
}

}  // namespace

Result<Listing> ListCheckout(const fs::path& checkout, const std::string& path) {
  std::error_code error;
  const fs::path root = fs::canonical(checkout, error);
  if (error) return Fail(ErrorCode::kInternal, "cannot read the checkout: " + error.message());
  Listing listing;
  listing.root_files = EntriesOf(root, fs::file_type::regular);
  listing.root_folders = EntriesOf(root, fs::file_type::directory);
  ReadContents(listing, root, ConfigurationFileNames(), "");
  ReadContents(listing, root, ContentFileNames(), "");
  const std::string inner = NormalPath(path);
  const fs::path real = fs::canonical(root / inner, error);
  if (error) return listing;
  if (!IsInside(real, root)) {
    return Fail(ErrorCode::kNotFound, inner + " is a symbolic link that leaves the checkout");
  }
  listing.path_is_file = IsPlainFile(real);
  listing.path_exists = listing.path_is_file || fs::is_directory(real, error);
  if (listing.path_is_file) {
    listing.path_files = {inner};
  } else if (listing.path_exists) {
    listing.path_files = FilesBelow(real, inner);
    ReadContents(listing, root, ContentFileNames(), inner + "/");
  }
  return listing;
}

}  // namespace committest::runner
