#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/clock.h"
#include "common/http/network.h"
#include "observer/network_git_remote.h"
#include "observer/pkt_line.h"
#include "tests/integration/observer/observer_side.h"
#include "tests/support/git_server.h"
#include "tests/support/scripted_server.h"
#include "tests/support/temporary_folder.h"

// Listing, fetching and reading history against a real Git server on loopback, and listing against
// servers that misbehave.

namespace committest::observer {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using committest::testing::GitRepository;
using committest::testing::GitServer;
using committest::testing::ScriptedServer;
using committest::testing::TemporaryFolder;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr const char* kMain = "refs/heads/main";

using Observer = ObserverSide;

std::vector<RefPattern> Patterns(const std::vector<std::string>& texts) {
  return ParseRefPatterns(texts).value();
}

// Knows every name as loopback.
class LoopbackResolver final : public http::Resolver {
 public:
  Result<std::vector<http::IpAddress>> Resolve(const std::string&, MonotonicTime,
                                               const std::stop_token&) override {
    return std::vector{*http::ParseIpAddress("127.0.0.1")};
  }
};

class GitOverHttpTest : public ::testing::Test {
 protected:
  explicit GitOverHttpTest(std::vector<std::string> options = {}) : server_(std::move(options)) {
    repository_.Git({"config", "uploadpack.allowFilter", "true"});
  }

  std::string Commit(const std::string& message = "Change") {
    return repository_.Commit({{"file", std::to_string(++counter_)}}, message);
  }

  RemoteRefs List(const std::vector<std::string>& patterns = {}) {
    const auto refs = observer_.ListRefs(Url(), Patterns(patterns));
    EXPECT_TRUE(refs) << refs.error().message;
    return refs ? *refs : RemoteRefs{};
  }

  Result<std::vector<HistoryAnswer>> Ask(const std::vector<HistoryQuery>& queries) {
    return observer_.History(Url(), queries);
  }

  std::vector<std::string> NewCommits(const std::string& from, const std::string& to) {
    const auto answers = Ask({{kMain, from, to, api::History::kFirstParent, 50}});
    EXPECT_TRUE(answers) << answers.error().message;
    std::vector<std::string> ids;
    if (!answers) return ids;
    for (const auto& commit : answers->at(0).commits) ids.push_back(commit.id);
    return ids;
  }

  std::string Url() const { return server_.Url("app"); }

  GitServer server_;
  GitRepository repository_ = server_.CreateRepository("app");
  Observer observer_;
  int counter_ = 0;
};

TEST_F(GitOverHttpTest, ListsTheBranchOfHead) {
  const std::string tip = Commit();
  repository_.Git({"branch", "other"});
  const auto refs = List();
  EXPECT_EQ(refs.head_ref, kMain);
  EXPECT_THAT(refs.refs, ElementsAre(RemoteRef{kMain, tip}));
}

TEST_F(GitOverHttpTest, RefusesAddressesThatAreNotAllowedForListsAndFetches) {
  const std::string tip = Commit();
  Observer observer(20s, 60s, Allowing({"127.0.0.2", "private"}));
  const auto refs = observer.ListRefs(Url(), {});
  ASSERT_FALSE(refs);
  EXPECT_EQ(refs.error().reason, "AddressRefused");
  EXPECT_THAT(refs.error().message, HasSubstr("127.0.0.1 has the address 127.0.0.1, a loopback"));
  EXPECT_THAT(refs.error().message, HasSubstr("observer.allowPrivateAddresses"));
  const auto history = observer.History(Url(), {{kMain, "", tip, api::History::kFirstParent, 50}});
  ASSERT_FALSE(history);
  EXPECT_EQ(history.error().reason, "AddressRefused");
  EXPECT_THAT(server_.Requests(), IsEmpty());
}

// The name means nothing to the machine, so git itself can only have gone where it was told to.
TEST_F(GitOverHttpTest, FetchesFromTheAddressThatWasJudged) {
  const std::string tip = Commit();
  http::NetworkOptions network = Allowing({"127.0.0.1"});
  network.resolver = std::make_shared<LoopbackResolver>();
  Observer observer(20s, 60s, network);
  const std::string url = "http://git.invalid:" + std::to_string(server_.port()) + "/app";
  const auto refs = observer.ListRefs(url, {});
  ASSERT_TRUE(refs) << refs.error().message;
  const auto history = observer.History(url, {{kMain, "", tip, api::History::kFirstParent, 50}});
  ASSERT_TRUE(history) << history.error().message;
  EXPECT_EQ(history->at(0).commits.size(), 1U);
}

TEST_F(GitOverHttpTest, ListsWhatThePatternsMatch) {
  const std::string tip = Commit();
  repository_.Git({"branch", "release/1"});
  repository_.Git({"branch", "release/1x/2"});
  repository_.Git({"branch", "feature"});
  repository_.Git({"tag", "-a", "-m", "x", "v1"});
  EXPECT_THAT(List({"refs/heads/release/*", "refs/tags/*"}).refs,
              ElementsAre(RemoteRef{"refs/heads/release/1", tip}, RemoteRef{"refs/tags/v1", tip}));
}

TEST_F(GitOverHttpTest, ListsNothingOfAnEmptyRepository) {
  EXPECT_THAT(List().refs, IsEmpty());
  EXPECT_THAT(List({"refs/heads/*"}).refs, IsEmpty());
}

TEST_F(GitOverHttpTest, TakesOneRequestForAServerThatItKnows) {
  Commit();
  List();
  const auto first = server_.Requests();
  EXPECT_THAT(first, ElementsAre("GET /app/.git/info/refs?service=git-upload-pack version=2",
                                 "POST /app/.git/git-upload-pack version=2"));
  List();
  List();
  EXPECT_EQ(server_.Requests().size(), first.size() + 2);
  EXPECT_EQ(server_.Requests().back(), "POST /app/.git/git-upload-pack version=2");
}

TEST_F(GitOverHttpTest, SeesAPushAndReadsItsCommits) {
  const std::string a = Commit();
  EXPECT_THAT(NewCommits("", List().refs[0].commit), ElementsAre(a));
  const std::string b = Commit("Second");
  const std::string c = Commit("Third");
  const auto refs = List();
  ASSERT_EQ(refs.refs[0].commit, c);
  const auto answers = Ask({{kMain, a, c, api::History::kFirstParent, 50}});
  ASSERT_TRUE(answers) << answers.error().message;
  ASSERT_EQ(answers->at(0).commits.size(), 2U);
  EXPECT_EQ(answers->at(0).relation, Relation::kAdvanced);
  EXPECT_EQ(answers->at(0).commits[0].id, b);
  EXPECT_EQ(answers->at(0).commits[0].subject, "Second");
  EXPECT_EQ(answers->at(0).commits[1].id, c);
  EXPECT_EQ(answers->at(0).commits[1].author, "Test");
}

TEST_F(GitOverHttpTest, FetchesCommitsWithoutTreesAndFiles) {
  const std::string tip = Commit();
  NewCommits("", tip);
  const std::string mirror = observer_.MirrorPath().string();
  EXPECT_TRUE(observer_.reader().Contains(mirror, tip));
  EXPECT_FALSE(observer_.reader().Contains(mirror, repository_.Git({"rev-parse", "HEAD^{tree}"})));
  EXPECT_FALSE(observer_.reader().Contains(mirror, repository_.Git({"rev-parse", "HEAD:file"})));
}

TEST_F(GitOverHttpTest, KeepsTheFormatThatLibgit2ReadsWithoutLeaking) {
  const std::string a = Commit();
  NewCommits("", a);
  NewCommits(a, Commit());
  const std::string config = committest::testing::ReadTestFile(observer_.MirrorPath() / "config");
  EXPECT_THAT(config, HasSubstr("repositoryformatversion = 0"));
  EXPECT_THAT(config, HasSubstr("partialclonefilter = tree:0"));
}

TEST_F(GitOverHttpTest, FetchesEverythingFromAServerWithoutFilters) {
  repository_.Git({"config", "uploadpack.allowFilter", "false"});
  const std::string a = Commit();
  const std::string b = Commit();
  EXPECT_THAT(NewCommits(a, b), ElementsAre(b));
}

TEST_F(GitOverHttpTest, AsksForLessOfAFilterWhenTheServerRefusesIt) {
  repository_.Git({"config", "uploadpackfilter.tree.allow", "false"});
  const std::string a = Commit();
  const std::string b = Commit();
  EXPECT_THAT(NewCommits(a, b), ElementsAre(b));
  const std::string mirror = observer_.MirrorPath().string();
  EXPECT_TRUE(observer_.reader().Contains(mirror, repository_.Git({"rev-parse", "HEAD^{tree}"})));
  EXPECT_FALSE(observer_.reader().Contains(mirror, repository_.Git({"rev-parse", "HEAD:file"})));
}

TEST_F(GitOverHttpTest, DoesNotFetchWhatItHas) {
  const std::string a = Commit();
  const std::string b = Commit();
  NewCommits(a, b);
  const auto requests = server_.Requests().size();
  EXPECT_THAT(NewCommits(a, b), ElementsAre(b));
  EXPECT_EQ(server_.Requests().size(), requests);
}

TEST_F(GitOverHttpTest, ReadsAForcePush) {
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

TEST_F(GitOverHttpTest, ReadsAForcePushWithANewMirrorToo) {
  const std::string fork = Commit();
  const std::string old_tip = Commit();
  repository_.Git({"branch", "keep"});
  repository_.Git({"reset", "-q", "--hard", fork});
  const std::string tip = Commit("Other");
  const auto answers = Ask({{kMain, old_tip, tip, api::History::kFirstParent, 50}});
  ASSERT_TRUE(answers);
  EXPECT_EQ(answers->at(0).relation, Relation::kRewritten);
}

TEST_F(GitOverHttpTest, GivesTheTipWhenTheServerHasForgottenTheCursor) {
  const std::string tip = Commit();
  const auto answers = Ask({{kMain, std::string(40, 'd'), tip, api::History::kFirstParent, 50}});
  ASSERT_TRUE(answers) << answers.error().message;
  EXPECT_EQ(answers->at(0).relation, Relation::kCursorMissing);
  EXPECT_EQ(answers->at(0).commits.at(0).id, tip);
}

TEST_F(GitOverHttpTest, AnswersTheRefsThatItCan) {
  const std::string tip = Commit();
  const auto answers =
      Ask({{"refs/heads/gone", "", std::string(40, 'd'), api::History::kFirstParent, 1},
           {kMain, "", tip, api::History::kFirstParent, 1}});
  ASSERT_TRUE(answers) << answers.error().message;
  ASSERT_EQ(answers->size(), 1U);
  EXPECT_EQ(answers->at(0).ref, kMain);
}

TEST_F(GitOverHttpTest, SaysWhenTheServerGivesOutNothing) {
  Commit();
  const auto answers =
      Ask({{"refs/heads/gone", "", std::string(40, 'd'), api::History::kFirstParent, 1}});
  ASSERT_FALSE(answers);
  EXPECT_EQ(answers.error().code, ErrorCode::kNotFound);
}

TEST_F(GitOverHttpTest, MakesABrokenMirrorAnew) {
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

TEST_F(GitOverHttpTest, MakesALostMirrorAnew) {
  const std::string a = Commit();
  NewCommits("", a);
  fs::remove_all(observer_.MirrorPath());
  const std::string b = Commit();
  EXPECT_THAT(NewCommits(a, b), ElementsAre(b));
}

TEST_F(GitOverHttpTest, IsNotStoppedByWhatAKilledProcessLeftBehind) {
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

TEST_F(GitOverHttpTest, DoesNotMixTheMirrorsOfTwoUrls) {
  const std::string a = Commit();
  NewCommits("", a);
  const GitRepository other = server_.CreateRepository("other");
  const std::string tip = GitRepository(other).Commit({{"x", "1"}});
  const auto answers =
      observer_.History(server_.Url("other"), {{kMain, a, tip, api::History::kFirstParent, 9}});
  ASSERT_TRUE(answers) << answers.error().message;
  EXPECT_FALSE(observer_.reader().Contains(observer_.MirrorPath().string(), a));
}

TEST_F(GitOverHttpTest, ForgetsAMirror) {
  NewCommits("", Commit());
  ASSERT_TRUE(fs::exists(observer_.MirrorPath()));
  observer_.Forget();
  EXPECT_FALSE(fs::exists(observer_.MirrorPath()));
}

TEST_F(GitOverHttpTest, RunsNoHookAndReadsNoConfigurationOfTheMachine) {
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

TEST_F(GitOverHttpTest, SaysWhyAServerDoesNotAnswer) {
  struct Case {
    const char* status;
    ErrorCode code;
    const char* text;
  };
  for (const Case& c : {Case{"401", ErrorCode::kUnauthenticated, "credentials"},
                        Case{"403", ErrorCode::kPermissionDenied, "refuses access"},
                        Case{"404", ErrorCode::kNotFound, "no such repository"},
                        Case{"429", ErrorCode::kResourceExhausted, "too often"},
                        Case{"503", ErrorCode::kUnavailable, "HTTP 503"}}) {
    server_.Stop();
    server_.Start({"--status", c.status});
    const auto refs = observer_.ListRefs(Url(), {});
    ASSERT_FALSE(refs) << c.status;
    EXPECT_EQ(refs.error().code, c.code) << c.status;
    EXPECT_THAT(refs.error().message, HasSubstr(c.text));
  }
  server_.Stop();
  EXPECT_EQ(observer_.ListRefs(Url(), {}).error().code, ErrorCode::kUnavailable);
}

TEST_F(GitOverHttpTest, AsksAgainWhatAServerCanDoAfterAnError) {
  const std::string tip = Commit();
  List();
  server_.Stop();
  EXPECT_FALSE(observer_.ListRefs(Url(), {}));
  server_.Start({"--deny-sha"});  // The same address, now without protocol v2.
  EXPECT_THAT(List().refs, ElementsAre(RemoteRef{kMain, tip}));
}

TEST_F(GitOverHttpTest, RefusesUrlsThatThePolicyForbids) {
  for (const char* url : {"file:///tmp", "ext::sh -c id", "git@h:x", "-x", "https://u:p@h/x"}) {
    EXPECT_EQ(observer_.ListRefs(url, {}).error().code, ErrorCode::kInvalidArgument) << url;
    EXPECT_EQ(observer_.History(url, {}).error().code, ErrorCode::kInvalidArgument);
  }
}

class OldServerTest : public GitOverHttpTest {
 protected:
  OldServerTest() : GitOverHttpTest({"--deny-sha"}) {}
};

TEST_F(OldServerTest, ListsByTheOldProtocol) {
  const std::string tip = Commit();
  repository_.Git({"branch", "other"});
  repository_.Git({"tag", "-a", "-m", "x", "v1"});
  EXPECT_THAT(List().refs, ElementsAre(RemoteRef{kMain, tip}));
  EXPECT_THAT(List({"refs/heads/o*", "refs/tags/*"}).refs,
              ElementsAre(RemoteRef{"refs/heads/other", tip}, RemoteRef{"refs/tags/v1", tip}));
}

TEST_F(OldServerTest, FetchesATipAndLaterCommits) {
  const std::string a = Commit();
  EXPECT_THAT(NewCommits("", a), ElementsAre(a));
  const std::string b = Commit();
  const std::string c = Commit();
  EXPECT_THAT(NewCommits(a, c), ElementsAre(b, c));
}

TEST_F(OldServerTest, FetchesByNameACommitThatIsNoLongerATip) {
  const std::string a = Commit();
  const std::string b = Commit();
  Commit();  // Pushed after the listing.
  EXPECT_THAT(NewCommits(a, b), ElementsAre(b));
}

// What a listing makes of servers that are not what they should be.
Error ListError(const ScriptedServer::Script& script, std::chrono::milliseconds deadline = 20s) {
  ScriptedServer server({script});
  Observer observer(deadline);
  const auto refs = observer.ListRefs(server.Url() + "/app", {});
  EXPECT_FALSE(refs);
  return refs ? Error{} : refs.error();
}

std::string Ok(const std::string& body) {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

TEST(HostileServer, ThatIsSilentCostsTheDeadline) {
  const auto start = std::chrono::steady_clock::now();
  const Error error = ListError(ScriptedServer::Silent(), 500ms);
  EXPECT_EQ(error.code, ErrorCode::kDeadlineExceeded);
  EXPECT_EQ(error.message, "the Git server did not answer in time");
  EXPECT_LT(std::chrono::steady_clock::now() - start, 15s);
}

TEST(HostileServer, ThatRedirectsIsNotFollowed) {
  const Error error = ListError(ScriptedServer::Answering(
      "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/x\r\nContent-Length: 0\r\n\r\n"));
  EXPECT_EQ(error.reason, "Redirected");
  EXPECT_THAT(error.message, HasSubstr("spec.url must be the final address"));
}

TEST(HostileServer, ThatSendsAWebPageIsNoGitServer) {
  const Error error = ListError(ScriptedServer::Answering(Ok("<html>hello</html>")));
  EXPECT_EQ(error.code, ErrorCode::kDataLoss);
  EXPECT_THAT(error.message, HasSubstr("does not answer as a Git server"));
  EXPECT_EQ(ListError(ScriptedServer::Answering(Ok(""))).code, ErrorCode::kDataLoss);
}

TEST(HostileServer, ThatSendsTooMuchIsCutOff) {
  const Error error = ListError(ScriptedServer::Answering(Ok(std::string(1'000'000, '0'))));
  EXPECT_EQ(error.code, ErrorCode::kResourceExhausted);
}

TEST(HostileServer, ThatExplainsItselfIsQuotedInOneLine) {
  const Error error = ListError(ScriptedServer::Answering(Ok(EncodePkt("ERR no\n\x1b[31mway"))));
  EXPECT_EQ(error.message, "the Git server says: no way");
}

TEST(HostileServer, ThatHangsInAFetchIsLeftAtTheDeadline) {
  ScriptedServer server({ScriptedServer::Silent()});
  Observer observer(20s, 700ms);
  const auto start = std::chrono::steady_clock::now();
  const auto answers =
      observer.History(server.Url() + "/app", {{kMain, "", std::string(40, 'a'), {}, 1}});
  ASSERT_FALSE(answers);
  EXPECT_EQ(answers.error().code, ErrorCode::kDeadlineExceeded);
  EXPECT_LT(std::chrono::steady_clock::now() - start, 20s);
}

TEST(HostileServer, DoesNotHoldUpTheEndOfTheProcess) {
  ScriptedServer server({ScriptedServer::Silent()});
  Observer observer;
  const std::string url = server.Url() + "/app";
  Result<RemoteRefs> refs;
  Result<std::vector<HistoryAnswer>> answers;
  const auto start = std::chrono::steady_clock::now();
  {
    const std::jthread lister([&] { refs = observer.ListRefs(url, {}); });
    const std::jthread fetcher(
        [&] { answers = observer.History(url, {{kMain, "", std::string(40, 'a'), {}, 1}}); });
    observer.Stop();
  }
  EXPECT_LT(std::chrono::steady_clock::now() - start, 15s);
  EXPECT_EQ(refs.error().code, ErrorCode::kCancelled);
  EXPECT_EQ(answers.error().code, ErrorCode::kCancelled);
}

TEST(ClassifyFetchFailure, KnowsTheWordsOfGit) {
  EXPECT_EQ(ClassifyFetchFailure("fatal: remote error: upload-pack: not our ref 1234").code,
            ErrorCode::kNotFound);
  EXPECT_EQ(
      ClassifyFetchFailure("error: Server does not allow request for unadvertised object x").code,
      ErrorCode::kNotFound);
  EXPECT_EQ(ClassifyFetchFailure("fatal: couldn't find remote ref refs/heads/x").code,
            ErrorCode::kNotFound);
  EXPECT_EQ(ClassifyFetchFailure("fatal: could not read Username for 'https://h': terminal prompts "
                                 "disabled")
                .code,
            ErrorCode::kUnauthenticated);
  EXPECT_EQ(ClassifyFetchFailure("fatal: index-pack failed").code, ErrorCode::kDataLoss);
  EXPECT_EQ(
      ClassifyFetchFailure("fatal: unable to access 'https://h/': Could not resolve host").code,
      ErrorCode::kUnavailable);
  EXPECT_EQ(ClassifyFetchFailure("").code, ErrorCode::kUnavailable);
}

TEST(ClassifyFetchFailure, ShowsOneRedactedLine) {
  const Error error = ClassifyFetchFailure(
      "warning: x\nfatal: unable to access 'https://bob:hunter2@h/x/': refused\nmore\n");
  EXPECT_THAT(error.message, HasSubstr("unable to access"));
  EXPECT_THAT(error.message, Not(HasSubstr("hunter2")));
  EXPECT_THAT(error.message, Not(HasSubstr("\n")));
}

}  // namespace
}  // namespace committest::observer
