#include "observer/mirror.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <set>
#include <system_error>
#include <utility>

#include "common/base/log.h"
#include "common/base/strings.h"
#include "observer/child_process.h"
#include "observer/commit_config.h"
#include "observer/memory_file.h"
#include "observer/ssh.h"

namespace committest::observer {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kMirrorRefs = "refs/committest/";
// Twice what a repository may observe, and some: then the refs that are gone are dropped.
constexpr std::size_t kMaxMirrorRefs = 250;
// The marker's first line; a mirror of another layout is made anew.
constexpr std::string_view kMarkerFile = "committest-mirror";
// There is one in a mirror that has all objects of its refs.
constexpr std::string_view kWholeFile = "committest-whole";
// An argument each; far below what Linux takes.
constexpr std::size_t kMaxObjectsPerFetch = 10'000;
constexpr std::string_view kLayout = "2";

std::string MirrorRef(const std::string& ref) {
  return std::string(kMirrorRefs) + Sha256Hex(ref).substr(0, 32);
}

std::string RefspecById(const HistoryQuery& query) {
  return "+" + query.to + ":" + MirrorRef(query.ref);
}

std::string RefspecByName(const HistoryQuery& query) {
  return "+" + query.ref + ":" + MirrorRef(query.ref);
}

bool ContainsAny(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::ranges::any_of(
      words, [&](std::string_view word) { return text.find(word) != std::string_view::npos; });
}

// The line that says why, of all that git wrote.
std::string FailureLine(std::string_view errors) {
  std::string chosen;
  for (const std::string& line : Split(errors, '\n')) {
    const bool explains =
        line.starts_with("fatal:") || line.starts_with("error:") || line.starts_with("remote:");
    if (explains && (chosen.empty() || line.starts_with("fatal:"))) chosen = line;
  }
  if (chosen.empty()) return "git fetch failed without a word";
  return "git fetch: " + Truncate(Redact(OneLine(chosen)), 300);
}

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

bool IsSha256(const std::vector<HistoryQuery>& queries) {
  return !queries.empty() && queries.front().to.size() == 64;
}

std::string Marker(const std::string& url, bool is_sha256) {
  return std::string(kLayout) + "\n" + url + "\n" + (is_sha256 ? "sha256\n" : "");
}

// A partial clone of `url`. The URL passed `CheckUrl`, which leaves nothing to quote.
//
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

// The git setting that makes it connect to the addresses that were just judged, and to no other;
// empty when the URL holds the address itself.
std::string HttpPin(const GitUrl& url, const std::vector<http::IpAddress>& addresses) {
  if (url.scheme == "ssh" || http::ParseIpAddress(url.host)) return {};
  std::vector<std::string> texts;
  texts.reserve(addresses.size());
  for (const http::IpAddress& address : addresses) {
    texts.push_back(address.is_v4 ? address.ToString() : "[" + address.ToString() + "]");
  }
  return "http.curloptResolve=" + url.host + ":" + std::to_string(url.port) + ":" +
         Join(texts, ",");
}

}  // namespace

// One run of `git fetch`.
struct Mirrors::FetchRequest {
  std::string filter;  ///< Empty: none.
  std::vector<std::string> refspecs;
  std::uint64_t file_bytes = 0;
  /// Objects by their names: the server is told of nothing that is here, so that it leaves nothing
  /// out, nor makes a difference to what is not. What is only read here needs no other check.
  bool single_objects = false;
  bool again = false;  ///< As if nothing were here.
};

namespace {

std::vector<std::string> FetchArguments(const fs::path& path, const std::string& pin,
                                        std::string_view filter,
                                        const std::vector<std::string>& refspecs,
                                        bool single_objects, bool again) {
  std::vector<std::string> arguments;
  for (const char* setting :
       {"core.hooksPath=/dev/null", "core.fsmonitor=false", "protocol.version=2",
        "protocol.file.allow=never", "transfer.bundleURI=false", "http.followRedirects=false",
        "http.lowSpeedLimit=100", "http.lowSpeedTime=20",
        "credential.helper=", "gc.autoDetach=false",
        // One thread, and files in pieces: commits alone are wanted, and memory is limited.
        "pack.threads=1", "core.bigFileThreshold=1m", "core.deltaBaseCacheLimit=16m"}) {
    arguments.insert(arguments.end(), {"-c", setting});
  }
  arguments.insert(arguments.end(), {"-c", single_objects ? "transfer.fsckObjects=false"
                                                          : "transfer.fsckObjects=true"});
  if (single_objects) arguments.insert(arguments.end(), {"-c", "fetch.negotiationAlgorithm=noop"});
  if (!pin.empty()) arguments.insert(arguments.end(), {"-c", pin});
  arguments.push_back("--git-dir=" + path.string());
  arguments.insert(arguments.end(),
                   {"fetch", "--quiet", "--force", "--no-tags", "--no-recurse-submodules",
                    "--no-write-fetch-head", "--update-shallow"});
  if (single_objects) arguments.emplace_back("--no-auto-maintenance");
  if (again) arguments.emplace_back("--refetch");
  arguments.push_back(filter.empty() ? "--no-filter" : "--filter=" + std::string(filter));
  arguments.insert(arguments.end(), {"--end-of-options", "origin"});
  arguments.insert(arguments.end(), refspecs.begin(), refspecs.end());
  return arguments;
}

constexpr std::chrono::seconds kConnectTimeout{10};

// What the child gets of an access, and the files in memory that go with it.
struct ChildAccess {
  std::vector<std::string> environment;
  std::optional<MemoryFile> ca;
  std::optional<SshSession> ssh;
};

// Only the user of the child can read its environment; arguments and files others may.
Result<ChildAccess> GrantAccess(const MirrorOptions& options, const GitUrl& url,
                                const Access& access,
                                const std::vector<http::IpAddress>& addresses) {
  ChildAccess child;
  const auto set = [&child](std::string_view name, std::string_view value) {
    child.environment.push_back(std::string(name).append("=").append(value));
  };
  set("GIT_ALLOW_PROTOCOL", url.scheme);
  if (!access.authorization.IsEmpty()) {
    set("GIT_CONFIG_COUNT", "1");
    set("GIT_CONFIG_KEY_0", "http." + url.Origin() + "/.extraHeader");
    set("GIT_CONFIG_VALUE_0", "Authorization: " + access.authorization.Reveal());
  }
  if (!access.ca_pem.empty()) {
    auto ca = MemoryFile::Make(access.ca_pem);
    if (!ca) return Fail(std::move(ca.error()));
    child.ca = std::move(*ca);
  }
  if (child.ca || !options.ca_file.empty()) {
    set("GIT_SSL_CAINFO", child.ca ? child.ca->Path() : options.ca_file);
  }
  if (access.ssh) {
    auto ssh = SshSession::Open(*access.ssh);
    if (!ssh) return Fail(std::move(ssh.error()));
    child.ssh = std::move(*ssh);
    set("GIT_SSH", options.ssh_wrapper);
    set("GIT_SSH_VARIANT", "ssh");
    set(kSshOptionsVariable,
        Join(child.ssh->Options(url, addresses.front().ToString(), kConnectTimeout), "\n"));
  }
  return child;
}

std::vector<std::string> FetchEnvironment(const ChildAccess& access) {
  std::vector<std::string> environment = {
      "PATH=/usr/bin:/bin",    "HOME=/nonexistent",     "LC_ALL=C",
      "GIT_TERMINAL_PROMPT=0", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null",
      "GIT_NO_LAZY_FETCH=1",   "GIT_PROTOCOL=version=2"};
  environment.insert(environment.end(), access.environment.begin(), access.environment.end());
  return environment;
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

Error ClassifyFetchFailure(std::string_view errors) {
  const std::string line = FailureLine(errors);
  ErrorCode code = ErrorCode::kUnavailable;
  if (ContainsAny(errors, {"not our ref", "unadvertised object", "couldn't find remote ref",
                           "remote error: upload-pack: not our ref"})) {
    code = ErrorCode::kNotFound;
  } else if (ContainsAny(errors, {"Authentication failed", "could not read Username",
                                  "terminal prompts disabled", "unable to read askpass"})) {
    code = ErrorCode::kUnauthenticated;
  } else if (ContainsAny(errors, {"not a git repository", "bad object", "loose object", "corrupt",
                                  "index-pack", "unpack-objects", "invalid pack", "fsck error",
                                  "fetch-pack: invalid", "unable to read tree",
                                  "did not send all necessary objects", "inflate"})) {
    code = ErrorCode::kDataLoss;
  }
  return {code, line, {}, std::nullopt};
}

bool RefusesFilter(std::string_view errors) {
  return ContainsAny(errors, {"filter '", "filtering not", "does not support filter",
                              "invalid filter-spec", "filter-spec"});
}

// One call of `History`.
struct Mirrors::Look {
  fs::path path;
  const GitUrl& url;
  const Access& access;
  const std::vector<HistoryQuery>& queries;
  MonotonicTime deadline;
};

Mirrors::Mirrors(MirrorOptions options, const http::AddressBook& addresses,
                 const HistoryReader& reader, const Clock& clock, std::stop_token stop)
    : options_(std::move(options)),
      addresses_(addresses),
      reader_(reader),
      clock_(clock),
      stop_(std::move(stop)) {}

fs::path Mirrors::PathOf(const kube::ObjectKey& repository) const {
  return options_.data_dir / (Sha256Hex(repository.ToString()).substr(0, 32) + ".git");
}

void Mirrors::Forget(const kube::ObjectKey& repository) const {
  std::error_code ignored;
  fs::remove_all(PathOf(repository), ignored);
}

Result<std::vector<HistoryAnswer>> Mirrors::History(
    const kube::ObjectKey& repository, const GitUrl& url, const Access& access,
    const std::vector<HistoryQuery>& queries) const {
  const Look look{PathOf(repository), url, access, queries,
                  clock_.Monotonic() + options_.fetch_deadline};
  auto answers = Answer(look);
  if (answers || answers.error().code != ErrorCode::kDataLoss) return answers;
  log::Failure("mirror is broken and made anew", answers.error(),
               {{"repository", repository.ToString()}});
  Forget(repository);
  return Answer(look);
}

Status Mirrors::Prepare(const Look& look) const {
  std::error_code error;
  const bool is_sha256 = IsSha256(look.queries);
  const std::string marker = Marker(look.url.ToString(), is_sha256);
  if (ReadFile(look.path / kMarkerFile) == marker) {
    RemoveLeftovers(look.path);
    return {};
  }
  fs::remove_all(look.path, error);
  if (error) return IoError("cannot remove an old mirror", error);
  for (const char* folder : {"objects/pack", "refs/committest"}) {
    fs::create_directories(look.path / folder, error);
    if (error) return IoError("cannot create a mirror", error);
  }
  if (auto status = WriteFile(look.path / "HEAD", "ref: refs/heads/none\n"); !status) return status;
  if (auto status = WriteFile(look.path / "config", MirrorConfig(look.url.ToString(), is_sha256));
      !status) {
    return status;
  }
  return WriteFile(look.path / kMarkerFile, marker);
}

Result<std::vector<HistoryAnswer>> Mirrors::Answer(const Look& look) const {
  if (auto status = Prepare(look); !status) return Fail(status.error());
  const std::string path = look.path.string();
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
    mirror_refs.push_back(MirrorRef(query.ref));
  }
  auto pruned =
      reader_.PruneRefs(look.path.string(), std::string(kMirrorRefs), kMaxMirrorRefs, mirror_refs);
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
      status = Fetch(look, {RefspecByName(query)});
    }
    if (!status && status.error().code != ErrorCode::kNotFound) return status;
  }
  return {};
}

Status Mirrors::Fetch(const Look& look, const std::vector<std::string>& refspecs) const {
  if (fs::exists(look.path / kWholeFile)) {
    std::string errors;
    return RunGit(look, {"", refspecs, options_.file_bytes, false, false}, errors);
  }
  Status status;
  for (const char* filter : {"tree:0", "blob:none", ""}) {
    std::string errors;
    status = RunGit(look, {filter, refspecs, options_.file_bytes, false, false}, errors);
    if (status || !RefusesFilter(errors)) return status;
  }
  return status;
}

Result<DetailsAnswer> Mirrors::Details(const kube::ObjectKey& repository, const GitUrl& url,
                                       const Access& access,
                                       const std::vector<DetailsQuery>& queries) const {
  const std::vector<HistoryQuery> none;
  const Look look{PathOf(repository), url, access, none,
                  clock_.Monotonic() + options_.fetch_deadline};
  DetailsAnswer answer;
  std::set<std::string> oversized;
  // Each level of folders takes a round, then there is the file.
  for (std::size_t round = 0; round < kMaxTreeDepth + 4; ++round) {
    auto steps = reader_.Details(look.path.string(), queries);
    if (!steps) return Fail(std::move(steps.error()));
    answer.details = Complete(queries, *steps, oversized);
    if (answer.details.size() == queries.size()) return answer;
    auto status = FetchMissing(look, *steps, oversized);
    if (!status && status.error().code == ErrorCode::kNotFound &&
        !fs::exists(look.path / kWholeFile)) {
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
  std::string errors;
  auto status = RunGit(look, {"tree:0", ids, file_bytes, true, false}, errors);
  if (status || !RefusesFilter(errors)) return status;
  return RunGit(look, {"", ids, options_.file_bytes, true, false}, errors);
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
    refspecs.insert("+" + query.ref + ":" + MirrorRef(query.ref));
  }
  std::string errors;
  auto status = RunGit(
      look, {"", {refspecs.begin(), refspecs.end()}, options_.file_bytes, false, true}, errors);
  if (!status) return status;
  return WriteFile(look.path / kWholeFile, "");
}

Status Mirrors::RunGit(const Look& look, const FetchRequest& request, std::string& errors) const {
  const auto addresses = addresses_.Find(look.url.host, look.deadline, stop_);
  if (!addresses) return Fail(addresses.error());
  const auto access = GrantAccess(options_, look.url, look.access, *addresses);
  if (!access) return Fail(access.error());
  ChildSpec spec;
  spec.program = options_.git_program;
  spec.arguments = FetchArguments(look.path, HttpPin(look.url, *addresses), request.filter,
                                  request.refspecs, request.single_objects, request.again);
  spec.environment = FetchEnvironment(*access);
  spec.deadline =
      std::max(std::chrono::milliseconds(1),
               std::chrono::ceil<std::chrono::milliseconds>(look.deadline - clock_.Monotonic()));
  spec.limits.address_space_bytes = options_.address_space_bytes;
  spec.limits.data_bytes = options_.data_bytes;
  spec.limits.file_bytes = request.file_bytes;
  // Two threads of index-pack at most, and some.
  spec.limits.cpu_seconds = static_cast<std::uint64_t>(
      2 * std::chrono::ceil<std::chrono::seconds>(options_.fetch_deadline).count() + 1);
  auto result = RunChild(spec, clock_, stop_);
  if (!result) return Fail(std::move(result.error()));
  if (result->Succeeded()) return {};
  errors = look.access.Scrub(result->errors);
  if (result->timed_out) {
    return Fail(ErrorCode::kDeadlineExceeded, "git fetch did not end in time");
  }
  if (result->signal != 0) {
    return Fail(ErrorCode::kResourceExhausted,
                "git fetch was ended by signal " + std::to_string(result->signal));
  }
  // SIGXFSZ, of a child of its own.
  if (ContainsAny(errors, {"died of signal 25", "File too large"})) {
    return Fail(ErrorCode::kResourceExhausted, "git fetch: more data than is allowed");
  }
  if (look.access.ssh) {
    if (auto error = SshFailure(look.access.secret_name, errors)) return Fail(std::move(*error));
  }
  return Fail(ClassifyFetchFailure(errors));
}

}  // namespace committest::observer
