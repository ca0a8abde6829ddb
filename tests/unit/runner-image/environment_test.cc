#include "runner-image/environment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace committest::runner {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Key;
using ::testing::Not;
using ::testing::Pair;

TEST(Environment, IsReadAndWrittenUnchanged) {
  const char* entries[] = {"A=1", "B=x=y", "EMPTY=", "no equals sign", nullptr};
  const Environment environment = ParseEnvironment(entries);
  EXPECT_THAT(environment, ElementsAre(Pair("A", "1"), Pair("B", "x=y"), Pair("EMPTY", "")));
  EXPECT_THAT(FormatEnvironment(environment), ElementsAre("A=1", "B=x=y", "EMPTY="));
}

TEST(GitEnvironment, TakesNothingThatCouldSteerGit) {
  const Environment git = GitEnvironment({{"PATH", "/bin"},
                                          {"LD_PRELOAD", "x.so"},
                                          {"GIT_SSH_COMMAND", "x"},
                                          {"GIT_CONFIG_COUNT", "1"},
                                          {"GIT_DIR", "/x"},
                                          {"GIT_TRACE", "1"},
                                          {"GIT_ALLOW_PROTOCOL", "file"},
                                          {"HOME", "/root"},
                                          {"COMMITTEST_RUN", "{}"}},
                                         "/private");
  for (const char* name : {"LD_PRELOAD", "GIT_SSH_COMMAND", "GIT_CONFIG_COUNT", "GIT_DIR",
                           "GIT_TRACE", "COMMITTEST_RUN"}) {
    EXPECT_THAT(git, Not(Contains(Key(name)))) << name;
  }
  EXPECT_THAT(git, Contains(Pair("HOME", "/private")));
  EXPECT_THAT(git, Not(Contains(Key("GIT_ALLOW_PROTOCOL"))));
  EXPECT_THAT(git, Contains(Pair("GIT_TERMINAL_PROMPT", "0")));
  EXPECT_THAT(git, Contains(Pair("GIT_CONFIG_NOSYSTEM", "1")));
  EXPECT_THAT(git, Contains(Pair("GIT_CONFIG_GLOBAL", "/dev/null")));
}

TEST(GitEnvironment, KeepsPathProxyAndCertificates) {
  const Environment git = GitEnvironment(
      {{"PATH", "/opt/bin"}, {"https_proxy", "http://p:1"}, {"SSL_CERT_FILE", "/c"}}, "/private");
  EXPECT_THAT(git, Contains(Pair("PATH", "/opt/bin")));
  EXPECT_THAT(git, Contains(Pair("https_proxy", "http://p:1")));
  EXPECT_THAT(git, Contains(Pair("SSL_CERT_FILE", "/c")));
}

TEST(TestEnvironment, HidesTheRunnersOwnVariablesAndTheApiServer) {
  const Environment tests = TestEnvironment({{"COMMITTEST_RUN", "{}"},
                                             {"COMMITTEST_TERMINATION_LOG", "/x"},
                                             {"KUBERNETES_SERVICE_HOST", "10.0.0.1"},
                                             {"KUBERNETES_SERVICE_PORT_HTTPS", "443"},
                                             {"KUBERNETES_PORT", "tcp://10.0.0.1:443"},
                                             {"KUBERNETES_PORT_443_TCP_ADDR", "10.0.0.1"}},
                                            "/tmp/home", "abc");
  for (const auto& [name, value] : tests) {
    EXPECT_FALSE(name.starts_with("COMMITTEST_")) << name;
    EXPECT_FALSE(name.starts_with("KUBERNETES_")) << name;
  }
}

TEST(TestEnvironment, KeepsWhatTheContainerSets) {
  const Environment tests = TestEnvironment(
      {{"DATABASE_URL", "x"}, {"LANG", "de_DE.UTF-8"}, {"CI", "1"}, {"KUBERNETES_NAME", "mine"}},
      "/tmp/home", "abc");
  EXPECT_THAT(tests, Contains(Pair("DATABASE_URL", "x")));
  EXPECT_THAT(tests, Contains(Pair("LANG", "de_DE.UTF-8")));
  EXPECT_THAT(tests, Contains(Pair("CI", "1")));
  EXPECT_THAT(tests, Contains(Pair("KUBERNETES_NAME", "mine")));
}

TEST(TestEnvironment, AlwaysSaysHomeAndCommit) {
  const Environment tests =
      TestEnvironment({{"HOME", "/root"}, {"COMMIT_SHA", "forged"}}, "/tmp/home", "abc");
  EXPECT_THAT(tests, Contains(Pair("HOME", "/tmp/home")));
  EXPECT_THAT(tests, Contains(Pair("COMMIT_SHA", "abc")));
  EXPECT_THAT(tests, Contains(Pair("COMMITTEST", "true")));
}

TEST(TestEnvironment, HasDefaults) {
  const Environment tests = TestEnvironment({}, "/tmp/home", "abc");
  EXPECT_THAT(tests, Contains(Pair("LANG", "C.UTF-8")));
  EXPECT_THAT(tests, Contains(Pair("CI", "true")));
  EXPECT_THAT(tests, Contains(Key("PATH")));
}

TEST(ToolEnvironment, MovesFoldersOfTheImageThatCannotBeWritten) {
  const auto nothing = [](const std::string&) { return false; };
  const Environment go = ToolEnvironment({{"GOPATH", "/go"}, {"CARGO_HOME", "/cargo"}},
                                         api::Framework::kGoTest, "/tmp/home", nothing);
  EXPECT_EQ(go.at("GOPATH"), "/tmp/home/go");
  EXPECT_EQ(go.at("GOPROXY"), "file:///go/pkg/mod/cache/download,direct");
  EXPECT_EQ(go.at("CARGO_HOME"), "/cargo");
  const Environment cargo = ToolEnvironment({{"CARGO_HOME", "/usr/local/cargo"}},
                                            api::Framework::kCargo, "/tmp/home", nothing);
  EXPECT_EQ(cargo.at("CARGO_HOME"), "/tmp/home/.cargo");
}

TEST(ToolEnvironment, LeavesFoldersThatCanBeWrittenAndThoseThatNobodyNamed) {
  const auto everything = [](const std::string&) { return true; };
  const Environment tests = {{"GOPATH", "/go"}};
  EXPECT_EQ(ToolEnvironment(tests, api::Framework::kGoTest, "/tmp/home", everything), tests);
  EXPECT_EQ(ToolEnvironment({}, api::Framework::kGoTest, "/tmp/home", everything), Environment());
}

TEST(ToolEnvironment, TellsJavaWhereHomeIs) {
  const auto everything = [](const std::string&) { return true; };
  EXPECT_EQ(ToolEnvironment({}, api::Framework::kMaven, "/tmp/home", everything).at("MAVEN_OPTS"),
            "-Duser.home=/tmp/home");
}

}  // namespace
}  // namespace committest::runner
