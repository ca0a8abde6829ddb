#include "observer/mirror_folder.h"

#include <fstream>
#include <iterator>
#include <system_error>

#include "common/base/strings.h"

namespace committest::observer {
namespace {

namespace fs = std::filesystem;

// The marker's first line is the layout; a mirror of another layout is made anew.
constexpr std::string_view kMarkerFile = "committest-mirror";
constexpr std::string_view kLayout = "2";
constexpr std::string_view kWholeFile = "committest-whole";

Status IoError(const char* what, const std::error_code& error) {
  return Fail(ErrorCode::kUnavailable, std::string(what) + ": " + error.message());
}

std::string ReadFile(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

Status WriteFile(const fs::path& path, std::string_view text) {
  std::ofstream file(path, std::ios::trunc);
  file.write(text.data(), static_cast<std::streamsize>(text.size()));
  file.close();
  if (!file) return Fail(ErrorCode::kUnavailable, "cannot write " + path.filename().string());
  return {};
}

std::string Marker(const std::string& url, bool is_sha256) {
  return std::string(kLayout) + "\n" + url + "\n" + (is_sha256 ? "sha256\n" : "");
}

// Format 0, although git itself would write 1: nothing here needs 1, git leaves it because the
// remote is a promisor with a filter already, and libgit2 1.5 matches each setting of a repository
// of format 1 against a pattern and leaks 20 KB for each that does not match (its regexp.c does not
// free the match data then), which is 140 KB each time a mirror is opened.
// SHA-256 needs format 1, and libgit2 does not read it.
std::string MirrorConfig(const std::string& url, bool is_sha256) {
  const std::string format = is_sha256 ? "1\n[extensions]\n\tobjectformat = sha256" : "0";
  return "[core]\n\tbare = true\n\tlogAllRefUpdates = false\n\trepositoryformatversion = " +
         format + "\n[remote \"origin\"]\n\turl = \"" + url +
         "\"\n\tpromisor = true\n\tpartialclonefilter = tree:0\n";
}

bool IsLeftover(const fs::path& path) {
  const std::string name = path.filename().string();
  return name.ends_with(".lock") || name.starts_with("tmp_") || name == "gc.pid";
}

// Lock and temporary files of a process that was killed. Only one thread uses a mirror.
void RemoveLeftovers(const fs::path& path) {
  for (const fs::path& folder :
       {path, path / "refs/committest", path / "objects", path / "objects/pack"}) {
    std::error_code error;
    for (auto it = fs::directory_iterator(folder, error); !error && it != fs::directory_iterator();
         it.increment(error)) {
      std::error_code ignored;
      if (IsLeftover(it->path())) fs::remove(it->path(), ignored);
    }
  }
}

}  // namespace

std::string MirrorFolder::RefOf(std::string_view ref) {
  return std::string(kRefs) + Sha256Hex(ref).substr(0, 32);
}

Status MirrorFolder::Prepare(const std::string& url, bool is_sha256) const {
  if (ReadFile(path_ / kMarkerFile) != Marker(url, is_sha256)) return Create(url, is_sha256);
  RemoveLeftovers(path_);
  return {};
}

Status MirrorFolder::Create(const std::string& url, bool is_sha256) const {
  std::error_code error;
  fs::remove_all(path_, error);
  if (error) return IoError("cannot remove an old mirror", error);
  for (const char* folder : {"objects/pack", "refs/committest"}) {
    fs::create_directories(path_ / folder, error);
    if (error) return IoError("cannot create a mirror", error);
  }
  if (auto status = WriteFile(path_ / "HEAD", "ref: refs/heads/none\n"); !status) return status;
  if (auto status = WriteFile(path_ / "config", MirrorConfig(url, is_sha256)); !status) {
    return status;
  }
  return WriteFile(path_ / kMarkerFile, Marker(url, is_sha256));
}

void MirrorFolder::Remove() const {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

bool MirrorFolder::IsWhole() const {
  std::error_code ignored;
  return fs::exists(path_ / kWholeFile, ignored);
}

Status MirrorFolder::MarkWhole() const { return WriteFile(path_ / kWholeFile, ""); }

std::size_t MirrorFolder::CountPacks() const {
  std::size_t count = 0;
  std::error_code error;
  for (auto it = fs::directory_iterator(path_ / "objects/pack", error);
       !error && it != fs::directory_iterator(); it.increment(error)) {
    if (it->path().extension() == ".pack") ++count;
  }
  return count;
}

}  // namespace committest::observer
