#include "common/git/ssh.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/temporary_folder.h"

namespace committest::git {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsSupersetOf;

GitUrl Url(const std::string& url) { return CheckUrl(url, {}).value(); }

TEST(Ssh, TrustsNothingButTheSecret) {
  const auto session = SshSession::Open({SecretText("KEY"), "HOSTS"});
  ASSERT_TRUE(session) << session.error().message;
  const auto options =
      session->Options(Url("ssh://git@git.example:2222/app"), "192.0.2.7", std::chrono::seconds(7));
  EXPECT_THAT(options, IsSupersetOf({"-F", "none", "BatchMode=yes", "IdentitiesOnly=yes",
                                     "IdentityAgent=none", "StrictHostKeyChecking=yes",
                                     "GlobalKnownHostsFile=/dev/null", "ProxyCommand=none",
                                     "PermitLocalCommand=no", "ConnectTimeout=7",
                                     "HostName=192.0.2.7", "HostKeyAlias=[git.example]:2222"}));
  EXPECT_THAT(options, Contains(HasSubstr("UserKnownHostsFile=/proc/")));
  // git's wrapper takes them line by line.
  for (const std::string& option : options) EXPECT_EQ(option.find('\n'), std::string::npos);
}

TEST(Ssh, RunsUploadPackThereAndNothingElse) {
  EXPECT_THAT(SshTarget(Url("ssh://git@git.example/team/app.git")),
              ElementsAre("--", "git@git.example", "git-upload-pack '/team/app.git'"));
  EXPECT_THAT(SshTarget(Url("ssh://git@git.example:2222/~bob/app")),
              ElementsAre("-p", "2222", "--", "git@git.example", "git-upload-pack '~bob/app'"));
  EXPECT_THAT(SshTarget(Url("ssh://git@git.example/$(id)&!x")),
              Contains("git-upload-pack '/$(id)&'\\!'x'"));
}

TEST(Ssh, KnowsWhoseFaultAFailureIs) {
  const auto code = [](const char* errors) {
    const auto error = SshFailure("deploy", errors);
    return error ? std::string(ErrorCodeName(error->code)) + "/" + error->reason : "none";
  };
  EXPECT_EQ(code("No ED25519 host key is known for h and you have requested strict checking.\n"
                 "Host key verification failed.\nfatal: Could not read from remote repository.\n"),
            "PermissionDenied/HostKeyRefused");
  EXPECT_EQ(code("git@h: Permission denied (publickey).\n"), "Unauthenticated/");
  EXPECT_EQ(code("Load key \"/proc/1/fd/9\": error in libcrypto\ngit@h: Permission denied "
                 "(publickey).\n"),
            "InvalidArgument/CredentialsInvalid");
  EXPECT_EQ(code("ssh: connect to host h port 22: Connection timed out\n"), "DeadlineExceeded/");
  EXPECT_EQ(code("ssh: connect to host h port 22: Connection refused\n"), "Unavailable/");
  EXPECT_EQ(code("ERROR: Repository not found.\n"), "NotFound/");
  EXPECT_EQ(code("fatal: '/x' does not appear to be a git repository\n"), "NotFound/");
  EXPECT_EQ(code("fatal: remote error: upload-pack: not our ref aaaa\n"), "none");
  EXPECT_THAT(SshFailure("s",
                         "ssh: Could not resolve hostname h: Name or service not known\n"
                         "fatal: Could not read from remote repository.\n")
                  ->message,
              HasSubstr("resolve hostname"));
}

}  // namespace
}  // namespace committest::git
