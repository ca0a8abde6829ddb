// The run in two containers: one checks out, with credentials; the next runs the tests without.
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/api/reasons.h"
#include "common/base/strings.h"
#include "tests/unit/runner-image/run_fixture.h"

namespace committest::runner {
namespace {

namespace fs = std::filesystem;

using api::RunnerExit;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kPassword = "canary-8c1f2e77";
constexpr const char* kTests =
    "import unittest\n"
    "class A(unittest.TestCase):\n"
    "    def test_one(self): pass\n";

class RunInTwo : public RunTest {
 protected:
  void SetUp() override {
    fs::create_directories(File("handover"));
    environment_["COMMITTEST_HANDOVER"] = File("handover").string();
    environment_["COMMITTEST_CREDENTIALS"] = File("secret").string();
  }

  RunEnd CheckOut(const api::RunRequest& request) {
    return Finish(*Start(request, {}, {COMMITTEST_RUNNER, "checkout"}));
  }
  // By the program that was handed over.
  RunEnd RunTests(const api::RunRequest& request) {
    return Finish(*Start(request, {}, {File("handover/committest-runner").string(), "run"}));
  }

  // As the kubelet mounts a Secret.
  void Mount(const std::map<std::string, std::string>& values) {
    environment_["COMMITTEST_CREDENTIALS_SECRET"] = "git-access";
    fs::create_directories(File("secret/..data"));
    for (const auto& [key, value] : values) {
      std::ofstream(File("secret/..data") / key) << value;
      fs::create_symlink("..data/" + key, File("secret") / key);
    }
  }

  // A server that wants the password, and a request for the only commit on it.
  api::RunRequest PrivateRequest() {
    std::ofstream(File("accepted"))
        << "Basic " << EncodeBase64(std::string("bot:") + kPassword) << "\n";
    private_server_ = std::make_unique<testing::GitServer>(
        std::vector<std::string>{"--authorization-file", File("accepted").string()});
    testing::GitRepository repository = private_server_->CreateRepository("r");
    return RequestOf(private_server_->Url("r"), repository.Commit({{"tests/test_a.py", kTests}}));
  }

  std::unique_ptr<testing::GitServer> private_server_;
};

// Everything below `folder`, as one text.
std::string AllBytesBelow(const fs::path& folder) {
  std::string all;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) all += testing::ReadTestFile(entry.path());
  }
  return all;
}

TEST_F(RunInTwo, GivesTheVerdictOfOne) {
  const api::RunRequest request = RequestFor({{"tests/test_a.py", kTests}});
  const RunEnd checkout = CheckOut(request);
  EXPECT_EQ(checkout.process.exit_code, 0) << checkout.output();
  EXPECT_EQ(checkout.summary.commit, request.commit);
  EXPECT_THAT(checkout.output(), Not(HasSubstr("Passed")));
  const RunEnd tests = RunTests(request);
  ExpectEnd(tests, RunnerExit::kPassed, api::reason::kTestsPassed);
  EXPECT_EQ(tests.summary.commit, request.commit);
  EXPECT_EQ(tests.summary.counts.passed, 1);
  EXPECT_EQ(tests.summary.stages.checkout_ms, checkout.summary.stages.checkout_ms);
}

TEST_F(RunInTwo, RunsNoTestsWithoutACheckout) {
  const api::RunRequest request = RequestFor({{"tests/test_a.py", kTests}});
  const RunEnd end = Finish(*Start(request, {}, {COMMITTEST_RUNNER, "run"}));
  ExpectEnd(end, RunnerExit::kInternal, api::reason::kInternalError);
  EXPECT_THAT(end.summary.message, HasSubstr("there is no checkout"));
}

TEST_F(RunInTwo, ReadsAPrivateRepositoryAndLeavesNoCredential) {
  const api::RunRequest request = PrivateRequest();
  Mount({{"username", "bot"}, {"password", kPassword}});
  const RunEnd checkout = CheckOut(request);
  ASSERT_EQ(checkout.process.exit_code, 0) << checkout.output() << checkout.termination_log;
  for (const std::string& seen :
       {AllBytesBelow(File("workspace")), AllBytesBelow(File("tmp")),
        AllBytesBelow(File("handover")), checkout.output(), checkout.termination_log}) {
    EXPECT_THAT(seen, Not(HasSubstr(kPassword)));
    EXPECT_THAT(seen, Not(HasSubstr(EncodeBase64(std::string("bot:") + kPassword))));
  }
  EXPECT_THAT(testing::ReadTestFile(File("workspace/checkout/.git/config")),
              Not(HasSubstr(request.url)));
  ExpectEnd(RunTests(request), RunnerExit::kPassed, api::reason::kTestsPassed);
}

TEST_F(RunInTwo, NamesTheSecretThatIsRefused) {
  const api::RunRequest request = PrivateRequest();
  Mount({{"username", "bot"}, {"password", "canary-wrong"}});
  const RunEnd end = CheckOut(request);
  ExpectEnd(end, RunnerExit::kConfiguration, api::reason::kConfigurationError);
  EXPECT_THAT(end.summary.message, AllOf(HasSubstr("refuses the credentials of Secret git-access"),
                                         Not(HasSubstr("canary"))));
}

TEST_F(RunInTwo, SaysThatTheSecretIsNotThere) {
  const api::RunRequest request = PrivateRequest();
  Mount({});
  const RunEnd end = CheckOut(request);
  ExpectEnd(end, RunnerExit::kConfiguration, api::reason::kConfigurationError);
  EXPECT_THAT(end.summary.message, HasSubstr("has no Secret git-access"));
}

TEST_F(RunInTwo, SendsCredentialsToTheirHostAlone) {
  const api::RunRequest request = PrivateRequest();
  Mount({{"username", "bot"}, {"password", kPassword}, {"host", "git.example"}});
  const RunEnd end = CheckOut(request);
  ExpectEnd(end, RunnerExit::kConfiguration, api::reason::kConfigurationError);
  EXPECT_THAT(end.summary.message, HasSubstr("is for the host git.example alone"));
  EXPECT_THAT(private_server_->Requests(), ::testing::IsEmpty());
}

TEST_F(RunInTwo, WantsAKeyForSsh) {
  const RunEnd end = CheckOut(RequestOf("ssh://git@git.example/app.git", std::string(40, 'a')));
  ExpectEnd(end, RunnerExit::kConfiguration, api::reason::kConfigurationError);
  EXPECT_THAT(end.summary.message, HasSubstr("a Secret of type kubernetes.io/ssh-auth"));
}

}  // namespace
}  // namespace committest::runner
