// The sample of a `.committest.yaml` is what it says: right for the sample of an ObservedRepository
// beside it, and a list of all keys.
#include <algorithm>
#include <fstream>
#include <regex>
#include <sstream>
#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "observer/commit_config.h"
#include "observer/config_yaml.h"

namespace committest::observer {
namespace {

using api::ConfigOverride;

std::string Sample(const std::string& name) {
  std::ifstream file(std::string(COMMITTEST_SOURCE_DIR) + "/manifests/samples/" + name);
  std::ostringstream text;
  text << file.rdbuf();
  EXPECT_TRUE(file) << name;
  return text.str();
}

api::ObservedRepositorySpec SampleRepository() {
  auto yaml = ReadYaml(Sample("observedrepository-full.yaml"));
  EXPECT_TRUE(yaml) << yaml.error().message;
  yaml->value["metadata"]["uid"] = "from-the-api-server";
  auto repository = api::ParseObservedRepository(yaml->value);
  EXPECT_EQ(repository.parse_error, "");
  return repository.spec;
}

// With the lines that are commented out because they need an override.
std::string WholeSample() {
  return std::regex_replace(Sample("repository/.committest.yaml"), std::regex("\n  # ([a-z])"),
                            "\n  $1");
}

TEST(SampleOfACommitConfig, IsWhatTheSampleOfARepositoryAllows) {
  const auto spec = SampleRepository();
  const auto config =
      ParseCommitConfig(Sample("repository/.committest.yaml"), *spec.template_, spec.config_file);
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->tests.framework, api::Framework::kCommand);
  EXPECT_EQ(config->execution.env.size(), 2U);
  EXPECT_EQ(config->execution.image, spec.template_->execution.image);
}

TEST(SampleOfACommitConfig, SaysWhatNeedsAnOverride) {
  const auto spec = SampleRepository();
  const auto refused = ParseCommitConfig(WholeSample(), *spec.template_, spec.config_file);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("does not hold Image"), std::string::npos)
      << refused.error().message;
  const auto config = ParseCommitConfig(
      WholeSample(), *spec.template_,
      {api::ConfigFilePolicy::kUse,
       {ConfigOverride::kEnv, ConfigOverride::kImage, ConfigOverride::kRuntimeClass,
        ConfigOverride::kNodeSelector, ConfigOverride::kTolerations}});
  EXPECT_TRUE(config) << config.error().message;
}

TEST(SampleOfACommitConfig, ShowsEveryKey) {
  const auto yaml = ReadYaml(WholeSample());
  ASSERT_TRUE(yaml) << yaml.error().message;
  for (const char* part : {"tests", "execution"}) {
    // What is wrong with an unknown key lists the known ones.
    const auto refused = ParseCommitConfig(std::string(part) + ": {zzz: 1}", {}, {});
    ASSERT_FALSE(refused);
    const std::string& words = refused.error().message;
    std::istringstream known(words.substr(words.find("one of: ") + 8));
    for (std::string key; known >> key;) {
      key.erase(std::remove(key.begin(), key.end(), ','), key.end());
      EXPECT_TRUE(yaml->value[part].contains(key)) << part << "." << key;
    }
  }
}

}  // namespace
}  // namespace committest::observer
