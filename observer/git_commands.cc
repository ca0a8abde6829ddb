#include "observer/git_commands.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <stop_token>
#include <utility>

#include "common/base/strings.h"
#include "common/process/child_process.h"
#include "observer/skip_request.h"

namespace committest::observer {
namespace {

// For all commands about one question.
constexpr std::chrono::seconds kDeadline{60};
constexpr const char* kBatch = "1000";
constexpr std::size_t kMaxRecords = 20'000;
// A thousand commits take some 300 KB; hostile subjects and authors have no bound of their own.
constexpr std::size_t kMaxOutputBytes = std::size_t{8} << 20U;
constexpr std::uint64_t kHeapBytes = std::uint64_t{512} << 20U;

}  // namespace

WallTime BoundedTime(std::int64_t seconds_since_epoch) {
  constexpr std::int64_t kMost =
      std::chrono::duration_cast<std::chrono::seconds>(WallTime::duration::max()).count();
  return WallTime(
      std::chrono::seconds(std::clamp<std::int64_t>(seconds_since_epoch, -kMost, kMost)));
}

GitCommands::GitCommands(std::string path, const Clock& clock)
    : path_(std::move(path)), clock_(clock), deadline_(clock.Monotonic() + kDeadline) {}

Result<std::string> GitCommands::Run(const std::vector<std::string>& arguments) const {
  ChildSpec spec;
  spec.program = "/usr/bin/git";
  // Without a transport git cannot fetch objects that a partial clone lacks.
  spec.arguments = {"-c", "protocol.allow=never", "-c", "core.fsmonitor=false",
                    "--git-dir=" + path_};
  spec.arguments.insert(spec.arguments.end(), arguments.begin(), arguments.end());
  spec.environment = {
      "PATH=/usr/bin:/bin",    "HOME=/nonexistent",           "LC_ALL=C",
      "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_NO_LAZY_FETCH=1"};
  spec.deadline =
      std::max(std::chrono::milliseconds(1),
               std::chrono::ceil<std::chrono::milliseconds>(deadline_ - clock_.Monotonic()));
  spec.limits.data_bytes = kHeapBytes;
  spec.max_output_bytes = kMaxOutputBytes;
  auto result = RunChild(spec, clock_, std::stop_token());
  if (!result) return Fail(std::move(result.error()));
  if (result->timed_out) {
    return Fail(ErrorCode::kDeadlineExceeded, "the mirror's history could not be read in time");
  }
  if (!result->Succeeded()) {
    return Fail(ErrorCode::kDataLoss,
                "git " + arguments.front() + ": " + Truncate(OneLine(result->errors), 300));
  }
  if (result->output.size() >= kMaxOutputBytes && arguments.front() != "log") {
    return Fail(ErrorCode::kResourceExhausted, "git " + arguments.front() + " wrote too much");
  }
  return std::move(result->output);
}

Result<ObjectKind> GitCommands::KindOf(const std::string& id) {
  if (records_.contains(id)) return ObjectKind::kCommit;
  const auto type = Run({"cat-file", "-t", id});
  if (!type && type.error().code != ErrorCode::kDataLoss) return Fail(type.error());
  if (!type) return ObjectKind::kMissing;
  return *type == "commit\n" ? ObjectKind::kCommit : ObjectKind::kOther;
}

Result<CommitNode> GitCommands::Node(const std::string& id) {
  const auto record = Load(id);
  if (!record) return Fail(record.error());
  return (*record)->node;
}

Result<Commit> GitCommands::Describe(const std::string& id) {
  const auto record = Load(id);
  if (!record) return Fail(record.error());
  return (*record)->commit;
}

Result<const GitCommands::Record*> GitCommands::Load(const std::string& id) {
  if (const auto it = records_.find(id); it != records_.end()) return &it->second;
  const auto output = Run({"log", "-z", "--date-order", "--no-decorate", "--no-show-signature",
                           "--format=%H %ct %P%n%an%n%s%n%B", "-n", kBatch, id, "--"});
  if (!output) return Fail(output.error());
  if (records_.size() > kMaxRecords) records_.clear();
  std::string_view rest = *output;
  // What the bound on the output has cut has no end.
  for (std::size_t end = 0; (end = rest.find('\0')) != std::string_view::npos;) {
    Remember(rest.substr(0, end));
    rest.remove_prefix(end + 1);
  }
  const auto it = records_.find(id);
  if (it == records_.end()) return Fail(ErrorCode::kDataLoss, "a commit is not one, or too long");
  return &it->second;
}

void GitCommands::Remember(std::string_view record) {
  const std::vector<std::string> lines = Split(record, '\n');
  if (lines.size() < 2) return;
  std::vector<std::string> words = Split(lines[0], ' ');
  if (words.size() < 2) return;
  Record read;
  std::from_chars(words[1].data(), words[1].data() + words[1].size(), read.node.time);
  std::copy_if(words.begin() + 2, words.end(), std::back_inserter(read.node.parents),
               [](const std::string& word) { return !word.empty(); });
  read.commit.id = words[0];
  read.commit.author = Truncate(OneLine(lines[1]), kMaxAuthorBytes);
  read.commit.subject = Truncate(OneLine(lines.size() > 2 ? lines[2] : ""), kMaxSubjectBytes);
  read.commit.time = BoundedTime(read.node.time);
  if (lines.size() > 3) {
    read.commit.skip_request = FindSkipRequest(Join({lines.begin() + 3, lines.end()}, "\n"));
  }
  records_.try_emplace(std::move(words[0]), std::move(read));
}

Result<std::optional<CommitRoot>> GitCommands::Root(const std::string& commit) {
  const auto kind = KindOf(commit);
  if (!kind) return Fail(kind.error());
  if (*kind != ObjectKind::kCommit) return std::nullopt;
  const auto output = Run({"log", "-1", "--no-show-signature", "--format=%T %P", commit, "--"});
  if (!output) return Fail(output.error());
  const std::vector<std::string> words = Split(Trim(*output), ' ');
  return CommitRoot{words.at(0), words.size() > 1 ? words[1] : ""};
}

// What is not there and what cannot be read look the same, and both are fetched again.
Result<std::optional<std::vector<TreeEntry>>> GitCommands::Tree(const std::string& id) {
  const auto output = Run({"ls-tree", "-z", "--full-tree", id});
  if (!output && output.error().code != ErrorCode::kDataLoss) return Fail(output.error());
  if (!output) return std::nullopt;
  std::vector<TreeEntry> entries;
  for (const std::string& line : Split(*output, '\0')) {
    // "100644 blob ID<tab>NAME"
    const std::size_t tab = line.find('\t');
    if (tab == std::string::npos) continue;
    const std::vector<std::string> words = Split(std::string_view(line).substr(0, tab), ' ');
    if (words.size() != 3) continue;
    TreeEntry entry;
    entry.name = line.substr(tab + 1);
    entry.id = words[2];
    std::from_chars(words[0].data(), words[0].data() + words[0].size(), entry.mode, 8);
    entries.push_back(std::move(entry));
  }
  return entries;
}

Result<std::optional<std::string>> GitCommands::Blob(const std::string& id, std::size_t max_bytes) {
  const auto size_text = Run({"cat-file", "-s", id});
  if (!size_text && size_text.error().code != ErrorCode::kDataLoss) return Fail(size_text.error());
  if (!size_text) return std::nullopt;
  std::size_t size = 0;
  std::from_chars(size_text->data(), size_text->data() + size_text->size(), size);
  if (size > max_bytes) return std::string(max_bytes + 1, ' ');
  auto text = Run({"cat-file", "blob", id});
  if (!text) return Fail(std::move(text.error()));
  return std::move(*text);
}

Status GitCommands::PruneRefs(const std::string& prefix, std::size_t limit,
                              const std::vector<std::string>& keep) const {
  const auto output = Run({"for-each-ref", "--format=%(refname)", prefix});
  if (!output) return Fail(output.error());
  std::vector<std::string> names = Split(*output, '\n');
  std::erase(names, "");
  if (names.size() <= limit) return {};
  for (const std::string& unused : names) {
    if (std::ranges::find(keep, unused) != keep.end()) continue;
    if (auto deleted = Run({"update-ref", "-d", unused}); !deleted) return Fail(deleted.error());
  }
  return {};
}

}  // namespace committest::observer
