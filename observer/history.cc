#include "observer/history.h"

#include <algorithm>
#include <fstream>
#include <git2.h>
#include <memory>
#include <ranges>
#include <set>
#include <utility>

#include "common/base/strings.h"
#include "observer/commit_source.h"
#include "observer/commit_walk.h"
#include "observer/git_commands.h"
#include "observer/libgit2.h"
#include "observer/libgit2_trees.h"
#include "observer/skip_request.h"

namespace committest::observer {
namespace {

using libgit2::Freer;
using libgit2::GitError;
using libgit2::LookUpCommit;
using libgit2::ObjectPtr;
using libgit2::Open;
using libgit2::ParseId;
using libgit2::RepositoryPtr;
using libgit2::ToHex;

constexpr std::size_t kSha256Digits = 64;

using RefIteratorPtr = std::unique_ptr<git_reference_iterator,
                                       Freer<git_reference_iterator, git_reference_iterator_free>>;

bool IsSha256(const std::string& path) {
  std::ifstream file(path + "/config");
  const std::string config{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  return config.find("objectformat = sha256") != std::string::npos;
}

// The commits whose parents the server does not have, one object name a line.
std::set<std::string> ReadShallow(const std::string& path) {
  std::set<std::string> boundary;
  std::ifstream file(path + "/shallow");
  for (std::string line; std::getline(file, line);) boundary.insert(line);
  return boundary;
}

Result<ObjectKind> KindOf(git_repository* repository, const std::string& id) {
  const auto oid = ParseId(id);
  // A cursor from before the repository was converted.
  if (!oid) return ObjectKind::kMissing;
  git_object* object = nullptr;
  const int code = git_object_lookup(&object, repository, &*oid, GIT_OBJECT_ANY);
  if (code == GIT_ENOTFOUND) return ObjectKind::kMissing;
  if (code != 0) return Fail(GitError("cannot read an object", code));
  const ObjectPtr owner(object);
  return git_object_type(object) == GIT_OBJECT_COMMIT ? ObjectKind::kCommit : ObjectKind::kOther;
}

// Commits with SHA-1, by libgit2.
class Libgit2Commits final : public CommitSource {
 public:
  Libgit2Commits(RepositoryPtr repository, std::set<std::string> shallow)
      : repository_(std::move(repository)), shallow_(std::move(shallow)) {}

  Result<ObjectKind> KindOf(const std::string& id) override {
    return observer::KindOf(repository_.get(), id);
  }

  Result<CommitNode> Node(const std::string& id) override {
    const auto commit = LookUpCommit(repository_.get(), id);
    if (!commit) return Fail(commit.error());
    CommitNode node;
    node.time = git_commit_time(commit->get());
    if (shallow_.contains(id)) return node;
    const unsigned count = git_commit_parentcount(commit->get());
    node.parents.reserve(count);
    for (unsigned i = 0; i < count; ++i) {
      node.parents.push_back(ToHex(*git_commit_parent_id(commit->get(), i)));
    }
    return node;
  }

  Result<Commit> Describe(const std::string& id) override {
    const auto commit = LookUpCommit(repository_.get(), id);
    if (!commit) return Fail(commit.error());
    const git_signature* author = git_commit_author(commit->get());
    const char* name = author == nullptr ? nullptr : author->name;
    const char* summary = git_commit_summary(commit->get());
    Commit described;
    described.id = id;
    described.author = Truncate(OneLine(name == nullptr ? "" : name), kMaxAuthorBytes);
    described.subject = Truncate(OneLine(summary == nullptr ? "" : summary), kMaxSubjectBytes);
    described.time = BoundedTime(git_commit_time(commit->get()));
    const char* message = git_commit_message(commit->get());
    described.skip_request = FindSkipRequest(message == nullptr ? "" : message);
    return described;
  }

 private:
  const RepositoryPtr repository_;
  const std::set<std::string> shallow_;
};

// One question about one repository.
class Reading {
 public:
  Reading(CommitSource& commits, const HistoryQuery& query) : commits_(commits), query_(query) {
    answer_.ref = query.ref;
    answer_.to = query.to;
  }

  Result<HistoryAnswer> Answer() && {
    const auto tip = commits_.KindOf(query_.to);
    if (!tip) return Fail(tip.error());
    if (*tip == ObjectKind::kMissing) {
      return Fail(ErrorCode::kNotFound, "the mirror does not hold the tip");
    }
    if (*tip == ObjectKind::kOther) {
      answer_.relation = Relation::kNotACommit;
      return std::move(answer_);
    }
    auto ids = Ids();
    if (!ids) return Fail(std::move(ids.error()));
    return Describe(*ids);
  }

 private:
  // The commits to report, newest first; sets the relation and what is omitted.
  Result<std::vector<std::string>> Ids() {
    const auto limit = static_cast<std::size_t>(std::max<std::int64_t>(1, query_.limit));
    CommitWalk walk([this](const std::string& id) { return LoadNode(id); }, query_.mode,
                    HistoryReader::kMaxVisited);
    if (query_.from.empty()) {
      answer_.relation = Relation::kInitial;
      return walk.Newest(query_.to, limit);
    }
    const auto cursor = commits_.KindOf(query_.from);
    if (!cursor) return Fail(cursor.error());
    if (*cursor != ObjectKind::kCommit) {
      answer_.relation = Relation::kCursorMissing;
      return std::vector{query_.to};
    }
    auto outcome = walk.Between(query_.from, query_.to);
    if (!outcome) return Fail(std::move(outcome.error()));
    return Judge(std::move(*outcome), limit);
  }

  std::vector<std::string> Judge(CommitWalk::Outcome outcome, std::size_t limit) {
    if (outcome.reached_tip) {
      answer_.relation = Relation::kRewound;
      return {query_.to};
    }
    std::vector<std::string> ids = std::move(outcome.commits);
    answer_.relation = outcome.reached_cursor  ? Relation::kAdvanced
                       : outcome.share_history ? Relation::kRewritten
                                               : Relation::kUnrelated;
    const std::size_t kept = answer_.relation == Relation::kUnrelated ? 1 : limit;
    if (ids.size() > kept) {
      answer_.omitted = static_cast<std::int64_t>(ids.size() - kept);
      ids.resize(kept);
    }
    return ids;
  }

  Result<CommitNode> LoadNode(const std::string& id) const {
    auto node = commits_.Node(id);
    // Whatever is missing here, the mirror is not whole.
    if (!node && node.error().code == ErrorCode::kNotFound)
      node.error().code = ErrorCode::kDataLoss;
    return node;
  }

  Result<HistoryAnswer> Describe(const std::vector<std::string>& newest_first) {
    answer_.commits.reserve(newest_first.size());
    for (const std::string& id : std::views::reverse(newest_first)) {
      auto commit = commits_.Describe(id);
      if (!commit) return Fail(std::move(commit.error()));
      answer_.commits.push_back(std::move(*commit));
    }
    return std::move(answer_);
  }

  CommitSource& commits_;
  const HistoryQuery& query_;
  HistoryAnswer answer_;
};

}  // namespace

HistoryReader::HistoryReader() {
  git_libgit2_init();
  // The configuration of the machine and of its users is none of the mirrors' business.
  for (const int level : {GIT_CONFIG_LEVEL_SYSTEM, GIT_CONFIG_LEVEL_XDG, GIT_CONFIG_LEVEL_GLOBAL,
                          GIT_CONFIG_LEVEL_PROGRAMDATA}) {
    git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, level, "");
  }
}

HistoryReader::~HistoryReader() { git_libgit2_shutdown(); }

bool HistoryReader::Contains(const std::string& path, const std::string& id) const {
  if (id.size() == kSha256Digits) {
    const auto kind = GitCommands(path, clock_).KindOf(id);
    return kind && *kind != ObjectKind::kMissing;
  }
  auto repository = Open(path);
  if (!repository) return false;
  const auto kind = KindOf(repository->get(), id);
  return kind && *kind != ObjectKind::kMissing;
}

Result<HistoryAnswer> HistoryReader::Read(const std::string& path,
                                          const HistoryQuery& query) const {
  if (query.to.size() == kSha256Digits) {
    GitCommands commits(path, clock_);
    return Reading(commits, query).Answer();
  }
  auto repository = Open(path);
  if (!repository) return Fail(std::move(repository.error()));
  Libgit2Commits commits(std::move(*repository), ReadShallow(path));
  return Reading(commits, query).Answer();
}

Result<std::vector<DetailsStep>> HistoryReader::Details(
    const std::string& path, const std::vector<DetailsQuery>& queries) const {
  std::unique_ptr<TreeSource> source;
  if (IsSha256(path)) {
    source = std::make_unique<GitCommands>(path, clock_);
  } else {
    auto trees = OpenLibgit2Trees(path);
    if (!trees) return Fail(std::move(trees.error()));
    source = std::move(*trees);
  }
  std::vector<DetailsStep> steps;
  steps.reserve(queries.size());
  for (const DetailsQuery& query : queries) {
    auto step = ReadDetails(*source, query);
    if (!step) return Fail(std::move(step.error()));
    steps.push_back(std::move(*step));
  }
  return steps;
}

Status HistoryReader::PruneRefs(const std::string& path, const std::string& prefix,
                                std::size_t limit, const std::vector<std::string>& keep) const {
  if (IsSha256(path)) return GitCommands(path, clock_).PruneRefs(prefix, limit, keep);
  auto repository = Open(path);
  if (!repository) return Fail(std::move(repository.error()));
  git_reference_iterator* raw = nullptr;
  const std::string glob = prefix + "*";
  if (git_reference_iterator_glob_new(&raw, repository->get(), glob.c_str()) != 0) {
    return Fail(GitError("cannot list the mirror's refs", GIT_ERROR));
  }
  const RefIteratorPtr iterator(raw);
  std::vector<std::string> names;
  const char* name = nullptr;
  while (git_reference_next_name(&name, iterator.get()) == 0) names.emplace_back(name);
  if (names.size() <= limit) return {};
  for (const std::string& unused : names) {
    if (std::ranges::find(keep, unused) != keep.end()) continue;
    if (git_reference_remove(repository->get(), unused.c_str()) != 0) {
      return Fail(GitError("cannot delete a ref of the mirror", GIT_ERROR));
    }
  }
  return {};
}

}  // namespace committest::observer
