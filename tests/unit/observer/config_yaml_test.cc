#include "observer/config_yaml.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace committest::observer {
namespace {

using nlohmann::json;

TEST(ReadYaml, GivesTheJsonThatItSays) {
  const auto yaml = ReadYaml(
      "# a comment\n"
      "tests:\n"
      "  framework: Command\n"
      "  command: [make, \"check\", 'all']\n"
      "execution: {timeoutSeconds: 60}\n");
  ASSERT_TRUE(yaml) << yaml.error().message;
  EXPECT_EQ(yaml->value, json::parse(R"({"tests": {"framework": "Command",
      "command": ["make", "check", "all"]}, "execution": {"timeoutSeconds": 60}})"));
  EXPECT_EQ(yaml->places.at("tests.framework"), (TextPlace{3, 3}));
  EXPECT_EQ(yaml->places.at("tests.command[1]"), (TextPlace{4, 19}));
  EXPECT_EQ(yaml->places.at("execution.timeoutSeconds"), (TextPlace{5, 13}));
}

TEST(ReadYaml, ReadsScalarsAsTheTableSays) {
  const std::vector<std::pair<std::string, json>> cases = {{"", nullptr},
                                                           {"~", nullptr},
                                                           {"null", nullptr},
                                                           {"true", true},
                                                           {"False", false},
                                                           {"12", 12},
                                                           {"-3", -3},
                                                           {"1.5", 1.5},
                                                           {"yes", "yes"},
                                                           {"on", "on"},
                                                           {"0x10", "0x10"},
                                                           {"010", "010"},
                                                           {"+1", "+1"},
                                                           {".5", ".5"},
                                                           {"1_000", "1_000"},
                                                           {"12:30", "12:30"},
                                                           {"\"12\"", "12"},
                                                           {"'true'", "true"},
                                                           {"\"\"", ""},
                                                           {"a b", "a b"},
                                                           {"2026-01-01", "2026-01-01"},
                                                           {"1e3", 1e3},
                                                           {"\"\\u00e4\"", "\xC3\xA4"}};
  for (const auto& [text, value] : cases) {
    const auto yaml = ReadYaml("k: " + text + "\n");
    ASSERT_TRUE(yaml) << text << ": " << yaml.error().message;
    EXPECT_EQ(yaml->value, (json{{"k", value}})) << text;
  }
}

TEST(ReadYaml, ReadsAnEmptyFileAsNull) {
  for (const char* text : {"", "\n", "# nothing\n", "---\n", "\xEF\xBB\xBF"}) {
    const auto yaml = ReadYaml(text);
    ASSERT_TRUE(yaml) << text;
    EXPECT_TRUE(yaml->value.is_null());
  }
}

TEST(ReadYaml, SaysWhereAndWhyItRefuses) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"a: &x 1\nb: 2", "line 1, column 4: anchors are not allowed"},
      {"a: 1\nb: *x", "line 2, column 4: "},
      {"a: &x [1]\nb: *x", "line 1, column 4: anchors are not allowed"},
      {"a: !!str 1", "line 1, column 4: tags are not allowed"},
      {"a: !mine {b: 1}", "line 1, column 4: tags are not allowed"},
      {"a: !mine [1]", "line 1, column 4: tags are not allowed"},
      {"a: {}\nb:\n  <<: {c: 1}", "line 3, column 3: merge keys are not allowed"},
      {"a: 1\nb: 2\na: 3", "line 3, column 1: the key 'a' is there twice"},
      {"a:\n  b: 1\n  b: 1", "line 3, column 3: the key 'b' is there twice"},
      {"? [a]\n: 1", "line 1, column 3: a key is a list or a map"},
      {"a: [1", "end of sequence flow not found"},
      {"a: \"x", "line 1, column 6: "},
      {"a:\n\t- b", "line 2, column 2: "},
      {"a: 1\n---\nb: 2", "several documents"},
      {"a: \"\\0\"", "line 1, column 4: an escape does not give text"},
      {"a: b\xFF", "line 1, column 5: the text is not UTF-8"},
      {"a: 1\nb: \x1B[2J", "line 2, column 4: there is a control character"},
      {std::string("a\0b\0", 4), "line 1, column 2: there is a control character"},
      {std::string(20, '[') + std::string(20, ']'), "line 1, column 17: more than 16 levels"},
      {std::string(60'000, '['), "line 1, column 1: "},
  };
  for (const auto& [text, words] : cases) {
    const auto yaml = ReadYaml(text);
    ASSERT_FALSE(yaml) << text.substr(0, 80);
    EXPECT_EQ(yaml.error().code, ErrorCode::kInvalidArgument);
    EXPECT_NE(yaml.error().message.find(words), std::string::npos)
        << text.substr(0, 80) << " gave: " << yaml.error().message;
  }
}

TEST(ReadYaml, QuotesAStrangersTextShortAndOnOneLine) {
  const std::string key = "\"" + std::string(300, 'k') + "\\n\"";
  const auto yaml = ReadYaml(key + ": 1\n" + key + ": 2\n");
  ASSERT_FALSE(yaml);
  EXPECT_LT(yaml.error().message.size(), 200U);
  EXPECT_EQ(yaml.error().message.find('\n'), std::string::npos);
}

}  // namespace
}  // namespace committest::observer
