#include "common/api/reproduce.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/common/api/samples.h"

namespace committest::api {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

using test::FullCommitTestSpec;

const ContainerDefaults kDefaults{"registry.example/runner:1", "512Mi"};

CommitTestSpec PlainSpec() {
  CommitTestSpec spec;
  spec.source = {"https://git.example/app.git", std::string(40, 'b'), "refs/heads/main", "", ""};
  return spec;
}

TEST(Reproduce, IsALineForDockerOrPodman) {
  EXPECT_EQ(ReproduceCommand(PlainSpec(), kDefaults),
            "\"$(command -v docker || command -v podman)\" run --rm --read-only --user=10001:10001 "
            "--cap-drop=ALL --security-opt=no-new-privileges --volume=/workspace --volume=/tmp "
            "--memory=536870912 --env 'COMMITTEST_RUN={\"commit\":\"" +
                std::string(40, 'b') +
                "\",\"ref\":\"refs/heads/main\",\"tests\":{\"allowNoTests\":false,"
                "\"framework\":\"Auto\",\"path\":\"tests\",\"reportPaths\":[\"**/junit*.xml\"]},"
                "\"timeoutSeconds\":1800,\"url\":\"https://git.example/app.git\"}' "
                "registry.example/runner:1");
}

TEST(Reproduce, TakesImageMemoryAndVariablesOfTheSpec) {
  const std::string line = ReproduceCommand(FullCommitTestSpec(), kDefaults);
  EXPECT_THAT(line, HasSubstr("--env DEBUG=1 registry.example/runner@sha256:0 run;"));
  EXPECT_THAT(line, HasSubstr(" registry.example/runner:1 checkout)"));
  CommitTestSpec spec = PlainSpec();
  spec.execution.resources = {{"memory", "1Gi"}};
  EXPECT_THAT(ReproduceCommand(spec, kDefaults), HasSubstr("--memory=1073741824 "));
}

TEST(Reproduce, IsALineForTheRunnerAlone) {
  EXPECT_EQ(LocalCommand(PlainSpec()),
            "committest-runner local --framework=Auto --timeout=1800 --ref=refs/heads/main "
            "https://git.example/app.git " +
                std::string(40, 'b'));
  EXPECT_EQ(LocalCommand(FullCommitTestSpec()),
            "committest-runner local --framework=Command --timeout=60 --ref=refs/heads/main "
            "--path=checks '--report=out/*.xml' --allow-no-tests --env=DEBUG=1 "
            "https://git.example/app.git " +
                std::string(40, 'b') + " -- make check");
}

TEST(Reproduce, LeavesCredentialsOut) {
  CommitTestSpec spec = PlainSpec();
  spec.source.url = "https://user:hunter2@git.example/app.git";
  EXPECT_THAT(ReproduceCommand(spec, kDefaults), Not(HasSubstr("hunter2")));
  EXPECT_THAT(LocalCommand(spec), Not(HasSubstr("hunter2")));
}

TEST(Reproduce, IsNeverCut) {
  CommitTestSpec spec = PlainSpec();
  spec.tests.framework = Framework::kCommand;
  spec.tests.command = {std::string(4'000, 'x')};
  EXPECT_LE(ReproduceCommand(spec, kDefaults).size(), kMaxReproduceBytes);
  EXPECT_THAT(ReproduceCommand(spec, kDefaults), HasSubstr(spec.tests.command[0]));
  spec.tests.command.assign(3, std::string(4'000, 'x'));
  EXPECT_EQ(ReproduceCommand(spec, kDefaults), "");
}

TEST(Reproduce, GivesNoOptionAsAnImage) {
  CommitTestSpec spec = PlainSpec();
  spec.execution.image = "--privileged";
  EXPECT_EQ(ReproduceCommand(spec, kDefaults), "");
}

TEST(Reproduce, LeavesSecretsToWhoeverPastesIt) {
  CommitTestSpec spec = FullCommitTestSpec();
  spec.execution.env = {{"DB_PASSWORD", "canary"}, {"API_KEY", "canary"}, {"DEBUG", "1"}};
  for (const char* image : {"", "alpine"}) {
    spec.execution.image = image;
    const std::string line = ReproduceCommand(spec, {"runner:1", ""});
    EXPECT_THAT(line, HasSubstr("--env DB_PASSWORD --env API_KEY --env DEBUG=1"));
    EXPECT_THAT(line, Not(HasSubstr("canary")));
  }
  EXPECT_THAT(LocalCommand(spec), AllOf(HasSubstr("--env=DEBUG=1"), Not(HasSubstr("canary")),
                                        Not(HasSubstr("DB_PASSWORD"))));
}

}  // namespace
}  // namespace committest::api
