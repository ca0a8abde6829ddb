#include "observer/commit_config.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace committest::observer {
namespace {

using api::ConfigOverride;
using api::Framework;

api::CommitTestTemplate ATemplate() {
  api::CommitTestTemplate shared;
  shared.tests.path = "checks";
  shared.execution.image = "registry.example/runner:1";
  shared.execution.timeout_seconds = 600;
  shared.execution.resources = {{"cpu", "2"}, {"memory", "1Gi"}};
  shared.execution.env = {{"A", "1"}, {"B", "2"}};
  return shared;
}

Result<CommitConfig> Parse(const std::string& text, std::vector<ConfigOverride> allowed = {}) {
  return ParseCommitConfig(text, ATemplate(), {api::ConfigFilePolicy::kUse, std::move(allowed)});
}

CommitConfig Parsed(const std::string& text, std::vector<ConfigOverride> allowed = {}) {
  auto config = Parse(text, std::move(allowed));
  EXPECT_TRUE(config) << config.error().message;
  return config.value_or(CommitConfig{});
}

std::string Problem(const std::string& text, std::vector<ConfigOverride> allowed = {}) {
  const auto config = Parse(text, std::move(allowed));
  return config ? "nothing is wrong" : config.error().message;
}

TEST(CommitConfig, OfAnEmptyFileIsTheTemplate) {
  for (const char* text : {"", "# nothing", "{}", "tests:\nexecution: ~", "execution: {}"}) {
    EXPECT_EQ(Parsed(text), (CommitConfig{ATemplate().tests, ATemplate().execution})) << text;
  }
}

TEST(CommitConfig, TakesTheTestsAsAWhole) {
  const CommitConfig config = Parsed(
      "tests:\n  framework: Command\n  command: [make, check]\n  reportPaths: [out/*.xml]\n");
  EXPECT_EQ(config.tests.framework, Framework::kCommand);
  EXPECT_EQ(config.tests.command, (std::vector<std::string>{"make", "check"}));
  EXPECT_EQ(config.tests.path, "tests") << "not the template's";
  EXPECT_EQ(config.execution, ATemplate().execution);
}

TEST(CommitConfig, NarrowsWhatTheTemplateAllows) {
  const CommitConfig config =
      Parsed("execution: {timeoutSeconds: 60, resources: {memory: 512Mi}, image: }");
  EXPECT_EQ(config.execution.timeout_seconds, 60);
  EXPECT_EQ(config.execution.resources.at("memory"), "512Mi");
  EXPECT_EQ(config.execution.resources.at("cpu"), "2");
  EXPECT_EQ(config.execution.image, ATemplate().execution.image);
}

TEST(CommitConfig, SetsWhatIsAllowedByName) {
  const CommitConfig config = Parsed(
      "execution:\n"
      "  image: other:2\n"
      "  timeoutSeconds: 7200\n"
      "  resources: {cpu: '8', example.com/gpu: '1'}\n"
      "  env: [{name: B, value: x}, {name: C}]\n"
      "  runtimeClassName: gvisor\n"
      "  nodeSelector: {disk: ssd}\n"
      "  tolerations: [{key: ci, operator: Exists, effect: NoSchedule}]\n",
      {ConfigOverride::kImage, ConfigOverride::kTimeouts, ConfigOverride::kResources,
       ConfigOverride::kEnv, ConfigOverride::kRuntimeClass, ConfigOverride::kNodeSelector,
       ConfigOverride::kTolerations});
  const api::ExecutionSpec& execution = config.execution;
  EXPECT_EQ(execution.image, "other:2");
  EXPECT_EQ(execution.timeout_seconds, 7200);
  EXPECT_EQ(execution.resources.size(), 3U);
  EXPECT_EQ(execution.env, (std::vector<api::EnvVar>{{"B", "x"}, {"C", ""}, {"A", "1"}}));
  EXPECT_EQ(execution.runtime_class_name, "gvisor");
  EXPECT_EQ(execution.node_selector.at("disk"), "ssd");
  ASSERT_EQ(execution.tolerations.size(), 1U);
}

TEST(CommitConfig, RefusesEachOverrideThatIsNotAllowed) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"image: x", "Image"},
      {"timeoutSeconds: 601", "Timeouts"},
      {"scheduleTimeoutSeconds: 86400", "Timeouts"},
      {"startTimeoutSeconds: 301", "Timeouts"},
      {"resources: {cpu: '2.1'}", "Resources"},
      {"resources: {memory: 1025Mi}", "Resources"},
      {"resources: {example.com/gpu: '1'}", "Resources"},
      {"resources: {ephemeral-storage: 1Mi}", "Resources"},
      {"env: [{name: C, value: x}]", "Env"},
      {"env: [{name: A, value: x}]", "Env"},
      {"runtimeClassName: x", "RuntimeClass"},
      {"nodeSelector: {a: b}", "NodeSelector"},
      {"tolerations: [{operator: Exists}]", "Tolerations"}};
  for (const auto& [member, name] : cases) {
    const std::string problem = Problem("execution:\n  " + member + "\n");
    EXPECT_NE(problem.find("allowedOverrides of the ObservedRepository does not hold " + name),
              std::string::npos)
        << member << ": " << problem;
    EXPECT_EQ(problem.find(".committest.yaml, line 2, column "), 0U) << problem;
  }
}

TEST(CommitConfig, SaysWhereAndWhatIsWrong) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"test: {}", "line 1, column 1: test is not known here; expected one of: execution, tests"},
      {"tests:\n  frameworks: Auto", "line 2, column 3: tests.frameworks is not known here"},
      {"tests:\n  framework: Foo", "line 2, column 3: tests.framework is 'Foo', expected Auto"},
      {"tests:\n  framework: 3", "line 2, column 3: tests.framework is 3, expected a string"},
      {"tests:\n  path: /etc", "line 2, column 3: tests.path is '/etc'"},
      {"tests:\n  allowNoTests: yes", "line 2, column 3: tests.allowNoTests is \"yes\""},
      {"tests:\n  framework: Command", "line 1, column 1: tests.command is empty"},
      {"tests:\n  command: [x]", "line 2, column 3: tests.command is only for"},
      {"tests:\n  framework: Command\n  command:\n    - make\n    - 1",
       "line 5, column 7: tests.command[1] is 1, expected a string"},
      {"tests:\n  reportPaths: []", "line 2, column 3: tests.reportPaths is empty"},
      {"tests:\n  reportPaths: [../x]", "line 2, column 3: tests.reportPaths has '../x'"},
      {"tests: 5", "line 1, column 1: tests is 5, expected an object"},
      {"execution:\n  timeoutSeconds: '60'",
       "line 2, column 3: execution.timeoutSeconds is \"60\""},
      {"execution:\n  timeoutSeconds: 1.5", "execution.timeoutSeconds is 1.5, expected an integer"},
      {"execution:\n  resources: {cpu: 1}", "line 2, column 15: execution.resources.cpu is 1"},
      {"execution:\n  resources: {cpu: much}",
       "line 2, column 15: execution.resources.cpu is 'much', expected a quantity"},
      {"execution:\n  resources: {CPU: '1'}", "execution.resources has 'CPU'"},
      {"execution:\n  env:\n    - {name: 1A}", "line 3, column 8: execution.env[0].name is '1A'"},
      {"execution:\n  env:\n    - {name: A, valu: x}",
       "line 3, column 17: execution.env[0].valu is not known here"},
      {"execution:\n  env: [{name: Z}, {name: Z}]", "execution.env[1].name is 'Z', which stands"},
      {"execution:\n  env: [{name: COMMITTEST_RUN}]", "execution.env[0].name is 'COMMITTEST_RUN'"},
      {"execution:\n  tolerations: [{operator: Is}]",
       "line 2, column 18: execution.tolerations[0].operator is 'Is'"},
      {"execution:\n  colour: red", "line 2, column 3: execution.colour is not known here"},
      {"[]", "line 1, column 1: the file is no map"},
      {"just words", "line 1, column 1: the file is no map"},
      {"a: &b c", "line 1, column 4: anchors are not allowed"},
      {std::string(70'000, '#'), "line 1, column 1: the file has 70000 bytes, expected at most"},
  };
  for (const auto& [text, words] : cases) {
    const std::string problem = Problem(text, {ConfigOverride::kEnv, ConfigOverride::kTolerations});
    EXPECT_NE(problem.find(words), std::string::npos)
        << text.substr(0, 100) << "\ngave: " << problem << "\nnot: " << words;
    EXPECT_TRUE(problem.starts_with(".committest.yaml, ")) << problem;
  }
}

TEST(CommitConfig, RefusesWhatTheApiWouldRefuse) {
  const std::vector<ConfigOverride> all = {ConfigOverride::kImage, ConfigOverride::kResources,
                                           ConfigOverride::kEnv, ConfigOverride::kRuntimeClass,
                                           ConfigOverride::kNodeSelector};
  std::string labels;
  for (int i = 0; i < 17; ++i) labels += "k" + std::to_string(i) + ": v, ";
  std::string resources;
  for (int i = 0; i < 9; ++i) resources += "x.io/r" + std::to_string(i) + ": '1', ";
  for (const std::string& member :
       {std::string("image: 'a b'"), "image: " + std::string(600, 'x'),
        std::string("runtimeClassName: A_b"), "nodeSelector: {a: " + std::string(64, 'v') + "}",
        "nodeSelector: {" + labels + "}", "resources: {" + resources + "}",
        std::string("resources: {'x/y/z': '1'}"), std::string("resources: {'/y': '1'}"),
        std::string("resources: {'x.io/': '1'}"),
        "env: [{name: Z, value: " + std::string(4097, 'v') + "}]",
        "env: [{name: " + std::string(129, 'N') + "}]"}) {
    EXPECT_TRUE(Problem("execution: {" + member + "}", all).starts_with(".committest.yaml, line 1"))
        << member.substr(0, 80);
  }
}

TEST(CommitConfig, BoundsAndRedactsWhatItQuotes) {
  const std::string problem =
      Problem("tests:\n  path: \"../https://u:secret@h/\\n" + std::string(3000, 'x') + "\"\n");
  EXPECT_LT(problem.size(), 1000U);
  EXPECT_EQ(problem.find("secret"), std::string::npos) << problem;
  EXPECT_EQ(problem.find('\n'), std::string::npos);
}

}  // namespace
}  // namespace committest::observer
