#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/http/client.h"
#include "observer/commit_config.h"
#include "tests/integration/observer/hosted_repository.h"
#include "tests/support/command.h"

// What commits hold, fetched from a real Git server on loopback.

namespace committest::observer {
namespace {

namespace fs = std::filesystem;
using Files = std::map<std::string, std::string>;
using Kind = ConfigFile::Kind;

class CommitDetailsTest : public HostedRepositoryTest {
 protected:
  using HostedRepositoryTest::HostedRepositoryTest;

  // As a look does it: first the history, then the details.
  Result<DetailsAnswer> Ask(const std::string& tip, const PathFilter& filter = {}) {
    const auto history =
        observer_.History(Url(), {{kMain, "", tip, api::History::kFirstParent, 1}});
    if (!history) return Fail(history.error());
    return observer_.Details(Url(), {{tip, kMain, "", filter, true}});
  }

  CommitDetails Details(const std::string& tip, const PathFilter& filter = {}) {
    auto answer = Ask(tip, filter);
    EXPECT_TRUE(answer) << answer.error().message;
    if (!answer) return {};
    EXPECT_FALSE(answer->problem) << answer->problem->message;
    return answer->details.empty() ? CommitDetails{} : answer->details.front();
  }

  // "tree" or "blob" of each object of that kind that the mirror holds.
  std::size_t Held(const std::string& kind) const {
    const std::string all =
        repository_.Git({"--git-dir=" + observer_.MirrorPath().string(), "cat-file",
                         "--batch-all-objects", "--batch-check=%(objecttype)"});
    std::size_t count = 0;
    for (std::size_t at = 0; (at = all.find(kind, at)) != std::string::npos; ++at) ++count;
    return count;
  }

  std::size_t Fetches() const {
    std::size_t count = 0;
    for (const std::string& request : server_.Requests()) {
      if (request.starts_with("GET ")) ++count;
    }
    return count;
  }

  std::uintmax_t BytesOfMirror() const {
    std::uintmax_t bytes = 0;
    for (const auto& entry : fs::recursive_directory_iterator(observer_.MirrorPath())) {
      if (entry.is_regular_file()) bytes += entry.file_size();
    }
    return bytes;
  }

  std::size_t Packs() const {
    std::size_t count = 0;
    for (const auto& entry : fs::directory_iterator(observer_.MirrorPath() / "objects/pack")) {
      if (entry.path().extension() == ".pack") ++count;
    }
    return count;
  }
};

TEST_F(CommitDetailsTest, TakeOneSmallFetchOfTheRootFolderWithoutAFile) {
  for (int i = 0; i < 20; ++i) {
    repository_.Commit({{"src/a" + std::to_string(i), "x"}, {"docs/b", std::to_string(i)}});
  }
  const std::string tip = repository_.Commit({{"src/z", "z"}});
  const CommitDetails details = Details(tip);
  EXPECT_TRUE(details.is_affected);
  EXPECT_EQ(details.config.kind, Kind::kAbsent);
  EXPECT_EQ(Held("tree"), 1U);
  EXPECT_EQ(Held("blob"), 0U);
}

TEST_F(CommitDetailsTest, ReadTheFileAtTheCommitItself) {
  const std::string first = repository_.Commit({{".committest.yaml", "tests: {path: a}\n"}});
  const std::string second = repository_.Commit({{".committest.yaml", "tests: {path: b}\n"}});
  EXPECT_EQ(Details(second).config.text, "tests: {path: b}\n");
  EXPECT_EQ(Held("blob"), 1U) << "not the file of the commit before";
  EXPECT_EQ(Details(first).config.text, "tests: {path: a}\n");
}

TEST_F(CommitDetailsTest, ReadFilesThatLookStrange) {
  repository_.Commit({{".committest.yaml", std::string(kMaxConfigBytes, '#')}});
  EXPECT_EQ(Details(repository_.Git({"rev-parse", "HEAD"})).config.kind, Kind::kFile);
  repository_.Commit({{".committest.yaml", std::string(kMaxConfigBytes + 1, '#')}});
  EXPECT_EQ(Details(repository_.Git({"rev-parse", "HEAD"})).config.kind, Kind::kTooLarge);
  fs::remove(repository_.path() / ".committest.yaml");
  fs::create_symlink("/etc/passwd", repository_.path() / ".committest.yaml");
  EXPECT_EQ(Details(repository_.Commit({{"x", "1"}})).config.kind, Kind::kNoFile);
  fs::remove(repository_.path() / ".committest.yaml");
  EXPECT_EQ(Details(repository_.Commit({{".committest.yaml/x", "1"}})).config.kind, Kind::kNoFile);
}

TEST_F(CommitDetailsTest, DoNotLetAHugeFileInNorIsItInTheWay) {
  std::string noise(8'000'000, '\0');
  std::ifstream("/dev/urandom", std::ios::binary).read(noise.data(), 8'000'000);
  const std::string huge = repository_.Commit({{".committest.yaml", noise}});
  const std::string good = repository_.Commit({{".committest.yaml", "tests: {}\n"}});
  const auto history = observer_.History(Url(), {{kMain, "", good, api::History::kFirstParent, 2}});
  ASSERT_TRUE(history);
  const auto answer =
      observer_.Details(Url(), {{huge, kMain, "", {}, true}, {good, kMain, "", {}, true}});
  ASSERT_TRUE(answer) << answer.error().message;
  ASSERT_EQ(answer->details.size(), 2U);
  EXPECT_EQ(answer->details[0].config.kind, Kind::kTooLarge);
  EXPECT_EQ(answer->details[1].config.text, "tests: {}\n");
  EXPECT_LT(BytesOfMirror(), 2'000'000U);
}

TEST_F(CommitDetailsTest, SayWhatCountsAndFetchNothingThatDidNotChange) {
  const PathFilter filter({"src/**"}, {"**/*.md"});
  repository_.Commit({{"src/a/b/c.cc", "1"}, {"src/same/x", "1"}, {"docs/y", "1"}, {"lib/z", "1"}});
  const std::string docs = repository_.Commit({{"docs/y", "2"}, {"src/a/b/README.md", "2"}});
  EXPECT_FALSE(Details(docs, filter).is_affected);
  // The roots, src, src/a and src/a/b of both commits.
  EXPECT_EQ(Held("tree"), 8U);
  EXPECT_EQ(Held("blob"), 0U);
  const std::string code = repository_.Commit({{"src/a/b/c.cc", "2"}});
  EXPECT_TRUE(Details(code, filter).is_affected);
}

TEST_F(CommitDetailsTest, OfCommitsThatFollowComeInOneFetchWithThem) {
  const std::string first =
      repository_.Commit({{"src/a/b", "1"}, {"lib/z", "1"}, {".committest.yaml", "tests: {}\n"}});
  EXPECT_EQ(Details(first).config.text, "tests: {}\n");
  const std::string second = repository_.Commit({{"src/a/b", "2"}, {".gitmodules", "[x]\n"}});
  const std::string third = repository_.Commit({{"docs/b", "1"}});
  const std::size_t before = Fetches();
  const PathFilter filter({"src/**"}, {});
  ASSERT_TRUE(observer_.History(Url(), {{kMain, first, third, api::History::kFirstParent, 5}}));
  const auto answer =
      observer_.Details(Url(), {{second, kMain, "", {}, true}, {third, kMain, "", filter, true}});
  ASSERT_TRUE(answer) << answer.error().message;
  ASSERT_EQ(answer->details.size(), 2U);
  EXPECT_EQ(answer->details[0].config.text, "tests: {}\n");
  EXPECT_FALSE(answer->details[1].is_affected);
  EXPECT_EQ(Fetches() - before, 1U);
  EXPECT_EQ(Held("blob"), 1U) << "no file but .committest.yaml";
}

TEST_F(CommitDetailsTest, ThatAreTooMuchDoNotKeepCommitsFromBeingSeen) {
  const std::string first = repository_.Commit({{"a", "1"}});
  EXPECT_TRUE(Details(first).is_affected);
  // A folder of 6 MB that no compression makes smaller; submodules need no objects.
  const auto made = testing::RunCommand(
      {"/bin/sh", "-c",
       "head -c 6000000 /dev/urandom | od -An -v -tx1 -w60 | tr -d ' ' |"
       " awk '{ printf \"160000 commit %s\\t%s\\n\", substr($0, 1, 40), substr($0, 41) }' | git "
       "mktree --missing"},
      {.environment = {{"PATH", "/usr/bin:/bin"}}, .directory = repository_.path()});
  ASSERT_EQ(made.exit_code, 0) << made.output;
  const std::string tree = made.output.substr(0, 40);
  const std::string huge = repository_.Git({"commit-tree", "-p", first, "-m", "huge", tree});
  repository_.Git({"update-ref", kMain, huge});
  const std::vector<HistoryQuery> query = {{kMain, first, huge, api::History::kFirstParent, 5}};
  const auto history = observer_.History(Url(), query);
  ASSERT_TRUE(history) << history.error().message;
  EXPECT_EQ(history->at(0).commits.size(), 1U);
  ASSERT_TRUE(observer_.History(Url(), query)) << "removes what was left half done";
  EXPECT_LT(BytesOfMirror(), 2'000'000U);
}

TEST_F(CommitDetailsTest, OfManyPushesLeaveFewPacksBehind) {
  std::string before = repository_.Commit({{"a", "0"}});
  ASSERT_TRUE(observer_.History(Url(), {{kMain, "", before, api::History::kFirstParent, 1}}));
  std::size_t most = 0;
  for (int i = 1; i <= 60; ++i) {
    const std::string tip = repository_.Commit({{"a", std::to_string(i)}});
    ASSERT_TRUE(observer_.History(Url(), {{kMain, before, tip, api::History::kFirstParent, 1}}));
    before = tip;
    most = std::max(most, Packs());
  }
  EXPECT_GT(most, 40U) << "not each time";
  EXPECT_LT(Packs(), 30U);
  EXPECT_TRUE(Details(before).is_affected);
}

TEST_F(CommitDetailsTest, OfAMergeAreThoseAgainstItsFirstParent) {
  const PathFilter filter({"src/**"}, {});
  repository_.Commit({{"src/a", "1"}});
  repository_.Git({"checkout", "-q", "-b", "side"});
  repository_.Commit({{"docs/b", "1"}});
  repository_.Git({"checkout", "-q", "main"});
  repository_.Commit({{"src/a", "2"}});
  repository_.Git({"merge", "-q", "--no-ff", "-m", "Merge", "side"});
  EXPECT_FALSE(Details(repository_.Git({"rev-parse", "HEAD"}), filter).is_affected);
}

TEST_F(CommitDetailsTest, OfARootAreThoseOfTheWholeFolder) {
  const std::string root = repository_.Commit({{"docs/b", "1"}, {"src/x/y", "1"}});
  EXPECT_TRUE(Details(root, PathFilter({"src/*/y"}, {})).is_affected);
}

TEST_F(CommitDetailsTest, AskForSkipsInTheWholeMessage) {
  const std::string tip = repository_.Commit({{"a", "1"}}, "Subject\n\nBody [CI skip] text");
  const auto history = observer_.History(Url(), {{kMain, "", tip, api::History::kFirstParent, 1}});
  ASSERT_TRUE(history);
  EXPECT_EQ(history->at(0).commits.at(0).skip_request, "[CI skip]");
}

TEST_F(CommitDetailsTest, AreReadFromAServerThatIgnoresFilters) {
  repository_.Git({"config", "uploadpack.allowFilter", "false"});
  const std::string tip = repository_.Commit({{".committest.yaml", "tests: {path: b}\n"}});
  EXPECT_EQ(Details(tip).config.text, "tests: {path: b}\n");
}

TEST_F(CommitDetailsTest, AreNotGuessedWhenTheServerIsGone) {
  const std::string tip = repository_.Commit({{".committest.yaml", "tests: {path: b}\n"}});
  ASSERT_TRUE(observer_.History(Url(), {{kMain, "", tip, api::History::kFirstParent, 1}}));
  server_.Stop();
  EXPECT_FALSE(observer_.Details(Url(), {{tip, kMain, "", {}, true}}));
  server_.Start();
  EXPECT_EQ(Details(tip).config.text, "tests: {path: b}\n");
}

class CommitDetailsOfDenyingServer : public CommitDetailsTest {
 protected:
  CommitDetailsOfDenyingServer() : CommitDetailsTest(With({"--deny-sha"})) {}
};

TEST_F(CommitDetailsOfDenyingServer, AreReadFromAllObjectsOfItsRefs) {
  repository_.Commit({{"src/a", "1"}});
  const std::string first = repository_.Commit({{".committest.yaml", "tests: {path: a}\n"}});
  EXPECT_EQ(Details(first).config.text, "tests: {path: a}\n");
  const std::string second =
      repository_.Commit({{".committest.yaml", "tests: {path: b}\n"}, {"docs/b", "1"}});
  EXPECT_EQ(Details(second).config.text, "tests: {path: b}\n");
  const std::string third = repository_.Commit({{"docs/b", "2"}});
  EXPECT_FALSE(Details(third, PathFilter({"src/**"}, {})).is_affected);
}

TEST_F(CommitDetailsOfDenyingServer, AreNotNeededToSeeItsCommits) {
  std::map<std::string, std::string> files;
  for (int i = 0; i < 200; ++i) files["src/file-number-" + std::to_string(i)] = std::to_string(i);
  const std::string first = repository_.Commit(files);
  ASSERT_TRUE(observer_.History(Url(), {{kMain, "", first, api::History::kFirstParent, 1}}));
  // Its folder comes as a difference to the one before, which is not here and not given out.
  const std::string second = repository_.Commit({{"src/file-number-7", "new"}});
  const fs::path witness = observer_.MirrorPath() / "witness";
  std::ofstream(witness) << "of this mirror";
  const auto history =
      observer_.History(Url(), {{kMain, first, second, api::History::kFirstParent, 5}});
  ASSERT_TRUE(history) << history.error().message;
  EXPECT_EQ(history->at(0).commits.size(), 1U);
  EXPECT_TRUE(fs::exists(witness)) << "the mirror was made anew";
}

class CommitDetailsWithSha256 : public CommitDetailsTest {
 protected:
  CommitDetailsWithSha256() : CommitDetailsTest({}, "sha256") {}
};

TEST_F(CommitDetailsWithSha256, AreReadByGitsOwnCommands) {
  repository_.Commit({{"src/a", "1"}});
  const std::string tip =
      repository_.Commit({{".committest.yaml", "tests: {path: b}\n"}}, "S\n\nx [no ci]");
  EXPECT_EQ(Details(tip).config.text, "tests: {path: b}\n");
  const auto history = observer_.History(Url(), {{kMain, "", tip, api::History::kFirstParent, 1}});
  EXPECT_EQ(history->at(0).commits.at(0).skip_request, "[no ci]");
  const std::string docs = repository_.Commit({{"docs/b", "2"}});
  EXPECT_FALSE(Details(docs, PathFilter({"src/**"}, {})).is_affected);
}

}  // namespace
}  // namespace committest::observer
