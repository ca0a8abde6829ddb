#include "operator/config.h"

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace committest::op {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Config Parsed(const std::vector<std::string>& arguments) {
  const auto command_line = ParseCommandLine(arguments);
  EXPECT_TRUE(command_line.has_value()) << command_line.error().message;
  return command_line ? command_line->config.value_or(Config()) : Config();
}

std::string Refusal(const std::vector<std::string>& arguments) {
  const auto command_line = ParseCommandLine(arguments);
  return command_line ? "" : command_line.error().message;
}

TEST(Config, WorksInAllNamespacesByDefault) {
  const Config config = Parsed({});
  EXPECT_THAT(config.namespaces, ElementsAre(""));
  EXPECT_FALSE(config.leader_elect);
  EXPECT_EQ(config.http_port, 8080);
  EXPECT_EQ(config.workers, 4);
}

TEST(Config, TakesTheFlagsThatTheChartGives) {
  const Config config =
      Parsed({"--namespace=ci-b", "--namespace=ci-a", "--namespace=ci-b",
              "--http-address=127.0.0.1:9090", "--workers=8", "--log-level=debug",
              "--log-format=json", "--runner-image=localhost/committest-runner:0.1.0",
              "--leader-elect", "--lease-namespace=ci-system", "--lease-name=committest-operator"});
  EXPECT_THAT(config.namespaces, ElementsAre("ci-a", "ci-b"));
  EXPECT_EQ(config.http_host, "127.0.0.1");
  EXPECT_EQ(config.http_port, 9090);
  EXPECT_EQ(config.workers, 8);
  EXPECT_EQ(config.log_level, log::Level::kDebug);
  EXPECT_EQ(config.log_format, log::Format::kJson);
  EXPECT_EQ(config.runner.image, "localhost/committest-runner:0.1.0");
  EXPECT_TRUE(config.leader_elect);
  EXPECT_EQ(config.lease_namespace, "ci-system");
}

TEST(Config, ListensOnAllAddressesWhenOnlyAPortIsGiven) {
  const Config config = Parsed({"--http-address=:0"});
  EXPECT_EQ(config.http_host, "0.0.0.0");
  EXPECT_EQ(config.http_port, 0);
}

struct RefusedRow {
  const char* argument;
  const char* name;
};

TEST(Config, NamesFlagValueAndExpectationOfWhatItRefuses) {
  for (const RefusedRow& row :
       {RefusedRow{"--workers=0", "workers"}, RefusedRow{"--workers=many", "workers"},
        RefusedRow{"--http-address=8080", "http-address"},
        RefusedRow{"--http-address=:65536", "http-address"},
        RefusedRow{"--namespace=Team_A", "namespace"},
        RefusedRow{"--runner-memory=lots", "runner-memory"},
        RefusedRow{"--runner-cpu-limit=1.2.3", "runner-cpu-limit"},
        RefusedRow{"--runner-image=two words", "runner-image"},
        RefusedRow{"--lease-name=Not/AName", "lease-name"},
        RefusedRow{"--log-level=loud", "log"}}) {
    const std::string refusal = Refusal({row.argument});
    EXPECT_THAT(refusal, HasSubstr(row.name)) << row.argument;
    EXPECT_THAT(refusal, HasSubstr("expected")) << row.argument;
  }
}

TEST(Config, RefusesAnUnknownFlag) {
  EXPECT_THAT(Refusal({"--frobnicate=1"}), HasSubstr("frobnicate"));
}

TEST(Config, AnswersHelpAndVersionWithAText) {
  for (const char* flag : {"--help", "--version"}) {
    const auto command_line = ParseCommandLine({flag});
    ASSERT_TRUE(command_line.has_value());
    EXPECT_FALSE(command_line->config.has_value());
    EXPECT_THAT(command_line->text, HasSubstr("committest-operator"));
  }
}

TEST(SettingsFile, HoldsWhatTheFlagsHold) {
  const auto settings =
      ParseSettingsFile("namespace: [a, b]\nworkers: 2\nleader-elect: true\n", "f");
  ASSERT_TRUE(settings.has_value()) << settings.error().message;
  const auto config = MakeConfig(*settings);
  ASSERT_TRUE(config.has_value());
  EXPECT_THAT(config->namespaces, ElementsAre("a", "b"));
  EXPECT_EQ(config->workers, 2);
  EXPECT_TRUE(config->leader_elect);
}

TEST(SettingsFile, MayBeEmpty) {
  EXPECT_TRUE(ParseSettingsFile("", "f").has_value());
  EXPECT_TRUE(ParseSettingsFile("# nothing\n", "f").has_value());
}

struct BadFileRow {
  const char* text;
  const char* expected;
};

TEST(SettingsFile, NamesFileAndLineOfWhatItRefuses) {
  for (const BadFileRow& row :
       {BadFileRow{"workers: 2\nwokers: 3\n", "f:2: 'wokers' is no setting"},
        BadFileRow{"workers: 2\nworkers: 3\n", "f:2: workers is there twice"},
        BadFileRow{"workers: [1, 2]\n", "workers is no single value"},
        BadFileRow{"namespace: [{a: b}]\n", "namespace has an item that is no text"},
        BadFileRow{"- a\n", "no map"}, BadFileRow{"a: [\n", "f:"}}) {
    const auto settings = ParseSettingsFile(row.text, "f");
    ASSERT_FALSE(settings.has_value()) << row.text;
    EXPECT_THAT(settings.error().message, HasSubstr(row.expected));
  }
}

class ConfigFile : public testing::Test {
 protected:
  ConfigFile() : path_(testing::TempDir() + "/operator_config_test.yaml") {}
  ~ConfigFile() override { std::filesystem::remove(path_); }

  const std::string path_;
};

TEST_F(ConfigFile, CountsLessThanAFlag) {
  std::ofstream(path_) << "workers: 2\nlease-name: from-file\n";
  const Config config = Parsed({"--config=" + path_, "--workers=3"});
  EXPECT_EQ(config.workers, 3);
  EXPECT_EQ(config.lease_name, "from-file");
}

TEST_F(ConfigFile, IsNamedWhenItCannotBeRead) {
  EXPECT_THAT(Refusal({"--config=" + path_}), HasSubstr(path_));
}

TEST_F(ConfigFile, IsRefusedWhenItIsTooLarge) {
  std::ofstream(path_) << std::string(70'000, '#');
  EXPECT_THAT(Refusal({"--config=" + path_}), HasSubstr("64 KiB"));
}

}  // namespace
}  // namespace committest::op
