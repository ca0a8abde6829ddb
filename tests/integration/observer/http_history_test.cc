#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/observer/hosted_repository.h"

// Fetching commits from a real Git server on loopback, and reading their history.

namespace committest::observer {
namespace {

namespace fs = std::filesystem;
using committest::testing::GitRepository;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class HttpHistoryTest : public HostedRepositoryTest {
 protected:
  using HostedRepositoryTest::HostedRepositoryTest;
};

TEST_F(HttpHistoryTest, SeesAPushAndReadsItsCommits) {
  const std::string a = Commit();
  EXPECT_THAT(NewCommits("", List()->refs[0].commit), ElementsAre(a));
  const std::string b = Commit("Second");
  const std::string c = Commit("Third");
  EXPECT_EQ(List()->refs[0].commit, c);
  const auto answers = Ask({{kMain, a, c, api::History::kFirstParent, 50}});
  ASSERT_TRUE(answers) << answers.error().message;
  ASSERT_EQ(answers->at(0).commits.size(), 2U);
  EXPECT_EQ(answers->at(0).relation, Relation::kAdvanced);
  EXPECT_EQ(answers->at(0).commits[0].id, b);
  EXPECT_EQ(answers->at(0).commits[0].subject, "Second");
  EXPECT_EQ(answers->at(0).commits[1].id, c);
  EXPECT_EQ(answers->at(0).commits[1].author, "Test");
}

TEST_F(HttpHistoryTest, FetchesCommitsWithoutTreesAndFiles) {
  const std::string tip = Commit();
  NewCommits("", tip);
  const std::string mirror = observer_.MirrorPath().string();
  EXPECT_TRUE(observer_.reader().Contains(mirror, tip));
  EXPECT_FALSE(observer_.reader().Contains(mirror, repository_.Git({"rev-parse", "HEAD^{tree}"})));
  EXPECT_FALSE(observer_.reader().Contains(mirror, repository_.Git({"rev-parse", "HEAD:file"})));
}

TEST_F(HttpHistoryTest, KeepsTheFormatThatLibgit2ReadsWithoutLeaking) {
  const std::string a = Commit();
  NewCommits("", a);
  NewCommits(a, Commit());
  const std::string config = committest::testing::ReadTestFile(observer_.MirrorPath() / "config");
  EXPECT_THAT(config, HasSubstr("repositoryformatversion = 0"));
  EXPECT_THAT(config, HasSubstr("partialclonefilter = tree:0"));
}

TEST_F(HttpHistoryTest, FetchesEverythingFromAServerWithoutFilters) {
  repository_.Git({"config", "uploadpack.allowFilter", "false"});
  const std::string a = Commit();
  const std::string b = Commit();
  EXPECT_THAT(NewCommits(a, b), ElementsAre(b));
}

TEST_F(HttpHistoryTest, AsksForLessOfAFilterWhenTheServerRefusesIt) {
  repository_.Git({"config", "uploadpackfilter.tree.allow", "false"});
  const std::string a = Commit();
  const std::string b = Commit();
  EXPECT_THAT(NewCommits(a, b), ElementsAre(b));
  const std::string mirror = observer_.MirrorPath().string();
  EXPECT_TRUE(observer_.reader().Contains(mirror, repository_.Git({"rev-parse", "HEAD^{tree}"})));
  EXPECT_FALSE(observer_.reader().Contains(mirror, repository_.Git({"rev-parse", "HEAD:file"})));
}

TEST_F(HttpHistoryTest, DoesNotFetchWhatItHas) {
  const std::string a = Commit();
  const std::string b = Commit();
  NewCommits(a, b);
  const auto requests = server_.Requests().size();
  EXPECT_THAT(NewCommits(a, b), ElementsAre(b));
  EXPECT_EQ(server_.Requests().size(), requests);
}

TEST_F(HttpHistoryTest, ReadsAForcePush) {
  const std::string fork = Commit();
  const std::string old_tip = Commit();
  NewCommits("", old_tip);
  repository_.Git({"reset", "-q", "--hard", fork});
  const std::string tip = Commit("Other");
  const auto answers = Ask({{kMain, old_tip, tip, api::History::kFirstParent, 50}});
  ASSERT_TRUE(answers);
  EXPECT_EQ(answers->at(0).relation, Relation::kRewritten);
  ASSERT_EQ(answers->at(0).commits.size(), 1U);
  EXPECT_EQ(answers->at(0).commits[0].id, tip);
}

TEST_F(HttpHistoryTest, ReadsAForcePushWithANewMirrorToo) {
  const std::string fork = Commit();
  const std::string old_tip = Commit();
  repository_.Git({"branch", "keep"});
  repository_.Git({"reset", "-q", "--hard", fork});
  const std::string tip = Commit("Other");
  const auto answers = Ask({{kMain, old_tip, tip, api::History::kFirstParent, 50}});
  ASSERT_TRUE(answers);
  EXPECT_EQ(answers->at(0).relation, Relation::kRewritten);
}

TEST_F(HttpHistoryTest, GivesTheTipWhenTheServerHasForgottenTheCursor) {
  const std::string tip = Commit();
  const auto answers = Ask({{kMain, std::string(40, 'd'), tip, api::History::kFirstParent, 50}});
  ASSERT_TRUE(answers) << answers.error().message;
  EXPECT_EQ(answers->at(0).relation, Relation::kCursorMissing);
  EXPECT_EQ(answers->at(0).commits.at(0).id, tip);
}

TEST_F(HttpHistoryTest, AnswersTheRefsThatItCan) {
  const std::string tip = Commit();
  const auto answers =
      Ask({{"refs/heads/gone", "", std::string(40, 'd'), api::History::kFirstParent, 1},
           {kMain, "", tip, api::History::kFirstParent, 1}});
  ASSERT_TRUE(answers) << answers.error().message;
  ASSERT_EQ(answers->size(), 1U);
  EXPECT_EQ(answers->at(0).ref, kMain);
}

TEST_F(HttpHistoryTest, SaysWhenTheServerGivesOutNothing) {
  Commit();
  const auto answers =
      Ask({{"refs/heads/gone", "", std::string(40, 'd'), api::History::kFirstParent, 1}});
  ASSERT_FALSE(answers);
  EXPECT_EQ(answers.error().code, ErrorCode::kNotFound);
}

TEST_F(HttpHistoryTest, MakesABrokenMirrorAnew) {
  const std::string a = Commit();
  NewCommits("", a);
  for (const auto& entry : fs::recursive_directory_iterator(observer_.MirrorPath() / "objects")) {
    if (!entry.is_regular_file()) continue;
    fs::permissions(entry.path(), fs::perms::owner_all);
    std::ofstream(entry.path(), std::ios::trunc) << "garbage";
  }
  const std::string b = Commit();
  EXPECT_THAT(NewCommits(a, b), ElementsAre(b));
}

TEST_F(HttpHistoryTest, MakesALostMirrorAnew) {
  const std::string a = Commit();
  NewCommits("", a);
  fs::remove_all(observer_.MirrorPath());
  const std::string b = Commit();
  EXPECT_THAT(NewCommits(a, b), ElementsAre(b));
}

TEST_F(HttpHistoryTest, IsNotStoppedByWhatAKilledProcessLeftBehind) {
  const std::string a = Commit();
  NewCommits("", a);
  const fs::path mirror = observer_.MirrorPath();
  for (const char* name : {"config.lock", "packed-refs.lock", "HEAD.lock", "shallow.lock", "gc.pid",
                           "objects/pack/tmp_pack_x"}) {
    committest::testing::WriteTestFile(mirror / name, "1");
  }
  for (const auto& entry : fs::directory_iterator(mirror / "refs/committest")) {
    committest::testing::WriteTestFile(entry.path().string() + ".lock", "");
    break;
  }
  const std::string b = Commit();
  EXPECT_THAT(NewCommits(a, b), ElementsAre(b));
  EXPECT_FALSE(fs::exists(mirror / "objects/pack/tmp_pack_x"));
}

TEST_F(HttpHistoryTest, DoesNotMixTheMirrorsOfTwoUrls) {
  const std::string a = Commit();
  NewCommits("", a);
  const GitRepository other = server_.CreateRepository("other");
  const std::string tip = GitRepository(other).Commit({{"x", "1"}});
  const auto answers =
      observer_.History(server_.Url("other"), {{kMain, a, tip, api::History::kFirstParent, 9}});
  ASSERT_TRUE(answers) << answers.error().message;
  EXPECT_FALSE(observer_.reader().Contains(observer_.MirrorPath().string(), a));
}

TEST_F(HttpHistoryTest, ForgetsAMirror) {
  NewCommits("", Commit());
  ASSERT_TRUE(fs::exists(observer_.MirrorPath()));
  observer_.Forget();
  EXPECT_FALSE(fs::exists(observer_.MirrorPath()));
}

TEST_F(HttpHistoryTest, RunsNoHookAndReadsNoConfigurationOfTheMachine) {
  const std::string a = Commit();
  NewCommits("", a);
  const fs::path mirror = observer_.MirrorPath();
  const fs::path trace = mirror / "hook-ran";
  for (const char* hook : {"reference-transaction", "post-fetch", "pre-auto-gc"}) {
    const fs::path file = mirror / "hooks" / hook;
    committest::testing::WriteTestFile(file, "#!/bin/sh\ntouch " + trace.string() + "\n");
    fs::permissions(file, fs::perms::owner_all);
  }
  NewCommits(a, Commit());
  EXPECT_FALSE(fs::exists(trace));
}

class OldServerHistoryTest : public HttpHistoryTest {
 protected:
  OldServerHistoryTest() : HttpHistoryTest(With({"--deny-sha"})) {}
};

TEST_F(OldServerHistoryTest, FetchesATipAndLaterCommits) {
  const std::string a = Commit();
  EXPECT_THAT(NewCommits("", a), ElementsAre(a));
  const std::string b = Commit();
  const std::string c = Commit();
  EXPECT_THAT(NewCommits(a, c), ElementsAre(b, c));
}

TEST_F(OldServerHistoryTest, FetchesByNameACommitThatIsNoLongerATip) {
  const std::string a = Commit();
  const std::string b = Commit();
  Commit();  // Pushed after the listing.
  EXPECT_THAT(NewCommits(a, b), ElementsAre(b));
}

}  // namespace
}  // namespace committest::observer
