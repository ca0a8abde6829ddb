#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/api/observed_repository.h"
#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/kube/object.h"
#include "observer/path_filter.h"
#include "observer/ref_pattern.h"

namespace committest::observer {

/// One ref of a remote repository.
struct RemoteRef {
  std::string name;
  /// What the ref points to; of an annotated tag, what the tag points to in the end.
  std::string commit;

  bool operator==(const RemoteRef&) const = default;
};

/// What a remote repository has of what was asked for.
struct RemoteRefs {
  /// The ref that HEAD points to; empty when HEAD was not asked for, is detached or unborn.
  std::string head_ref;
  std::vector<RemoteRef> refs;  ///< Sorted by name, without duplicates.
  std::size_t refused = 0;      ///< Refs left out because their names are not allowed.

  bool operator==(const RemoteRefs&) const = default;
};

/// A question about the history of one ref.
struct HistoryQuery {
  std::string ref;
  std::string from;  ///< The cursor: exclusive; empty when the ref is seen for the first time.
  std::string to;    ///< The tip: inclusive.
  api::History mode = api::History::kFirstParent;
  std::int64_t limit = 50;  ///< At most this many commits, the newest.

  bool operator==(const HistoryQuery&) const = default;
};

struct Commit {
  std::string id;
  std::string author;        ///< Name only, one line, at most 200 bytes.
  std::string subject;       ///< First line of the message, at most 100 bytes.
  WallTime time;             ///< Of the commit, as its committer's clock had it.
  std::string skip_request;  ///< What in the message asks for no tests; see skip_request.h.

  bool operator==(const Commit&) const = default;
};

/// How the tip relates to the cursor.
enum class Relation {
  kInitial,        ///< There was no cursor.
  kAdvanced,       ///< The cursor is an ancestor of the tip.
  kRewritten,      ///< A force push: they share history; the commits are those since the fork.
  kRewound,        ///< The tip is an ancestor of the cursor; the commit is the tip alone.
  kUnrelated,      ///< They share no history; the commit is the tip alone.
  kCursorMissing,  ///< The cursor is gone from the server; the commit is the tip alone.
  kNotACommit,     ///< The ref points to a tree or blob; no commits.
};
std::string_view RelationName(Relation relation);

struct HistoryAnswer {
  std::string ref;
  std::string to;               ///< As asked.
  std::vector<Commit> commits;  ///< Oldest first: a parent stands before its children.
  std::int64_t omitted = 0;     ///< Older new commits beyond `limit`; 0 for kInitial.
  Relation relation = Relation::kInitial;
};

/// A question about what one commit holds.
struct DetailsQuery {
  std::string commit;
  std::string ref;   ///< Where it was found; how to fetch it from servers that refuse names.
  std::string base;  ///< The commit to compare with; empty: its first parent, if it has one.
  PathFilter filter;
  bool wants_config = true;  ///< Whether `.committest.yaml` is read.

  bool operator==(const DetailsQuery&) const = default;
};

/// `.committest.yaml` of a commit.
struct ConfigFile {
  enum class Kind { kAbsent, kFile, kTooLarge, kNoFile };
  Kind kind = Kind::kAbsent;
  std::string id;    ///< The object's name; empty if there is none.
  std::string text;  ///< Of a file.

  bool operator==(const ConfigFile&) const = default;
};

struct CommitDetails {
  std::string commit;
  /// Whether it changes something that the filter lets count. A change that is too large to look
  /// through counts.
  bool is_affected = true;
  ConfigFile config;

  bool operator==(const CommitDetails&) const = default;
};

struct DetailsAnswer {
  std::vector<CommitDetails> details;  ///< Of those that could be read.
  std::optional<Error> problem;        ///< Why the others could not.
};

/// Which repository is asked, and in whose name.
struct RemoteRepository {
  kube::ObjectKey key;  ///< The ObservedRepository; names the local mirror.
  std::string url;
  std::string credentials_secret_name;  ///< In the key's namespace; empty: without credentials.
};

/// A remote Git repository, as the observer needs it. Thread-safe for different repositories; one
/// repository is used by one thread at a time.
class GitRemote {
 public:
  virtual ~GitRemote() = default;

  /// The refs that match one of `patterns`, or, with none, the branch that HEAD points to. One
  /// round trip and a few hundred bytes when nothing has changed.
  /// Errors: kUnavailable, kDeadlineExceeded, kUnauthenticated, kPermissionDenied, kNotFound,
  /// kResourceExhausted (the answer is too long), kDataLoss (the answer is not Git's protocol),
  /// kInvalidArgument (the URL is not allowed); with the reasons CredentialsInvalid and
  /// CredentialsUnavailable any code, and the server was not asked. Messages do not vary from call
  /// to call and hold no secret.
  virtual Result<RemoteRefs> ListRefs(const RemoteRepository& repository,
                                      const std::vector<RefPattern>& patterns) = 0;

  /// Fetches what `queries` ask about and answers those that could be; a query whose commit the
  /// server does not give out (any more) has no answer. Errors as above, when not even one can be
  /// answered.
  virtual Result<std::vector<HistoryAnswer>> History(const RemoteRepository& repository,
                                                     const std::vector<HistoryQuery>& queries) = 0;

  /// Fetches what of the commits' folders `queries` ask about, no more, and answers. The commits
  /// are those of an earlier `History`. Errors as above, when not even one can be answered.
  virtual Result<DetailsAnswer> Details(const RemoteRepository& repository,
                                        const std::vector<DetailsQuery>& queries) = 0;

  /// Drops what is kept locally for `repository`, which is gone.
  virtual void Forget(const kube::ObjectKey& repository) = 0;
};

}  // namespace committest::observer
