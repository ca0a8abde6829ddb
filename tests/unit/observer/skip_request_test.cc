#include "observer/skip_request.h"

#include <vector>

#include <gtest/gtest.h>

namespace committest::observer {
namespace {

struct Case {
  const char* message;
  const char* words;
};

TEST(FindSkipRequest, FindsTheWordsOfTheTable) {
  const std::vector<Case> cases = {
      {"[skip ci]", "[skip ci]"},
      {"Correct a comment [ci skip]", "[ci skip]"},
      {"Subject\n\nBody with [no ci] in it.\n", "[no ci]"},
      {"[Skip CI] in any case", "[Skip CI]"},
      {"Version 2 ***NO_CI***", "***NO_CI***"},
      {"[skip actions]", "[skip actions]"},
      {"Notes [Actions Skip]", "[Actions Skip]"},
      {"[skip azp]", "[skip azp]"},
      {"[azp skip]", "[azp skip]"},
      {"[skip azpipelines]", "[skip azpipelines]"},
      {"[azpipelines skip]", "[azpipelines skip]"},
      {"[skip azurepipelines]", "[skip azurepipelines]"},
      {"[azurepipelines skip]", "[azurepipelines skip]"},
      {"a[skip ci]b", "[skip ci]"},
      {"\xFF\xFE [skip ci]", "[skip ci]"},
      {"Subject\n\n\nskip-checks: true", "skip-checks: true"},
      {"Subject\n\n\nskip-checks:true\n\n\n", "skip-checks:true"},
      {"Subject\n\nSkip-Checks:  TRUE\nSigned-off-by: Ann <a@b>\n", "Skip-Checks:  TRUE"},
      {"Subject\r\n\r\nskip-checks: true\r\n", "skip-checks: true"},
      {"skip-checks: true", "skip-checks: true"},
  };
  for (const Case& c : cases) EXPECT_EQ(FindSkipRequest(c.message), c.words) << c.message;
}

TEST(FindSkipRequest, FindsNothingElse) {
  for (const char* message :
       {"", "\n\n", "skip ci", "[skip-ci]", "[skip  ci]", "[skip travis]", "[ci]", "[skip azure]",
        "actions skip", "[no actions]", "NO_CI", "(skip ci)",
        "Subject\n\nskip-checks: true\n\nA paragraph after it.", "skip-checks: false",
        "Subject\n\nsay skip-checks: true", "skip-checks: true or not", "[skip\nci]"}) {
    EXPECT_EQ(FindSkipRequest(message), "") << message;
  }
}

TEST(FindSkipRequest, TakesTheTimeOfReadingForAHugeMessage) {
  std::string message(4'000'000, '\n');
  for (std::size_t i = 0; i < message.size(); i += 2) message[i] = '[';
  EXPECT_EQ(FindSkipRequest(message), "");
  EXPECT_EQ(FindSkipRequest(message + "[skip ci]"), "[skip ci]");
}

}  // namespace
}  // namespace committest::observer
