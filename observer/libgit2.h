#pragma once

#include <git2.h>
#include <memory>
#include <string>
#include <utility>

#include "common/base/result.h"
#include "common/base/strings.h"

// What history.cc and libgit2_trees.cc share; nobody else includes it.

namespace committest::observer::libgit2 {

template <typename T, void (*free_fn)(T*)>
struct Freer {
  void operator()(T* object) const { free_fn(object); }
};
using RepositoryPtr = std::unique_ptr<git_repository, Freer<git_repository, git_repository_free>>;
using ObjectPtr = std::unique_ptr<git_object, Freer<git_object, git_object_free>>;
using TreePtr = std::unique_ptr<git_tree, Freer<git_tree, git_tree_free>>;
using BlobPtr = std::unique_ptr<git_blob, Freer<git_blob, git_blob_free>>;
using CommitPtr = std::unique_ptr<git_commit, Freer<git_commit, git_commit_free>>;

// libgit2 keeps its last error per thread, so this is called right after the call that failed.
inline Error GitError(const char* what, int code) {
  const git_error* last = git_error_last();
  const std::string text = last == nullptr ? "unknown error" : OneLine(last->message);
  const auto error_code = code == GIT_ENOTFOUND ? ErrorCode::kNotFound : ErrorCode::kDataLoss;
  return {error_code, std::string(what) + ": " + text, {}, std::nullopt};
}

inline Result<RepositoryPtr> Open(const std::string& path) {
  constexpr unsigned kFlags =
      GIT_REPOSITORY_OPEN_BARE | GIT_REPOSITORY_OPEN_NO_SEARCH | GIT_REPOSITORY_OPEN_NO_DOTGIT;
  git_repository* repository = nullptr;
  if (git_repository_open_ext(&repository, path.c_str(), kFlags, nullptr) != 0) {
    Error error = GitError("cannot open the mirror", GIT_ERROR);
    return Fail(std::move(error));
  }
  return RepositoryPtr(repository);
}

inline Result<git_oid> ParseId(const std::string& id) {
  git_oid oid;
  if (id.size() != GIT_OID_HEXSZ || git_oid_fromstr(&oid, id.c_str()) != 0) {
    return Fail(ErrorCode::kDataLoss, "the object name is not SHA-1");
  }
  return oid;
}

inline Result<CommitPtr> LookUpCommit(git_repository* repository, const std::string& id) {
  const auto oid = ParseId(id);
  if (!oid) return Fail(oid.error());
  git_commit* commit = nullptr;
  if (const int code = git_commit_lookup(&commit, repository, &*oid); code != 0) {
    return Fail(GitError("cannot read a commit", code));
  }
  return CommitPtr(commit);
}

inline std::string ToHex(const git_oid& oid) {
  std::string text(GIT_OID_HEXSZ, '\0');
  git_oid_fmt(text.data(), &oid);
  return text;
}

}  // namespace committest::observer::libgit2
