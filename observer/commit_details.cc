#include "observer/commit_details.h"

#include <algorithm>
#include <deque>
#include <map>
#include <utility>

#include "observer/commit_config.h"

namespace committest::observer {
namespace {

using Entries = std::map<std::string, TreeEntry>;

// One folder in which something changed; an empty name stands for no folder.
struct FolderPair {
  std::string path;
  std::string before;
  std::string after;
  std::size_t depth = 0;
};

enum class Verdict { kCounts, kDoesNotCount, kUnknown };

class Comparison {
 public:
  Comparison(TreeSource& source, const PathFilter& filter, std::vector<std::string>& missing)
      : source_(source), filter_(filter), missing_(missing) {}

  Result<Verdict> Compare(const std::string& before, const std::string& after) {
    if (before == after) return Verdict::kDoesNotCount;
    waiting_.push_back({"", before, after, 0});
    for (std::size_t seen = 0; !waiting_.empty(); ++seen) {
      const FolderPair pair = std::move(waiting_.front());
      waiting_.pop_front();
      if (seen >= kMaxChangedTrees || pair.depth > kMaxTreeDepth) return Verdict::kCounts;
      const auto counts = CompareFolder(pair);
      if (!counts) return Fail(counts.error());
      if (*counts) return Verdict::kCounts;
    }
    return missing_.empty() ? Verdict::kDoesNotCount : Verdict::kUnknown;
  }

 private:
  // Nothing if it is not there; then it is noted.
  Result<std::optional<Entries>> Load(const std::string& id) {
    if (id.empty()) return Entries{};
    auto tree = source_.Tree(id);
    if (!tree) return Fail(std::move(tree.error()));
    if (!*tree) {
      missing_.push_back(id);
      return std::nullopt;
    }
    Entries entries;
    for (TreeEntry& entry : **tree) entries.emplace(entry.name, std::move(entry));
    return entries;
  }

  // Whether something that counts is known to have changed.
  Result<bool> CompareFolder(const FolderPair& pair) {
    const auto before = Load(pair.before);
    if (!before) return Fail(before.error());
    const auto after = Load(pair.after);
    if (!after) return Fail(after.error());
    if (!*before || !*after) return false;
    for (const auto& [name, entry] : **after) {
      const auto old = (*before)->find(name);
      const TreeEntry* was = old == (*before)->end() ? nullptr : &old->second;
      if (CountsChange(pair, was, &entry)) return true;
    }
    return std::ranges::any_of(**before, [&](const auto& item) {
      return !(*after)->contains(item.first) && CountsChange(pair, &item.second, nullptr);
    });
  }

  bool CountsChange(const FolderPair& pair, const TreeEntry* before, const TreeEntry* after) {
    if (before != nullptr && after != nullptr && *before == *after) return false;
    const std::string& name = before != nullptr ? before->name : after->name;
    const std::string path = pair.path.empty() ? name : pair.path + "/" + name;
    const bool was_folder = before != nullptr && before->IsFolder();
    const bool is_folder = after != nullptr && after->IsFolder();
    const bool is_leaf = (before != nullptr && !was_folder) || (after != nullptr && !is_folder);
    if (is_leaf && filter_.Counts(path)) return true;
    if (!was_folder && !is_folder) return false;
    const GlobCover below = filter_.CountsBelow(path);
    if (below == GlobCover::kSome) {
      waiting_.push_back(
          {path, was_folder ? before->id : "", is_folder ? after->id : "", pair.depth + 1});
    }
    return below == GlobCover::kAll;
  }

  TreeSource& source_;
  const PathFilter& filter_;
  std::vector<std::string>& missing_;
  std::deque<FolderPair> waiting_;
};

Status ReadConfigFile(TreeSource& source, const std::string& root, DetailsStep& step,
                      ConfigFile& config) {
  const auto tree = source.Tree(root);
  if (!tree) return Fail(tree.error());
  if (!*tree) {
    step.missing_trees.push_back(root);
    return {};
  }
  const auto entry = std::ranges::find(**tree, api::kConfigFileName, &TreeEntry::name);
  if (entry == (*tree)->end()) return {};
  config.id = entry->id;
  if (!entry->IsFile()) {
    config.kind = ConfigFile::Kind::kNoFile;
    return {};
  }
  auto text = source.Blob(entry->id, kMaxConfigBytes);
  if (!text) return Fail(std::move(text.error()));
  if (!*text) {
    step.missing_files.push_back(entry->id);
    return {};
  }
  config.kind =
      (*text)->size() > kMaxConfigBytes ? ConfigFile::Kind::kTooLarge : ConfigFile::Kind::kFile;
  if (config.kind == ConfigFile::Kind::kFile) config.text = std::move(**text);
  return {};
}

Result<Verdict> ReadVerdict(TreeSource& source, const DetailsQuery& query, const CommitRoot& root,
                            DetailsStep& step) {
  if (!query.filter.HasGlobs()) return Verdict::kCounts;
  const std::string& base = query.base.empty() ? root.first_parent : query.base;
  std::string before;
  if (!base.empty()) {
    const auto base_root = source.Root(base);
    if (!base_root) return Fail(base_root.error());
    if (!*base_root) return Verdict::kCounts;
    before = (*base_root)->tree;
  }
  return Comparison(source, query.filter, step.missing_trees).Compare(before, root.tree);
}

}  // namespace

Result<DetailsStep> ReadDetails(TreeSource& source, const DetailsQuery& query) {
  const auto root = source.Root(query.commit);
  if (!root) return Fail(root.error());
  if (!*root) return Fail(ErrorCode::kNotFound, "the mirror does not hold the commit");
  DetailsStep step;
  const auto verdict = ReadVerdict(source, query, **root, step);
  if (!verdict) return Fail(verdict.error());
  if (*verdict != Verdict::kUnknown) step.missing_trees.clear();
  CommitDetails details;
  details.commit = query.commit;
  details.is_affected = *verdict == Verdict::kCounts;
  // What is not tested needs no configuration.
  if (query.wants_config && *verdict != Verdict::kDoesNotCount) {
    if (auto status = ReadConfigFile(source, (*root)->tree, step, details.config); !status) {
      return Fail(std::move(status.error()));
    }
  }
  std::ranges::sort(step.missing_trees);
  const auto again = std::ranges::unique(step.missing_trees);
  step.missing_trees.erase(again.begin(), again.end());
  if (step.missing_trees.empty() && step.missing_files.empty()) step.details = std::move(details);
  return step;
}

}  // namespace committest::observer
