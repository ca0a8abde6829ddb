#include "observer/history.h"

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/git_server.h"
#include "tests/support/temporary_folder.h"

namespace committest::observer {
namespace {

namespace fs = std::filesystem;
using committest::testing::GitRepository;
using committest::testing::TemporaryFolder;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

// A real repository; the reader gets its .git folder, which is what a bare one looks like.
class HistoryTest : public ::testing::Test {
 protected:
  explicit HistoryTest(const std::string& object_format = "sha1")
      : repository_(folder_.path() / "repository", object_format) {}

  std::string Commit(const std::string& message = "Change") {
    return repository_.Commit({{"file", std::to_string(++counter_)}}, message);
  }
  std::string Path() const { return (repository_.path() / ".git").string(); }

  HistoryAnswer Ask(const std::string& from, const std::string& to, std::int64_t limit = 50,
                    api::History mode = api::History::kFirstParent) const {
    const auto answer = reader_.Read(Path(), {"refs/heads/main", from, to, mode, limit});
    EXPECT_TRUE(answer) << answer.error().message;
    return answer ? *answer : HistoryAnswer{};
  }

  static std::vector<std::string> Ids(const HistoryAnswer& answer) {
    std::vector<std::string> ids;
    for (const auto& commit : answer.commits) ids.push_back(commit.id);
    return ids;
  }

  TemporaryFolder folder_;
  GitRepository repository_;
  HistoryReader reader_;
  int counter_ = 0;
};

TEST_F(HistoryTest, GivesTheCommitsAfterTheCursorOldestFirst) {
  const std::string a = Commit();
  const std::string b = Commit();
  const std::string c = Commit();
  const auto answer = Ask(a, c);
  EXPECT_EQ(answer.relation, Relation::kAdvanced);
  EXPECT_THAT(Ids(answer), ElementsAre(b, c));
  EXPECT_EQ(answer.omitted, 0);
  EXPECT_EQ(answer.to, c);
}

TEST_F(HistoryTest, GivesTheNewestAtFirstSight) {
  const std::string a = Commit();
  const std::string b = Commit();
  const std::string c = Commit();
  EXPECT_EQ(Ask("", c, 1).relation, Relation::kInitial);
  EXPECT_THAT(Ids(Ask("", c, 1)), ElementsAre(c));
  EXPECT_THAT(Ids(Ask("", c, 2)), ElementsAre(b, c));
  EXPECT_THAT(Ids(Ask("", c, 9)), ElementsAre(a, b, c));
  EXPECT_EQ(Ask("", c, 1).omitted, 0);
}

TEST_F(HistoryTest, CountsWhatIsBeyondTheLimit) {
  const std::string a = Commit();
  for (int i = 0; i < 8; ++i) Commit();
  const std::string y = Commit();
  const std::string z = Commit();
  const auto answer = Ask(a, z, 2);
  EXPECT_THAT(Ids(answer), ElementsAre(y, z));
  EXPECT_EQ(answer.omitted, 8);
}

TEST_F(HistoryTest, TakesTheCommitsOfAMergedBranchOnlyWithAll) {
  const std::string base = Commit();
  repository_.Git({"checkout", "-q", "-b", "side"});
  const std::string side = Commit();
  repository_.Git({"checkout", "-q", "main"});
  const std::string own = repository_.Commit({{"other", "1"}});
  repository_.Git({"merge", "-q", "--no-ff", "-m", "Merge", "side"});
  const std::string merge = repository_.Git({"rev-parse", "HEAD"});
  EXPECT_THAT(Ids(Ask(base, merge)), ElementsAre(own, merge));
  EXPECT_THAT(Ids(Ask(base, merge, 50, api::History::kAll)), ElementsAre(side, own, merge));
}

TEST_F(HistoryTest, GivesTheCommitsSinceTheForkAfterAForcePush) {
  Commit();
  const std::string fork = Commit();
  const std::string old_tip = Commit();
  repository_.Git({"reset", "-q", "--hard", fork});
  const std::string first = Commit();
  const std::string second = Commit();
  const auto answer = Ask(old_tip, second);
  EXPECT_EQ(answer.relation, Relation::kRewritten);
  EXPECT_THAT(Ids(answer), ElementsAre(first, second));
}

TEST_F(HistoryTest, GivesTheTipOfABranchThatWasSetBack) {
  const std::string a = Commit();
  const std::string b = Commit();
  const auto answer = Ask(b, a);
  EXPECT_EQ(answer.relation, Relation::kRewound);
  EXPECT_THAT(Ids(answer), ElementsAre(a));
}

TEST_F(HistoryTest, GivesTheTipOfAnUnrelatedBranch) {
  const std::string a = Commit();
  repository_.Git({"checkout", "-q", "--orphan", "other"});
  Commit();
  const std::string tip = Commit();
  const auto answer = Ask(a, tip);
  EXPECT_EQ(answer.relation, Relation::kUnrelated);
  EXPECT_THAT(Ids(answer), ElementsAre(tip));
  EXPECT_EQ(answer.omitted, 1);
}

TEST_F(HistoryTest, GivesTheTipWhenTheCursorIsGone) {
  Commit();
  const std::string tip = Commit();
  const auto answer = Ask(std::string(40, 'd'), tip);
  EXPECT_EQ(answer.relation, Relation::kCursorMissing);
  EXPECT_THAT(Ids(answer), ElementsAre(tip));
}

TEST_F(HistoryTest, DoesNotTakeATreeForACommit) {
  Commit();
  const auto answer = Ask("", repository_.Git({"rev-parse", "HEAD^{tree}"}));
  EXPECT_EQ(answer.relation, Relation::kNotACommit);
  EXPECT_THAT(answer.commits, IsEmpty());
}

TEST_F(HistoryTest, DescribesACommitInOneLineEach) {
  const std::string id = Commit("Fix \x1b[31mthe\x1b[0m\tthing\n\nA body.\n");
  const auto answer = Ask("", id);
  ASSERT_EQ(answer.commits.size(), 1U);
  EXPECT_EQ(answer.commits[0].author, "Test");
  EXPECT_EQ(answer.commits[0].subject, "Fix the thing");
  EXPECT_GT(answer.commits[0].time, WallTime(std::chrono::seconds(1'600'000'000)));
}

TEST_F(HistoryTest, BoundsTheTimeOfACommit) {
  Commit();
  const fs::path text = folder_.path() / "commit";
  std::ofstream(text) << "tree " << repository_.Git({"rev-parse", "HEAD^{tree}"})
                      << "\nauthor A <a@b> 99999999999999 +0000"
                      << "\ncommitter A <a@b> 99999999999999 +0000\n\nLate\n";
  const auto answer =
      Ask("", repository_.Git({"hash-object", "-t", "commit", "-w", "--literally", text.string()}));
  ASSERT_EQ(answer.commits.size(), 1U);
  EXPECT_GT(answer.commits[0].time, WallTime(std::chrono::seconds(9'000'000'000)));
}

TEST_F(HistoryTest, RepairsAndBoundsTheSubject) {
  // Else git itself makes UTF-8 of it.
  repository_.Git({"config", "i18n.commitEncoding", "ISO-8859-1"});
  const std::string id = Commit("caf\xe9 " + std::string(300, 'x'));
  const auto answer = Ask("", id);
  ASSERT_EQ(answer.commits.size(), 1U);
  EXPECT_LE(answer.commits[0].subject.size(), 100U);
  EXPECT_TRUE(answer.commits[0].subject.starts_with("caf\xEF\xBF\xBD x"));
}

TEST_F(HistoryTest, StopsAtAShallowBoundary) {
  Commit();
  const std::string boundary = Commit();
  const std::string tip = Commit();
  const fs::path clone = folder_.path() / "shallow";
  repository_.Git({"clone", "-q", "--bare", "--depth=2", "file://" + repository_.path().string(),
                   clone.string()});
  const auto first = reader_.Read(clone.string(), {"refs/heads/main", "", tip, {}, 50});
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_THAT(Ids(*first), ElementsAre(boundary, tip));
  const auto second = reader_.Read(clone.string(), {"refs/heads/main", boundary, tip, {}, 50});
  ASSERT_TRUE(second) << second.error().message;
  EXPECT_THAT(Ids(*second), ElementsAre(tip));
}

TEST_F(HistoryTest, ReportsATipThatIsNotThere) {
  Commit();
  const auto answer = reader_.Read(Path(), {"refs/heads/main", "", std::string(40, 'd'), {}, 1});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::kNotFound);
}

TEST_F(HistoryTest, ReportsARepositoryThatIsBroken) {
  const std::string a = Commit();
  const std::string b = Commit();
  const fs::path object = repository_.path() / ".git/objects" / a.substr(0, 2) / a.substr(2);
  fs::remove(object);
  const auto answer = reader_.Read(Path(), {"refs/heads/main", std::string(), b, {}, 50});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::kDataLoss);
  EXPECT_EQ(reader_.Read("/nonexistent", {"r", "", b, {}, 1}).error().code, ErrorCode::kDataLoss);
}

TEST_F(HistoryTest, TakesACursorOfAnotherFormatForMissing) {
  const std::string tip = Commit();
  EXPECT_EQ(Ask(std::string(64, 'a'), tip).relation, Relation::kCursorMissing);
}

class Sha256HistoryTest : public HistoryTest {
 protected:
  Sha256HistoryTest() : HistoryTest("sha256") {}
};

TEST_F(Sha256HistoryTest, ReadsAsWithSha1) {
  const std::string base = Commit();
  repository_.Git({"checkout", "-q", "-b", "side"});
  const std::string side = Commit("Fix \x1b[31mthe\x1b[0m\tthing\n\nA body.\n");
  repository_.Git({"checkout", "-q", "main"});
  const std::string own = repository_.Commit({{"other", "1"}});
  repository_.Git({"merge", "-q", "--no-ff", "-m", "Merge", "side"});
  const std::string merge = repository_.Git({"rev-parse", "HEAD"});
  EXPECT_THAT(Ids(Ask("", merge, 1)), ElementsAre(merge));
  EXPECT_THAT(Ids(Ask(base, merge)), ElementsAre(own, merge));
  const auto all = Ask(base, merge, 50, api::History::kAll);
  EXPECT_THAT(Ids(all), ElementsAre(side, own, merge));
  EXPECT_EQ(all.commits[0].author, "Test");
  EXPECT_EQ(all.commits[0].subject, "Fix the thing");
  EXPECT_GT(all.commits[0].time, WallTime(std::chrono::seconds(1'600'000'000)));
  EXPECT_EQ(Ask(base, merge, 1).omitted, 1);
}

TEST_F(Sha256HistoryTest, TellsHowTipAndCursorRelate) {
  const std::string a = Commit();
  const std::string b = Commit();
  EXPECT_EQ(Ask(a, b).relation, Relation::kAdvanced);
  EXPECT_EQ(Ask(b, a).relation, Relation::kRewound);
  EXPECT_EQ(Ask(std::string(64, 'd'), b).relation, Relation::kCursorMissing);
  EXPECT_EQ(Ask(std::string(40, 'd'), b).relation, Relation::kCursorMissing);
  EXPECT_EQ(Ask(a, repository_.Git({"rev-parse", "HEAD^{tree}"})).relation, Relation::kNotACommit);
  repository_.Git({"reset", "-q", "--hard", a});
  EXPECT_EQ(Ask(b, Commit()).relation, Relation::kRewritten);
  repository_.Git({"checkout", "-q", "--orphan", "other"});
  EXPECT_EQ(Ask(b, Commit()).relation, Relation::kUnrelated);
}

TEST_F(Sha256HistoryTest, ReportsATipThatIsNotThere) {
  const std::string a = Commit();
  const auto answer = reader_.Read(Path(), {"refs/heads/main", a, std::string(64, 'd'), {}, 1});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::kNotFound);
}

TEST_F(Sha256HistoryTest, ReportsACommitThatIsMissing) {
  const std::string a = Commit();
  const std::string b = Commit();
  fs::remove(repository_.path() / ".git/objects" / a.substr(0, 2) / a.substr(2));
  const auto answer = reader_.Read(Path(), {"refs/heads/main", "", b, {}, 50});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::kDataLoss);
}

TEST_F(Sha256HistoryTest, StopsAtAShallowBoundary) {
  Commit();
  const std::string boundary = Commit();
  const std::string tip = Commit();
  const fs::path clone = folder_.path() / "shallow";
  repository_.Git({"clone", "-q", "--bare", "--depth=2", "file://" + repository_.path().string(),
                   clone.string()});
  const auto answer = reader_.Read(clone.string(), {"refs/heads/main", "", tip, {}, 50});
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_THAT(Ids(*answer), ElementsAre(boundary, tip));
}

TEST_F(Sha256HistoryTest, PrunesRefsOnlyWhenThereAreTooMany) {
  const std::string a = Commit();
  for (const char* name : {"refs/x/one", "refs/x/two", "refs/x/three"}) {
    repository_.Git({"update-ref", name, a});
  }
  ASSERT_TRUE(reader_.PruneRefs(Path(), "refs/x/", 3, {}));
  ASSERT_TRUE(reader_.PruneRefs(Path(), "refs/x/", 2, {"refs/x/two"}));
  EXPECT_EQ(repository_.Git({"for-each-ref", "--format=%(refname)", "refs/x"}), "refs/x/two");
}

TEST_F(HistoryTest, KnowsWhatItContains) {
  const std::string a = Commit();
  EXPECT_TRUE(reader_.Contains(Path(), a));
  EXPECT_FALSE(reader_.Contains(Path(), std::string(40, 'd')));
  EXPECT_FALSE(reader_.Contains("/nonexistent", a));
}

TEST_F(HistoryTest, PrunesRefsOnlyWhenThereAreTooMany) {
  const std::string a = Commit();
  for (const char* name : {"refs/x/one", "refs/x/two", "refs/x/three"}) {
    repository_.Git({"update-ref", name, a});
  }
  const auto count = [&] {
    return repository_.Git({"for-each-ref", "--format=%(refname)", "refs/x"});
  };
  ASSERT_TRUE(reader_.PruneRefs(Path(), "refs/x/", 3, {}));
  EXPECT_EQ(count(), "refs/x/one\nrefs/x/three\nrefs/x/two");
  ASSERT_TRUE(reader_.PruneRefs(Path(), "refs/x/", 2, {"refs/x/two"}));
  EXPECT_EQ(count(), "refs/x/two");
}

TEST_F(HistoryTest, ReadsTenThousandNewCommits) {
  const std::string first = Commit();
  // A linear history by fast-import, which is quicker than ten thousand times git commit.
  std::string script;
  for (int i = 0; i < 10'000; ++i) {
    script += "commit refs/heads/main\ncommitter A <a@example.com> " +
              std::to_string(1'710'000'000 + i) + " +0000\ndata 1\nx\n";
    if (i == 0) script += "from " + first + "\n";
  }
  committest::testing::WriteTestFile(folder_.path() / "script", script);
  repository_.Git(
      {"-c",
       "alias.load=!git fast-import --quiet --force < " + (folder_.path() / "script").string(),
       "load"});
  const std::string tip = repository_.Git({"rev-parse", "refs/heads/main"});
  const auto answer = Ask(first, tip, 50);
  EXPECT_EQ(answer.commits.size(), 50U);
  EXPECT_EQ(answer.omitted, 9'950);
  EXPECT_EQ(answer.commits.back().id, tip);
}

}  // namespace
}  // namespace committest::observer
