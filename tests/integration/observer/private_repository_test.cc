#include <algorithm>
#include <filesystem>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/api/reasons.h"
#include "common/base/strings.h"
#include "common/git/credentials.h"
#include "observer/pkt_line.h"
#include "tests/integration/observer/hosted_repository.h"
#include "tests/support/command.h"
#include "tests/support/scripted_server.h"
#include "tests/support/temporary_folder.h"

// Private repositories on a real Git server on loopback that wants credentials.

namespace committest::observer {
namespace {

namespace fs = std::filesystem;
using committest::testing::ReadTestFile;
using committest::testing::ScriptedServer;
using committest::testing::TemporaryFolder;
using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr const char* kPassword = "canary-password-4711";
constexpr const char* kToken = "canary-token-4711";

git::SecretData Basic(const std::string& password = kPassword) {
  return {"kubernetes.io/basic-auth", {{"username", "bot"}, {"password", password}}, "1"};
}
std::string BasicHeader(const std::string& password = kPassword) {
  return "Basic " + EncodeBase64("bot:" + password);
}

// Everything below `folder`, in one text.
std::string ContentOf(const fs::path& folder) {
  std::string text;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) text += ReadTestFile(entry.path());
  }
  return text;
}

// The command lines of all processes, over and over, until it goes.
class CommandLines {
 public:
  CommandLines() : watcher_([this](const std::stop_token& stop) { Watch(stop); }) {}

  std::set<std::string> Stop() {
    watcher_.request_stop();
    watcher_.join();
    return seen_;
  }

 private:
  void Watch(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      std::error_code error;
      for (auto it = fs::directory_iterator("/proc", error);
           !error && it != fs::directory_iterator(); it.increment(error)) {
        const std::string text = ReadTestFile(it->path() / "cmdline");
        if (!text.empty()) seen_.insert(text);
      }
    }
  }

  std::set<std::string> seen_;  // Of the watcher until it has ended.
  std::jthread watcher_;
};

class PrivateRepositoryTest : public HostedRepositoryTest {
 protected:
  explicit PrivateRepositoryTest(const ServerOptions& options) : HostedRepositoryTest(options) {
    observer_.secret_name = "deploy";
  }

  Result<std::vector<HistoryAnswer>> Fetch() {
    return Ask({{kMain, "", tip_, api::History::kFirstParent, 50}});
  }

  const std::string tip_ = Commit();
};

class CredentialsTest : public PrivateRepositoryTest {
 protected:
  CredentialsTest()
      : PrivateRepositoryTest([](const fs::path& folder) {
          return std::vector<std::string>{"--authorization-file", folder / "accepted"};
        }) {
    Accept({BasicHeader()});
    observer_.secrets().secrets["deploy"] = Basic();
  }

  void Accept(const std::vector<std::string>& headers) const {
    std::string text;
    for (const std::string& header : headers) text += header + "\n";
    committest::testing::WriteTestFile(folder_.path() / "accepted", text);
  }
};

TEST_F(CredentialsTest, APasswordListsAndFetches) {
  const auto refs = List();
  ASSERT_TRUE(refs) << refs.error().message;
  EXPECT_THAT(refs->refs, ElementsAre(RemoteRef{kMain, tip_}));
  const auto answers = Fetch();
  ASSERT_TRUE(answers) << answers.error().message;
  EXPECT_EQ(answers->at(0).commits.at(0).id, tip_);
}

TEST_F(CredentialsTest, ATokenListsAndFetches) {
  Accept({std::string("Bearer ") + kToken});
  observer_.secrets().secrets["deploy"] = {"Opaque", {{"token", kToken}}, "1"};
  EXPECT_TRUE(List());
  const auto answers = Fetch();
  ASSERT_TRUE(answers) << answers.error().message;
}

TEST_F(CredentialsTest, NoneAreRefused) {
  observer_.secret_name.clear();
  const auto refs = List();
  ASSERT_FALSE(refs);
  EXPECT_EQ(refs.error().code, ErrorCode::kUnauthenticated);
  EXPECT_THAT(refs.error().message, HasSubstr("wants credentials"));
  EXPECT_EQ(Fetch().error().code, ErrorCode::kUnauthenticated);
}

TEST_F(CredentialsTest, WrongOnesNameTheSecretAndAreReadOnceMore) {
  observer_.secrets().secrets["deploy"] = Basic("canary-wrong-4711");
  for (const Error& error : {List().error(), Fetch().error()}) {
    EXPECT_EQ(error.code, ErrorCode::kUnauthenticated);
    EXPECT_THAT(error.message,
                AllOf(HasSubstr("credentials in Secret deploy"), Not(HasSubstr("canary"))));
  }
  EXPECT_EQ(observer_.secrets().fresh_reads, 2);
  // Nothing is asked twice with what was refused.
  EXPECT_EQ(server_.Requests().size(), 2U);
}

TEST_F(CredentialsTest, AChangedSecretCountsAtOnceWhenTheOldOneIsRefused) {
  ASSERT_TRUE(List());
  observer_.secrets().remembered["deploy"] = Basic();
  observer_.secrets().secrets["deploy"] = Basic("canary-next-4711");
  Accept({BasicHeader("canary-next-4711")});
  const auto refs = List();
  EXPECT_TRUE(refs) << refs.error().message;
  EXPECT_EQ(observer_.secrets().fresh_reads, 1);
  observer_.secrets().remembered["deploy"] = Basic();
  const auto answers = Fetch();
  EXPECT_TRUE(answers) << answers.error().message;
}

TEST_F(CredentialsTest, AServerThatRepeatsThemIsNotRepeated) {
  // The test server's answer holds the header; git prints such texts after "remote:".
  observer_.secrets().secrets["deploy"] = Basic("canary-wrong-4711");
  EXPECT_THAT(Fetch().error().message, Not(HasSubstr(EncodeBase64("bot:canary-wrong-4711"))));
  const std::string line = "ERR given " + BasicHeader("canary-wrong-4711");
  ScriptedServer server({ScriptedServer::Answering("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" +
                                                   EncodePkt(line))});
  const auto refs = observer_.ListRefs(server.Url() + "/app", {});
  ASSERT_FALSE(refs);
  EXPECT_THAT(refs.error().message, AllOf(HasSubstr("the Git server says: given Basic ***"),
                                          Not(HasSubstr(EncodeBase64("bot:canary-wrong-4711")))));
}

TEST_F(CredentialsTest, ASecretThatIsNotThereOrWrongIsSaidWithoutAskingTheServer) {
  observer_.secrets().secrets.clear();
  const Error missing = List().error();
  EXPECT_EQ(missing.reason, api::reason::kCredentialsUnavailable);
  EXPECT_THAT(missing.message, HasSubstr("Secret ci/deploy does not exist"));
  observer_.secrets().secrets["deploy"] = {"Opaque", {{"password", kPassword}}, "1"};
  const Error wrong = List().error();
  EXPECT_EQ(wrong.reason, api::reason::kCredentialsInvalid);
  EXPECT_THAT(wrong.message, AllOf(HasSubstr("Secret deploy"), Not(HasSubstr(kPassword))));
  EXPECT_THAT(server_.Requests(), IsEmpty());
}

TEST_F(CredentialsTest, NeitherCommandLinesNorMirrorsHoldThem) {
  CommandLines watcher;
  ASSERT_TRUE(Fetch());
  const auto lines = watcher.Stop();
  EXPECT_THAT(lines, ::testing::Contains(HasSubstr("remote-http"))) << "git was not seen";
  EXPECT_THAT(lines, Each(AllOf(Not(HasSubstr(kPassword)),
                                Not(HasSubstr(EncodeBase64(std::string("bot:") + kPassword))))));
  const std::string mirror = ContentOf(observer_.MirrorPath());
  EXPECT_THAT(mirror, HasSubstr(server_.Url("app")));
  EXPECT_THAT(mirror, Not(HasSubstr(kPassword)));
  EXPECT_THAT(mirror, Not(HasSubstr(EncodeBase64(std::string("bot:") + kPassword))));
}

TEST_F(CredentialsTest, NoOtherHostIsGivenThem) {
  ScriptedServer other({ScriptedServer::Answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")});
  const std::string redirect =
      "HTTP/1.1 302 Found\r\nLocation: " + other.Url() +
      "/app/info/refs?service=git-upload-pack\r\nContent-Length: 0\r\n\r\n";
  ScriptedServer server({ScriptedServer::Answering(redirect)});
  EXPECT_FALSE(observer_.ListRefs(server.Url() + "/app", {}));
  EXPECT_FALSE(
      observer_.History(server.Url() + "/app", {{kMain, "", tip_, api::History::kFirstParent, 1}}));
  EXPECT_EQ(other.Connections(), 0);
  ASSERT_GE(server.Requests().size(), 2U);
  EXPECT_THAT(server.Requests(), Each(HasSubstr(BasicHeader())));
}

// A certificate for 127.0.0.1 that vouches for itself, with its key.
std::string MakeCertificate(const fs::path& folder) {
  const std::string file = (folder / "server.pem").string();
  const auto end = committest::testing::RunCommand(
      {"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
       "-nodes", "-days", "1", "-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1",
       "-keyout", file, "-out", (folder / "ca.pem").string()},
      {.environment = {{"PATH", "/usr/bin:/bin"}}, .directory = {}});
  EXPECT_EQ(end.exit_code, 0) << end.output;
  const std::string certificate = ReadTestFile(folder / "ca.pem");
  committest::testing::WriteTestFile(file, ReadTestFile(file) + certificate);
  return certificate;
}

class PrivateAuthorityTest : public PrivateRepositoryTest {
 protected:
  PrivateAuthorityTest()
      : PrivateRepositoryTest([](const fs::path& folder) {
          MakeCertificate(folder);
          return std::vector<std::string>{"--tls", folder / "server.pem"};
        }) {}

  void Trust(const std::string& pem) {
    observer_.secrets().secrets["deploy"] = Basic();
    if (!pem.empty()) observer_.secrets().secrets["deploy"].values["ca.crt"] = pem;
  }

  const std::string certificate_ = ReadTestFile(folder_.path() / "ca.pem");
};

TEST_F(PrivateAuthorityTest, VouchesForItsRepositorysHost) {
  Trust(certificate_);
  const auto refs = List();
  ASSERT_TRUE(refs) << refs.error().message;
  EXPECT_THAT(refs->refs, ElementsAre(RemoteRef{kMain, tip_}));
  const auto answers = Fetch();
  ASSERT_TRUE(answers) << answers.error().message;
}

TEST_F(PrivateAuthorityTest, NothingIsSentToAHostThatNobodyVouchesFor) {
  const TemporaryFolder other;
  for (const std::string& pem : {std::string(), MakeCertificate(other.path())}) {
    Trust(pem);
    EXPECT_EQ(List().error().code, ErrorCode::kUnavailable);
    EXPECT_EQ(Fetch().error().code, ErrorCode::kUnavailable);
  }
  EXPECT_THAT(server_.Requests(), IsEmpty());
}

TEST_F(PrivateAuthorityTest, OneThatWasReplacedCountsWithoutARestart) {
  const TemporaryFolder other;
  Trust(MakeCertificate(other.path()));
  EXPECT_FALSE(List());
  Trust(certificate_);
  const auto refs = List();
  EXPECT_TRUE(refs) << refs.error().message;
}

// An App's key as `folder`/key.pem and `folder`/public.pem; the private one.
std::string MakeAppKey(const fs::path& folder) {
  const std::string key = (folder / "key.pem").string();
  const std::string out = (folder / "public.pem").string();
  for (const std::vector<std::string>& command :
       {std::vector<std::string>{"openssl", "genrsa", "-out", key, "2048"},
        std::vector<std::string>{"openssl", "rsa", "-in", key, "-pubout", "-out", out}}) {
    const auto end = committest::testing::RunCommand(
        command, {.environment = {{"PATH", "/usr/bin:/bin"}}, .directory = {}});
    EXPECT_EQ(end.exit_code, 0) << end.output;
  }
  return ReadTestFile(key);
}

// GitHub Enterprise Server, as far as it matters here: its API checks the App's signature and claims
// (tests/support/github_app.py), its repositories want the tokens.
class GithubAppTest : public PrivateRepositoryTest {
 protected:
  GithubAppTest()
      : PrivateRepositoryTest([](const fs::path& folder) {
          MakeCertificate(folder);
          MakeAppKey(folder);
          return std::vector<std::string>{"--tls", folder / "server.pem", "--github-app", folder};
        }) {
    observer_.secret_name = "app";
    UseApp("12", "345", key_);
  }

  void UseApp(const std::string& app, const std::string& installation, const std::string& key) {
    const std::string api = "https://127.0.0.1:" + std::to_string(server_.port()) + "/api/v3";
    observer_.secrets().secrets["app"] = {"Opaque",
                                          {{"appID", app},
                                           {"installationID", installation},
                                           {"privateKey", key},
                                           {"apiURL", api},
                                           {"ca.crt", certificate_}},
                                          "1"};
  }
  std::size_t TokensAskedFor() const {
    const auto requests = server_.Requests();
    return static_cast<std::size_t>(std::ranges::count_if(requests, [](const std::string& line) {
      return line.find("/access_tokens") != std::string::npos;
    }));
  }

  const std::string certificate_ = ReadTestFile(folder_.path() / "ca.pem");
  const std::string key_ = ReadTestFile(folder_.path() / "key.pem");
};

TEST_F(GithubAppTest, OneTokenListsAndFetches) {
  for (int look = 0; look < 2; ++look) {
    const auto refs = List();
    ASSERT_TRUE(refs) << refs.error().message;
    EXPECT_THAT(refs->refs, ElementsAre(RemoteRef{kMain, tip_}));
  }
  const auto answers = Fetch();
  ASSERT_TRUE(answers) << answers.error().message;
  EXPECT_EQ(TokensAskedFor(), 1U);
}

TEST_F(GithubAppTest, ATokenThatEndsSoonIsReplaced) {
  committest::testing::WriteTestFile(folder_.path() / "lifetime", "290");
  EXPECT_TRUE(List());
  EXPECT_TRUE(List());
  EXPECT_EQ(TokensAskedFor(), 2U);
}

TEST_F(GithubAppTest, ATokenThatWasRevokedIsNotReplacedEachTime) {
  ASSERT_TRUE(List());
  committest::testing::WriteTestFile(folder_.path() / "revoked", "ghs_canary0");
  const Error error = List().error();
  EXPECT_EQ(error.code, ErrorCode::kUnauthenticated);
  EXPECT_THAT(error.message, AllOf(HasSubstr("Secret app"), Not(HasSubstr("canary"))));
  EXPECT_EQ(TokensAskedFor(), 1U);
}

TEST_F(GithubAppTest, WhatIsWrongWithItIsSaidWithoutSecrets) {
  const TemporaryFolder other;
  UseApp("12", "345", MakeAppKey(other.path()));
  const Error wrong_key = List().error();
  EXPECT_EQ(wrong_key.code, ErrorCode::kUnauthenticated);
  // The answer holds the JWT; its first part is the same for all.
  EXPECT_THAT(wrong_key.message, AllOf(HasSubstr("in Secret app"), Not(HasSubstr("eyJ"))));
  UseApp("13", "345", key_);
  EXPECT_EQ(List().error().code, ErrorCode::kUnauthenticated);
  UseApp("12", "346", key_);
  const Error no_installation = List().error();
  EXPECT_EQ(no_installation.reason, api::reason::kCredentialsInvalid);
  EXPECT_THAT(no_installation.message, HasSubstr("installationID"));
  server_.Stop();
  UseApp("12", "345", key_);
  EXPECT_EQ(List().error().code, ErrorCode::kUnavailable);
}

}  // namespace
}  // namespace committest::observer
