#include <chrono>
#include <csignal>
#include <filesystem>
#include <memory>
#include <pwd.h>
#include <string>
#include <unistd.h>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/api/reasons.h"
#include "common/git/ssh.h"
#include "tests/integration/observer/observer_side.h"
#include "tests/support/command.h"
#include "tests/support/git_server.h"
#include "tests/support/raw_socket.h"
#include "tests/support/scripted_server.h"
#include "tests/support/temporary_folder.h"

// Repositories behind a real sshd on loopback, which runs as the user of the tests.

namespace committest::observer {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using committest::testing::Command;
using committest::testing::GitRepository;
using committest::testing::RawSocket;
using committest::testing::ReadTestFile;
using committest::testing::RunCommand;
using committest::testing::ScriptedServer;
using committest::testing::TemporaryFolder;
using committest::testing::WriteTestFile;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kMain = "refs/heads/main";

std::string UserName() {
  const passwd* entry = getpwuid(getuid());
  return entry == nullptr ? "nobody" : entry->pw_name;
}

// An ed25519 key pair in `file` and `file`.pub.
void MakeKey(const fs::path& file) {
  const auto end =
      RunCommand({"ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", file.string()},
                 {.environment = {{"PATH", "/usr/bin:/bin"}}, .directory = {}});
  ASSERT_EQ(end.exit_code, 0) << end.output;
}

// sshd on a free port of loopback that takes one user key.
class SshServer {
 public:
  explicit SshServer(bool accepts_protocol_v2 = true) {
    MakeKey(folder_.path() / "host");
    MakeKey(folder_.path() / "user");
    // It does not start as root without this folder, which a service of the system makes.
    if (getuid() == 0) fs::create_directories("/run/sshd");
    port_ = committest::testing::UnusedPort();
    const std::string folder = folder_.path().string();
    WriteTestFile(folder_.path() / "config",
                  "ListenAddress 127.0.0.1:" + std::to_string(port_) + "\nHostKey " + folder +
                      "/host\nAuthorizedKeysFile " + folder +
                      "/user.pub\nPidFile none\nStrictModes no\nUsePAM no\n"
                      "PasswordAuthentication no\nPermitRootLogin prohibit-password\n" +
                      (accepts_protocol_v2 ? "AcceptEnv GIT_PROTOCOL\n" : ""));
    process_ = std::make_unique<Command>(
        std::vector<std::string>{"/usr/sbin/sshd", "-D", "-e", "-f", folder + "/config"},
        Command::Options{
            .environment = {{"PATH", "/usr/bin:/bin"}}, .directory = {}, .timeout = 2min});
    EXPECT_TRUE(process_->WaitForOutput("Server listening"));
  }

  // The destructor of a command kills it; sshd must be asked, to take its children along.
  ~SshServer() {
    process_->Signal(SIGTERM);
    process_->Wait();
  }
  SshServer(const SshServer&) = delete;
  SshServer& operator=(const SshServer&) = delete;

  std::string Url(const fs::path& repository) const {
    return "ssh://" + UserName() + "@127.0.0.1:" + std::to_string(port_) + repository.string();
  }
  std::string UserKey() const { return ReadTestFile(folder_.path() / "user"); }
  std::string KnownHosts() const {
    return "[127.0.0.1]:" + std::to_string(port_) + " " + ReadTestFile(folder_.path() / "host.pub");
  }

 private:
  const TemporaryFolder folder_;
  std::uint16_t port_ = 0;
  std::unique_ptr<Command> process_;
};

class SshTest : public ::testing::Test {
 protected:
  explicit SshTest(bool accepts_protocol_v2 = true) : server_(accepts_protocol_v2) {
    repository_.Git({"config", "uploadpack.allowFilter", "true"});
    observer_.secret_name = "deploy";
    UseKey(server_.UserKey(), server_.KnownHosts());
    tip_ = repository_.Commit({{"file", "1"}});
  }

  void UseKey(const std::string& key, const std::string& known_hosts) {
    observer_.secrets().secrets["deploy"] = {
        "kubernetes.io/ssh-auth", {{"ssh-privatekey", key}, {"known_hosts", known_hosts}}, "1"};
  }

  Result<RemoteRefs> List(const std::vector<std::string>& patterns = {}) {
    return observer_.ListRefs(Url(), ParseRefPatterns(patterns).value());
  }
  Result<std::vector<HistoryAnswer>> Ask() {
    return observer_.History(Url(), {{kMain, "", tip_, api::History::kFirstParent, 50}});
  }
  std::string Url() const { return server_.Url(repository_.path() / ".git"); }

  const TemporaryFolder folder_;
  GitRepository repository_{folder_.path() / "app"};
  SshServer server_;
  ObserverSide observer_;
  std::string tip_;
};

TEST_F(SshTest, AKeyListsAndFetches) {
  repository_.Git({"branch", "other"});
  for (int look = 0; look < 2; ++look) {
    const auto refs = List();
    ASSERT_TRUE(refs) << refs.error().message;
    EXPECT_EQ(refs->head_ref, kMain);
    EXPECT_THAT(refs->refs, ElementsAre(RemoteRef{kMain, tip_}));
  }
  const auto some = List({"refs/heads/o*"});
  ASSERT_TRUE(some) << some.error().message;
  EXPECT_THAT(some->refs, ElementsAre(RemoteRef{"refs/heads/other", tip_}));
  const auto answers = Ask();
  ASSERT_TRUE(answers) << answers.error().message;
  EXPECT_EQ(answers->at(0).commits.at(0).id, tip_);
}

TEST_F(SshTest, ARepositoryWithSha256IsListed) {
  GitRepository repository(folder_.path() / "other", "sha256");
  const std::string tip = repository.Commit({{"file", "1"}});
  for (int look = 0; look < 2; ++look) {
    const auto refs = observer_.ListRefs(server_.Url(repository.path() / ".git"), {});
    ASSERT_TRUE(refs) << refs.error().message;
    EXPECT_THAT(refs->refs, ElementsAre(RemoteRef{kMain, tip}));
  }
}

TEST_F(SshTest, AnotherHostKeyIsNotTalkedTo) {
  const TemporaryFolder other;
  MakeKey(other.path() / "host");
  std::string known = server_.KnownHosts();
  known = known.substr(0, known.find(' ') + 1) + ReadTestFile(other.path() / "host.pub");
  for (const std::string& hosts :
       {known, "git.example " + ReadTestFile(other.path() / "host.pub")}) {
    UseKey(server_.UserKey(), hosts);
    for (const Error& error : {List().error(), Ask().error()}) {
      EXPECT_EQ(error.reason, api::reason::kHostKeyRefused);
      EXPECT_THAT(error.message, AllOf(HasSubstr("known_hosts"), HasSubstr("Secret deploy")));
    }
  }
}

TEST_F(SshTest, AKeyThatIsRefusedNamesTheSecret) {
  const TemporaryFolder other;
  MakeKey(other.path() / "user");
  UseKey(ReadTestFile(other.path() / "user"), server_.KnownHosts());
  for (const Error& error : {List().error(), Ask().error()}) {
    EXPECT_EQ(error.code, ErrorCode::kUnauthenticated);
    EXPECT_THAT(error.message, HasSubstr("Secret deploy"));
  }
}

TEST_F(SshTest, ABrokenKeyIsTheSecretsFault) {
  UseKey(
      "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQ==\n"
      "-----END OPENSSH PRIVATE KEY-----\n",
      server_.KnownHosts());
  for (const Error& error : {List().error(), Ask().error()}) {
    EXPECT_EQ(error.reason, api::reason::kCredentialsInvalid) << error.message;
    EXPECT_THAT(error.message, HasSubstr("Secret deploy key ssh-privatekey"));
  }
}

TEST_F(SshTest, ARepositoryThatIsNotThereIsSaid) {
  const std::string url = server_.Url(folder_.path() / "nowhere");
  EXPECT_EQ(observer_.ListRefs(url, {}).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(observer_.History(url, {{kMain, "", tip_, api::History::kFirstParent, 1}}).error().code,
            ErrorCode::kNotFound);
}

TEST_F(SshTest, ASilentServerIsGivenUp) {
  ScriptedServer silent({ScriptedServer::Silent()});
  ObserverSide observer(1s, 1s);
  observer.secret_name = "deploy";
  observer.secrets().secrets = observer_.secrets().secrets;
  const std::string url =
      "ssh://git@127.0.0.1:" + std::to_string(silent.Port()) + repository_.path().string();
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(observer.ListRefs(url, {}).error().code, ErrorCode::kDeadlineExceeded);
  EXPECT_EQ(observer.History(url, {{kMain, "", tip_, api::History::kFirstParent, 1}}).error().code,
            ErrorCode::kDeadlineExceeded);
  EXPECT_LT(std::chrono::steady_clock::now() - start, 30s);
}

TEST_F(SshTest, NoFileHoldsTheKey) {
  ASSERT_TRUE(List() && Ask());
  const std::string line = server_.UserKey().substr(36, 60);
  int files = 0;
  for (const auto& entry : fs::recursive_directory_iterator(observer_.MirrorPath())) {
    if (!entry.is_regular_file()) continue;
    ++files;
    EXPECT_THAT(ReadTestFile(entry.path()), Not(HasSubstr(line))) << entry.path();
  }
  EXPECT_GT(files, 3);
}

TEST_F(SshTest, ItNeedsACredential) {
  observer_.secret_name.clear();
  const Error error = List().error();
  EXPECT_EQ(error.reason, api::reason::kCredentialsInvalid);
  EXPECT_THAT(error.message, HasSubstr("credentialsSecretName"));
}

class OldSshTest : public SshTest {
 protected:
  OldSshTest() : SshTest(false) {}
};

TEST_F(OldSshTest, AServerWithoutProtocolV2IsListedToo) {
  repository_.Git({"tag", "-a", "-m", "x", "v1"});
  for (int look = 0; look < 2; ++look) {
    const auto refs = List({"refs/heads/*", "refs/tags/*"});
    ASSERT_TRUE(refs) << refs.error().message;
    EXPECT_THAT(refs->refs, ElementsAre(RemoteRef{kMain, tip_}, RemoteRef{"refs/tags/v1", tip_}));
  }
}

}  // namespace
}  // namespace committest::observer
