#include "observer/libgit2_trees.h"

#include <utility>

#include "observer/libgit2.h"

namespace committest::observer {
namespace {

using libgit2::BlobPtr;
using libgit2::GitError;
using libgit2::ParseId;
using libgit2::RepositoryPtr;
using libgit2::ToHex;
using libgit2::TreePtr;

class Libgit2Trees final : public TreeSource {
 public:
  explicit Libgit2Trees(RepositoryPtr repository) : repository_(std::move(repository)) {}

  Result<std::optional<CommitRoot>> Root(const std::string& commit) override {
    const auto found = libgit2::LookUpCommit(repository_.get(), commit);
    if (!found && found.error().code == ErrorCode::kNotFound) return std::nullopt;
    if (!found) return Fail(found.error());
    CommitRoot root{ToHex(*git_commit_tree_id(found->get())), {}};
    if (git_commit_parentcount(found->get()) > 0) {
      root.first_parent = ToHex(*git_commit_parent_id(found->get(), 0));
    }
    return root;
  }

  Result<std::optional<std::vector<TreeEntry>>> Tree(const std::string& id) override {
    const auto oid = ParseId(id);
    if (!oid) return Fail(oid.error());
    git_tree* raw = nullptr;
    const int code = git_tree_lookup(&raw, repository_.get(), &*oid);
    if (code == GIT_ENOTFOUND) return std::nullopt;
    if (code != 0) return Fail(GitError("cannot read a folder", GIT_ERROR));
    const TreePtr tree(raw);
    std::vector<TreeEntry> entries;
    const std::size_t count = git_tree_entrycount(raw);
    entries.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
      const git_tree_entry* entry = git_tree_entry_byindex(raw, i);
      entries.push_back({git_tree_entry_name(entry),
                         static_cast<std::uint32_t>(git_tree_entry_filemode_raw(entry)),
                         ToHex(*git_tree_entry_id(entry))});
    }
    return entries;
  }

  Result<std::optional<std::string>> Blob(const std::string& id, std::size_t max_bytes) override {
    const auto oid = ParseId(id);
    if (!oid) return Fail(oid.error());
    git_odb* odb = nullptr;
    if (git_repository_odb(&odb, repository_.get()) != 0) {
      return Fail(GitError("cannot open the mirror's objects", GIT_ERROR));
    }
    const std::unique_ptr<git_odb, libgit2::Freer<git_odb, git_odb_free>> owner(odb);
    std::size_t size = 0;
    git_object_t type = GIT_OBJECT_INVALID;
    // The header alone, so that a huge file takes no memory.
    const int code = git_odb_read_header(&size, &type, odb, &*oid);
    if (code == GIT_ENOTFOUND) return std::nullopt;
    if (code != 0) return Fail(GitError("cannot read a file", GIT_ERROR));
    if (size > max_bytes) return std::string(max_bytes + 1, ' ');
    git_blob* raw = nullptr;
    if (git_blob_lookup(&raw, repository_.get(), &*oid) != 0) {
      return Fail(GitError("cannot read a file", GIT_ERROR));
    }
    const BlobPtr blob(raw);
    return std::string(static_cast<const char*>(git_blob_rawcontent(raw)),
                       static_cast<std::size_t>(git_blob_rawsize(raw)));
  }

 private:
  const RepositoryPtr repository_;
};

}  // namespace

Result<std::unique_ptr<TreeSource>> OpenLibgit2Trees(const std::string& path) {
  auto repository = libgit2::Open(path);
  if (!repository) return Fail(std::move(repository.error()));
  return std::make_unique<Libgit2Trees>(std::move(*repository));
}

}  // namespace committest::observer
