#include "observer/mirror.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "common/base/log.h"
#include "common/base/strings.h"
#include "observer/commit_config.h"
#include "observer/commit_details.h"
#include "observer/mirror_folder.h"

namespace committest::observer {
namespace {

// Twice what a repository may observe, and some: then the refs that are gone are dropped.
constexpr std::size_t kMaxMirrorRefs = 250;
// An argument each; far below what Linux takes.
constexpr std::size_t kMaxObjectsPerFetch = 10'000;
// From where on git makes one of them (gc.autoPackLimit, by default).
constexpr std::size_t kMaxPacks = 50;
// Of new commits with their folders: thousands of ordinary ones.
constexpr std::uint64_t kMaxFolderBytes = std::uint64_t{4} << 20U;

std::string RefspecById(const HistoryQuery& query) {
  return "+" + query.to + ":" + MirrorFolder::RefOf(query.ref);
}

std::string RefspecByName(const std::string& ref) {
  return "+" + ref + ":" + MirrorFolder::RefOf(ref);
}

bool IsSha256(const std::vector<HistoryQuery>& queries) {
  return !queries.empty() && queries.front().to.size() == 64;
}

// The details that are there; a file that is too large to be fetched is known to be so.
std::vector<CommitDetails> Complete(const std::vector<DetailsQuery>& queries,
                                    std::vector<DetailsStep>& steps,
                                    const std::set<std::string>& oversized) {
  std::vector<CommitDetails> details;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    DetailsStep& step = steps[i];
    if (step.details) {
      details.push_back(std::move(*step.details));
    } else if (step.missing_trees.empty() && oversized.contains(step.missing_files.front())) {
      details.push_back(
          {queries[i].commit, true, {ConfigFile::Kind::kTooLarge, step.missing_files.front(), {}}});
    }
  }
  return details;
}

}  // namespace

// One call of `History` or `Details`.
struct Mirrors::Look {
  MirrorFolder folder;
  const git::GitUrl& url;
  const git::Access& access;
  const std::vector<HistoryQuery>& queries;
  MonotonicTime deadline;
};

Mirrors::Mirrors(MirrorOptions options, const http::AddressBook& addresses,
                 const HistoryReader& reader, const Clock& clock, std::stop_token stop)
    : options_(std::move(options)),
      git_(options_.git, addresses, clock, std::move(stop)),
      reader_(reader),
      clock_(clock) {}

std::filesystem::path Mirrors::PathOf(const kube::ObjectKey& repository) const {
  return options_.data_dir / (Sha256Hex(repository.ToString()).substr(0, 32) + ".git");
}

void Mirrors::Forget(const kube::ObjectKey& repository) const {
  MirrorFolder(PathOf(repository)).Remove();
}

Result<std::vector<HistoryAnswer>> Mirrors::History(
    const kube::ObjectKey& repository, const git::GitUrl& url, const git::Access& access,
    const std::vector<HistoryQuery>& queries) const {
  const Look look{MirrorFolder(PathOf(repository)), url, access, queries,
                  clock_.Monotonic() + options_.fetch_deadline};
  auto answers = Answer(look);
  if (answers || answers.error().code != ErrorCode::kDataLoss) return answers;
  log::Failure("mirror is broken and made anew", answers.error(),
               {{"repository", repository.ToString()}});
  Forget(repository);
  return Answer(look);
}

Result<std::vector<HistoryAnswer>> Mirrors::Answer(const Look& look) const {
  auto prepared = look.folder.Prepare(look.url.ToString(), IsSha256(look.queries));
  if (!prepared) return Fail(std::move(prepared.error()));
  const std::string path = look.folder.Path().string();
  std::vector<HistoryQuery> missing;
  std::ranges::copy_if(look.queries, std::back_inserter(missing), [&](const HistoryQuery& query) {
    return !reader_.Contains(path, query.to);
  });
  if (!missing.empty()) {
    if (auto status = FetchTips(look, missing); !status) return Fail(status.error());
  }
  std::vector<HistoryAnswer> answers;
  for (const HistoryQuery& query : look.queries) {
    if (!query.from.empty() && !reader_.Contains(path, query.from)) {
      // A new mirror after a force push: many servers still give the old tip out. If not, the
      // answer will say that the cursor is missing.
      if (auto status = Fetch(look, {query.from}); !status) {
        log::Failure("cursor cannot be fetched", status.error(), {{"ref", query.ref}});
      }
    }
    auto answer = reader_.Read(path, query);
    if (!answer && answer.error().code == ErrorCode::kNotFound) continue;
    if (!answer) return Fail(std::move(answer.error()));
    answers.push_back(std::move(*answer));
  }
  if (answers.empty() && !look.queries.empty()) {
    return Fail(ErrorCode::kNotFound, "the Git server does not give out the commits of its refs");
  }
  return answers;
}

Status Mirrors::FetchTips(const Look& look, const std::vector<HistoryQuery>& missing) const {
  std::vector<std::string> refspecs;
  std::vector<std::string> mirror_refs;
  for (const HistoryQuery& query : missing) {
    refspecs.push_back(RefspecById(query));
    mirror_refs.push_back(MirrorFolder::RefOf(query.ref));
  }
  auto pruned = reader_.PruneRefs(look.folder.Path().string(), std::string(MirrorFolder::kRefs),
                                  kMaxMirrorRefs, mirror_refs);
  if (!pruned) return pruned;
  auto status = Fetch(look, refspecs);
  if (status || status.error().code != ErrorCode::kNotFound) return status;
  return FetchOneByOne(look, missing);
}

// A ref that moved or vanished since it was listed must not keep the others from being seen.
Status Mirrors::FetchOneByOne(const Look& look, const std::vector<HistoryQuery>& missing) const {
  for (const HistoryQuery& query : missing) {
    auto status = missing.size() > 1 ? Fetch(look, {RefspecById(query)})
                                     : Status(Fail(ErrorCode::kNotFound, "tried already"));
    if (!status && status.error().code == ErrorCode::kNotFound) {
      status = Fetch(look, {RefspecByName(query.ref)});
    }
    if (!status && status.error().code != ErrorCode::kNotFound) return status;
  }
  return {};
}

Status Mirrors::Fetch(const Look& look, const std::vector<std::string>& refspecs) const {
  FetchRequest request{.refspecs = refspecs, .file_bytes = options_.file_bytes};
  if (look.folder.IsWhole()) return RunGit(look, {request});
  if (Follows(look)) {
    const auto fetched = FetchWithFolders(look, refspecs);
    if (!fetched) return Fail(fetched.error());
    if (*fetched) return {};
  }
  std::vector<FetchRequest> attempts;
  for (const char* filter : {"tree:0", "blob:none", ""}) {
    request.filter = filter;
    attempts.push_back(request);
  }
  return RunGit(look, attempts);
}

// Whether what is new follows on what is here; then it is little, as a rule. A mirror of many packs
// is left to a fetch after which git may make one of them.
bool Mirrors::Follows(const Look& look) const {
  if (look.folder.CountPacks() > kMaxPacks) return false;
  const std::string path = look.folder.Path().string();
  return std::ranges::any_of(look.queries, [&](const HistoryQuery& query) {
    return !query.from.empty() && reader_.Contains(path, query.from);
  });
}

// New commits with the folders that they change, of which `Details` would have to ask otherwise:
// one round of fetching between a push and its tests, not two. Servers send folders as differences
// to older ones; those that are not here git then asks for by itself. False: too much, or something
// about the folders fails, which must not keep the commits from being seen.
Result<bool> Mirrors::FetchWithFolders(const Look& look,
                                       const std::vector<std::string>& refspecs) const {
  const FetchTarget target{look.folder.Path(), look.url, look.access, look.deadline};
  auto outcome = git_.Run(target, {.filter = "blob:none",
                                   .refspecs = refspecs,
                                   .file_bytes = kMaxFolderBytes,
                                   // A check would ask for the .gitmodules that a folder names.
                                   .checked = false,
                                   .may_repack = false});
  if (outcome) return *outcome == FetchOutcome::kFetched;
  switch (outcome.error().code) {
    case ErrorCode::kCancelled:
    case ErrorCode::kDeadlineExceeded:
    case ErrorCode::kUnauthenticated:
    case ErrorCode::kPermissionDenied:
      return Fail(std::move(outcome.error()));
    default:
      return false;
  }
}

Result<DetailsAnswer> Mirrors::Details(const kube::ObjectKey& repository, const git::GitUrl& url,
                                       const git::Access& access,
                                       const std::vector<DetailsQuery>& queries) const {
  const std::vector<HistoryQuery> none;
  const Look look{MirrorFolder(PathOf(repository)), url, access, none,
                  clock_.Monotonic() + options_.fetch_deadline};
  DetailsAnswer answer;
  std::set<std::string> oversized;
  // Each level of folders takes a round, then there is the file.
  for (std::size_t round = 0; round < kMaxTreeDepth + 4; ++round) {
    auto steps = reader_.Details(look.folder.Path().string(), queries);
    if (!steps) return Fail(std::move(steps.error()));
    answer.details = Complete(queries, *steps, oversized);
    if (answer.details.size() == queries.size()) return answer;
    auto status = FetchMissing(look, *steps, oversized);
    if (!status && status.error().code == ErrorCode::kNotFound && !look.folder.IsWhole()) {
      status = FetchWhole(look, queries);
    }
    if (!status) {
      answer.problem = std::move(status.error());
      break;
    }
  }
  if (!answer.problem) {
    answer.problem = Error{ErrorCode::kNotFound,
                           "the Git server does not give out the folders of its commits",
                           {},
                           {}};
  }
  if (answer.details.empty()) return Fail(std::move(*answer.problem));
  return answer;
}

Status Mirrors::FetchMissing(const Look& look, const std::vector<DetailsStep>& steps,
                             std::set<std::string>& oversized) const {
  std::set<std::string> trees;
  std::set<std::string> files;
  for (const DetailsStep& step : steps) {
    trees.insert(step.missing_trees.begin(), step.missing_trees.end());
    for (const std::string& id : step.missing_files) {
      if (!oversized.contains(id)) files.insert(id);
    }
  }
  if (!trees.empty()) {
    std::vector<std::string> ids(trees.begin(), trees.end());
    if (ids.size() > kMaxObjectsPerFetch) ids.resize(kMaxObjectsPerFetch);
    if (auto status = FetchObjects(look, ids, options_.file_bytes); !status) return status;
  }
  if (files.empty()) return {};
  return FetchFiles(look, {files.begin(), files.end()}, oversized);
}

Status Mirrors::FetchObjects(const Look& look, const std::vector<std::string>& ids,
                             std::uint64_t file_bytes) const {
  FetchRequest request{.refspecs = ids,
                       .file_bytes = file_bytes,
                       // What is only read here needs no other check.
                       .checked = false,
                       .single_objects = true,
                       .may_repack = false};
  std::vector<FetchRequest> attempts;
  for (const char* filter : {"tree:0", "blob:none", ""}) {
    request.filter = filter;
    attempts.push_back(request);
  }
  return RunGit(look, attempts);
}

// What is larger than any configuration is not let in: whoever may push must not be able to fill
// the disk, nor to keep the other commits from being seen.
Status Mirrors::FetchFiles(const Look& look, const std::vector<std::string>& ids,
                           std::set<std::string>& oversized) const {
  // Packed, a file takes a little more than its size at most.
  const std::uint64_t limit = (ids.size() + 4) * 2 * kMaxConfigBytes;
  auto status = FetchObjects(look, ids, limit);
  if (status || status.error().code != ErrorCode::kResourceExhausted) return status;
  if (ids.size() == 1) {
    oversized.insert(ids.front());
    return {};
  }
  for (const std::string& id : ids) {
    if (status = FetchFiles(look, {id}, oversized); !status) return status;
  }
  return {};
}

// For servers that give out nothing but what their refs point to: everything, by the refs' names,
// and from then on always.
Status Mirrors::FetchWhole(const Look& look, const std::vector<DetailsQuery>& queries) const {
  std::set<std::string> refspecs;
  for (const DetailsQuery& query : queries) {
    refspecs.insert(RefspecByName(query.ref));
  }
  FetchRequest request{.refspecs = {refspecs.begin(), refspecs.end()},
                       .file_bytes = options_.file_bytes};
  request.again = true;
  auto status = RunGit(look, {request});
  if (!status) return status;
  return look.folder.MarkWhole();
}

// The first whose filter the server takes.
Status Mirrors::RunGit(const Look& look, const std::vector<FetchRequest>& attempts) const {
  const FetchTarget target{look.folder.Path(), look.url, look.access, look.deadline};
  for (const FetchRequest& attempt : attempts) {
    auto outcome = git_.Run(target, attempt);
    if (!outcome) return Fail(std::move(outcome.error()));
    if (*outcome == FetchOutcome::kFetched) return {};
  }
  return Fail(ErrorCode::kUnavailable, "the Git server refuses every filter");
}

}  // namespace committest::observer
