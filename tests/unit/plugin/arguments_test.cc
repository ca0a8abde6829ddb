#include "plugin/arguments.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plugin/completion.h"

namespace committest::plugin {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

const std::string kCommit = "1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d";
const std::string kUrl = "https://git.example/app.git";

Invocation Parsed(const std::vector<std::string>& arguments) {
  auto call = ParseArguments(arguments);
  EXPECT_TRUE(call) << call.error().message;
  return call ? *std::move(call) : Invocation();
}

TEST(Arguments, DescribeANewTest) {
  const Invocation call = Parsed({"run",
                                  kUrl,
                                  kCommit,
                                  "--ref=refs/heads/main",
                                  "--image",
                                  "registry.example/i:1",
                                  "-n",
                                  "ci",
                                  "--env=A=b=c",
                                  "--env",
                                  "B=",
                                  "--resource=memory=1Gi",
                                  "--timeout=60",
                                  "--repository=app",
                                  "--report",
                                  "out/*.xml",
                                  "--wait",
                                  "--context=dev",
                                  "--credentials-secret=git",
                                  "--failed-test-reruns=2",
                                  "-o",
                                  "json",
                                  "--",
                                  "make",
                                  "--",
                                  "-n"});
  EXPECT_EQ(call.verb, Verb::kRun);
  EXPECT_EQ(call.spec.source, (api::Source{kUrl, kCommit, "refs/heads/main", "", ""}));
  EXPECT_EQ(call.spec.tests.framework, api::Framework::kCommand);
  EXPECT_EQ(call.spec.tests.command, (std::vector<std::string>{"make", "--", "-n"}));
  EXPECT_EQ(call.spec.tests.report_paths, std::vector<std::string>{"out/*.xml"});
  EXPECT_EQ(call.spec.execution.image, "registry.example/i:1");
  EXPECT_EQ(call.spec.execution.env, (std::vector<api::EnvVar>{{"A", "b=c"}, {"B", ""}}));
  EXPECT_EQ(call.spec.execution.resources.at("memory"), "1Gi");
  EXPECT_EQ(call.spec.execution.timeout_seconds, 60);
  EXPECT_EQ(call.spec.repository_name, "app");
  EXPECT_EQ(call.spec.credentials_secret_name, "git");
  EXPECT_EQ(call.spec.retry.failed_test_reruns, 2);
  EXPECT_EQ(call.namespace_, "ci");
  EXPECT_EQ(call.cluster.context, "dev");
  EXPECT_EQ(call.output, OutputFormat::kJson);
  EXPECT_TRUE(call.wait);
}

TEST(Arguments, HaveTheApisDefaults) {
  const Invocation call = Parsed({"run", kUrl, kCommit});
  EXPECT_EQ(call.spec.tests, api::TestsSpec());
  EXPECT_EQ(call.spec.execution, api::ExecutionSpec());
  EXPECT_EQ(call.output, OutputFormat::kText);
  EXPECT_EQ(call.color, ColorChoice::kAuto);
}

TEST(Arguments, NameTheCommand) {
  for (const auto& [word, verb] :
       std::vector<std::pair<std::string, Verb>>{{"rerun", Verb::kRerun},
                                                 {"cancel", Verb::kCancel},
                                                 {"logs", Verb::kLogs},
                                                 {"watch", Verb::kWatch},
                                                 {"why", Verb::kWhy},
                                                 {"reproduce", Verb::kReproduce}}) {
    const Invocation call = Parsed({word, "app-1", "--color=never"});
    EXPECT_EQ(call.verb, verb);
    EXPECT_EQ(call.name, "app-1");
    EXPECT_EQ(call.color, ColorChoice::kNever);
  }
  EXPECT_TRUE(Parsed({"logs", "-f", "app-1"}).follow);
  EXPECT_TRUE(Parsed({"reproduce", "app-1", "--local"}).local);
  EXPECT_EQ(Parsed({"watch", "-l", "a=b"}).selector, "a=b");
  EXPECT_EQ(Parsed({"watch"}).name, "");
}

TEST(Arguments, AreRefusedWithWhatIsWrong) {
  struct Row {
    std::vector<std::string> arguments;
    const char* said;
  };
  for (const Row& row : std::initializer_list<Row>{
           {{}, "subcommand is required"},
           {{"why"}, "NAME is required"},
           {{"why", "a", "b"}, "b"},
           {{"why", "a", "--bogus"}, "--bogus"},
           {{"why", "a", "-o", "yaml"}, "yaml"},
           {{"run", kUrl}, "COMMIT is required"},
           {{"run", kUrl, "main"}, "expected all 40 or 64 hexadecimal digits"},
           {{"run", kUrl, kCommit, "--env=X"}, "expected NAME=VALUE"},
           {{"run", kUrl, kCommit, "--framework=Nose"}, "Nose"},
           {{"run", kUrl, kCommit, "--timeout=soon"}, "soon"},
           {{"logs", "a", "-o", "json"}, "no -o json"},
           {{"watch", "a", "-l", "b=c"}, "not both"},
           {{"why", "a", "--", "make"}, "only run takes a command"}}) {
    const auto call = ParseArguments(row.arguments);
    ASSERT_FALSE(call) << row.said;
    EXPECT_EQ(call.error().code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(call.error().message, HasSubstr(row.said));
  }
}

TEST(Arguments, GiveHelpForEachCommand) {
  EXPECT_THAT(Parsed({"--help"}).print, HasSubstr("0 Passed, 3 Failed"));
  EXPECT_THAT(Parsed({"--version"}).print, HasSubstr("kubectl-committest "));
  for (const Word& command : CommandWords()) {
    EXPECT_THAT(Parsed({command.text, "--help"}).print, HasSubstr(command.meaning));
  }
}

std::string Completed(const std::vector<std::string>& words) {
  return Complete(words, [](const auto&) { return std::vector<Word>{{"app-1", "Failed main"}}; });
}

TEST(Completion, SuggestsCommandsOptionsValuesAndNames) {
  EXPECT_EQ(Completed({"re"}),
            "rerun\tTest the commit of a CommitTest once more\n"
            "reproduce\tPrint a line that repeats the run on your machine\n:4\n");
  EXPECT_EQ(
      Completed({"logs", "--fo"}),
      "--follow\tWait for the Pod and go on until the verdict, also over a new attempt\n:4\n");
  EXPECT_EQ(Completed({"why", "x", "-o", "j"}), "json\n:4\n");
  EXPECT_EQ(Completed({"why", ""}), "app-1\tFailed main\n:4\n");
  EXPECT_EQ(Completed({"logs", "-f", "a"}), "app-1\tFailed main\n:4\n");
  EXPECT_EQ(Completed({"why", "x"}), ":4\n");
  EXPECT_EQ(Completed({"run", ""}), ":4\n");
  EXPECT_EQ(Completed({"why", "--kubeconfig", ""}), ":0\n");
  EXPECT_THAT(Completed({}), HasSubstr("watch\t"));
}

}  // namespace
}  // namespace committest::plugin
