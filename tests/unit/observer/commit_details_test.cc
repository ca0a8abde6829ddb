#include "observer/commit_details.h"

#include <map>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "observer/commit_config.h"

namespace committest::observer {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

using Files = std::map<std::string, std::string>;

// Commits as maps of files; a mirror that has only what was fetched.
class FakeTrees final : public TreeSource {
 public:
  std::set<std::string> here;     ///< Trees and blobs.
  std::vector<std::string> read;  ///< Trees, in the order in which they were read.

  void Add(const std::string& commit, const std::string& parent, const Files& files) {
    roots_[commit] = {Store(files), parent};
  }

  Result<std::optional<CommitRoot>> Root(const std::string& commit) override {
    const auto it = roots_.find(commit);
    if (it == roots_.end()) return std::nullopt;
    return it->second;
  }
  Result<std::optional<std::vector<TreeEntry>>> Tree(const std::string& id) override {
    if (!here.contains(id)) return std::nullopt;
    read.push_back(id);
    return trees_.at(id);
  }
  Result<std::optional<std::string>> Blob(const std::string& id, std::size_t max_bytes) override {
    if (!here.contains(id)) return std::nullopt;
    return id.substr(1, max_bytes + 1);
  }

 private:
  // A tree is named by all that is in it, a blob by its content.
  std::string Store(const Files& files) {
    std::map<std::string, Files> folders;
    std::vector<TreeEntry> entries;
    std::string name = "t(";
    for (const auto& [path, content] : files) {
      const auto slash = path.find('/');
      if (slash == std::string::npos) {
        entries.push_back({path, content == "->" ? 0120000U : 0100644U, "b" + content});
      } else {
        folders[path.substr(0, slash)][path.substr(slash + 1)] = content;
      }
    }
    for (const auto& [folder, inner] : folders) entries.push_back({folder, 0040000U, Store(inner)});
    for (const TreeEntry& entry : entries) name += entry.name + "=" + entry.id + ",";
    name += ")";
    trees_[name] = entries;
    return name;
  }

  std::map<std::string, CommitRoot> roots_;
  std::map<std::string, std::vector<TreeEntry>> trees_;
};

// Fetches until there is an answer; counts the fetches.
struct Outcome {
  CommitDetails details;
  int rounds = 0;
  std::size_t fetched = 0;
};
Outcome Answer(FakeTrees& trees, const DetailsQuery& query) {
  Outcome outcome;
  for (; outcome.rounds < 60; ++outcome.rounds) {
    auto step = ReadDetails(trees, query);
    EXPECT_TRUE(step) << step.error().message;
    if (!step) return outcome;
    if (step->details) {
      outcome.details = *step->details;
      return outcome;
    }
    outcome.fetched += step->missing_trees.size() + step->missing_files.size();
    trees.here.insert(step->missing_trees.begin(), step->missing_trees.end());
    trees.here.insert(step->missing_files.begin(), step->missing_files.end());
  }
  ADD_FAILURE() << "no end";
  return outcome;
}

DetailsQuery Query(PathFilter filter, bool wants_config = false) {
  return {"new", "refs/heads/main", "", std::move(filter), wants_config};
}

const PathFilter kSource({"src/**"}, {"**/*.md"});

TEST(ReadDetails, FetchesTheRootAloneForACommitWithoutAFileAndWithoutGlobs) {
  FakeTrees trees;
  trees.Add("new", "", {{"a", "1"}, {"src/b", "2"}});
  const Outcome outcome = Answer(trees, Query({}, true));
  EXPECT_TRUE(outcome.details.is_affected);
  EXPECT_EQ(outcome.details.config.kind, ConfigFile::Kind::kAbsent);
  EXPECT_EQ(outcome.fetched, 1U);
}

TEST(ReadDetails, ReadsTheFile) {
  FakeTrees trees;
  trees.Add("new", "", {{".committest.yaml", "tests: {}"}});
  const Outcome outcome = Answer(trees, Query({}, true));
  EXPECT_EQ(outcome.details.config.kind, ConfigFile::Kind::kFile);
  EXPECT_EQ(outcome.details.config.text, "tests: {}");
  EXPECT_EQ(outcome.rounds, 2);
}

TEST(ReadDetails, TellsWhatIsNoFileAndWhatIsTooLarge) {
  FakeTrees trees;
  trees.Add("new", "", {{".committest.yaml", "->"}});
  EXPECT_EQ(Answer(trees, Query({}, true)).details.config.kind, ConfigFile::Kind::kNoFile);
  trees.Add("new", "", {{".committest.yaml/x", "1"}});
  EXPECT_EQ(Answer(trees, Query({}, true)).details.config.kind, ConfigFile::Kind::kNoFile);
  trees.Add("new", "", {{".committest.yaml", std::string(kMaxConfigBytes, 'x')}});
  EXPECT_EQ(Answer(trees, Query({}, true)).details.config.kind, ConfigFile::Kind::kFile);
  trees.Add("new", "", {{".committest.yaml", std::string(kMaxConfigBytes + 1, 'x')}});
  EXPECT_EQ(Answer(trees, Query({}, true)).details.config.kind, ConfigFile::Kind::kTooLarge);
}

struct Change {
  const char* what;
  Files before;
  Files after;
  bool affected;
};

TEST(ReadDetails, KnowsWhatCounts) {
  const std::vector<Change> changes = {
      {"a file that matches changes", {{"src/a", "1"}}, {{"src/a", "2"}}, true},
      {"one that is ignored", {{"src/a.md", "1"}}, {{"src/a.md", "2"}}, false},
      {"one elsewhere", {{"docs/a", "1"}}, {{"docs/a", "2"}}, false},
      {"one is added deep down", {}, {{"src/a/b/c/d", "1"}}, true},
      {"one is removed", {{"src/a", "1"}, {"x", "1"}}, {{"x", "1"}}, true},
      {"a folder is removed", {{"src/b/c/a", "1"}, {"x", "1"}}, {{"x", "1"}}, true},
      {"a folder becomes a file", {{"src/a/b", "1"}}, {{"src/a", "1"}}, true},
      {"an ignored file becomes a folder", {{"src/a.md", "1"}}, {{"src/a.md/b", "1"}}, true},
      {"a file becomes a link", {{"src/a", "1"}}, {{"src/a", "->"}}, true},
      {"a file is moved away", {{"src/a", "1"}}, {{"docs/a", "1"}}, true},
      {"nothing changes", {{"src/a", "1"}}, {{"src/a", "1"}}, false},
  };
  for (const Change& change : changes) {
    SCOPED_TRACE(change.what);
    FakeTrees trees;
    trees.Add("old", "", change.before);
    trees.Add("new", "old", change.after);
    EXPECT_EQ(Answer(trees, Query(kSource)).details.is_affected, change.affected);
  }
}

TEST(ReadDetails, ComparesARootWithNothingAndAnyOtherWithItsFirstParentOrTheBase) {
  FakeTrees trees;
  trees.Add("new", "", {{"docs/a", "1"}});
  EXPECT_FALSE(Answer(trees, Query(kSource)).details.is_affected);
  trees.Add("new", "", {{"src/a", "1"}});
  EXPECT_TRUE(Answer(trees, Query(kSource)).details.is_affected);
  trees.Add("older", "", {});
  trees.Add("old", "older", {{"src/a", "1"}});
  trees.Add("new", "old", {{"src/a", "1"}});
  EXPECT_FALSE(Answer(trees, Query(kSource)).details.is_affected);
  DetailsQuery query = Query(kSource);
  query.base = "older";
  EXPECT_TRUE(Answer(trees, query).details.is_affected);
}

TEST(ReadDetails, CountsAChangeAgainstACommitThatIsNotThere) {
  FakeTrees trees;
  trees.Add("new", "beyond the shallow boundary", {{"docs/a", "1"}});
  EXPECT_TRUE(Answer(trees, Query(kSource)).details.is_affected);
}

TEST(ReadDetails, NeverAsksForWhatDidNotChangeOrCannotCount) {
  FakeTrees trees;
  trees.Add("old", "", {{"src/same/a", "1"}, {"src/b.md", "1"}, {"docs/x/a", "1"}});
  trees.Add("new", "old", {{"src/same/a", "1"}, {"src/b.md", "2"}, {"docs/x/a", "2"}});
  const Outcome outcome = Answer(trees, Query(kSource));
  EXPECT_FALSE(outcome.details.is_affected);
  // Two roots and src twice.
  EXPECT_EQ(outcome.fetched, 4U);
  EXPECT_EQ(outcome.rounds, 2);
}

TEST(ReadDetails, StopsAskingOnceItKnowsThatTheCommitCounts) {
  FakeTrees trees;
  trees.Add("old", "", {{"src/a", "1"}, {"deep/1/2/3/4", "1"}});
  trees.Add("new", "old", {{"src/a", "2"}, {"deep/1/2/3/4", "2"}});
  const Outcome outcome = Answer(trees, Query(PathFilter({}, {"docs/**"})));
  EXPECT_TRUE(outcome.details.is_affected);
  EXPECT_EQ(outcome.fetched, 2U) << "the roots say enough";
}

TEST(ReadDetails, LetsAChangeOfTheFileCountWhateverTheGlobsSay) {
  FakeTrees trees;
  trees.Add("old", "", {{".committest.yaml", "{}"}});
  trees.Add("new", "old", {{".committest.yaml", "tests: {}"}});
  const PathFilter filter({"src/**"}, {"**"}, {".committest.yaml"});
  const Outcome outcome = Answer(trees, Query(filter, true));
  EXPECT_TRUE(outcome.details.is_affected);
  EXPECT_EQ(outcome.details.config.text, "tests: {}");
}

TEST(ReadDetails, ReadsNoFileOfACommitThatIsSkipped) {
  FakeTrees trees;
  trees.Add("old", "", {{".committest.yaml", "{}"}, {"docs/a", "1"}});
  trees.Add("new", "old", {{".committest.yaml", "{}"}, {"docs/a", "2"}});
  const Outcome outcome = Answer(trees, Query(kSource, true));
  EXPECT_FALSE(outcome.details.is_affected);
  EXPECT_EQ(outcome.details.config.kind, ConfigFile::Kind::kAbsent);
}

TEST(ReadDetails, LetsAChangeCountThatIsTooDeepOrTooWideToLookThrough) {
  FakeTrees trees;
  std::string deep;
  for (int i = 0; i < 60; ++i) deep += "d/";
  trees.Add("new", "", {{deep + "a.md", "1"}});
  EXPECT_TRUE(Answer(trees, Query(PathFilter({"**/*.cc"}, {}))).details.is_affected);
  Files wide;
  for (int i = 0; i < 3'000; ++i) wide["f" + std::to_string(i) + "/a.md"] = "1";
  trees.Add("new", "", wide);
  EXPECT_TRUE(Answer(trees, Query(PathFilter({"**/*.cc"}, {}))).details.is_affected);
}

TEST(ReadDetails, DoesNotFindACommitThatIsNotThere) {
  FakeTrees trees;
  const auto step = ReadDetails(trees, Query({}));
  ASSERT_FALSE(step);
  EXPECT_EQ(step.error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace committest::observer
