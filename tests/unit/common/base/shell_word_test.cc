#include "common/base/shell_word.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "tests/support/command.h"

namespace committest {
namespace {

// What a commit, a template or a person with bad intentions may have in mind.
const std::vector<std::string> kHostile = {
    "",
    "plain-1.2_3/x@y:z,w=%+",
    "=ls",
    "two words",
    "-rf",
    "~root",
    "#comment",
    "it's",
    "''",
    R"(\'; touch pwned; ')",
    "$HOME $(touch pwned) `touch pwned` ${IFS}",
    "!! !touch",
    "a;b|c&d>e<f(g)h{i}j[k]l*m?n",
    R"(\n \0101 \c \\ %s %%)",
    "a\nb\n\nc",
    "a\ttab\rreturn",
    "\x1b[201~\ntouch pwned\n ",
    "\x1b]0;title\x07 \x7f",
    "caf\xC3\xA9 \xE6\x97\xA5",
    "right \xE2\x80\xAE to left",
    "not utf-8: \xff\xfe\x80",
};

TEST(ShellWord, MeansItselfToRealShells) {
  for (const char* shell : {"/bin/sh", "/bin/bash"}) {
    for (const std::string& text : kHostile) {
      const auto word = ShellWord(text);
      ASSERT_TRUE(word) << text;
      const auto end =
          testing::RunCommand({shell, "-c", "printf '[%s]' " + *word},
                              {.environment = {{"PATH", "/usr/bin:/bin"}}, .directory = "/"});
      EXPECT_EQ(end.output, "[" + text + "]") << shell << " reads " << *word;
    }
  }
}

TEST(ShellWord, HoldsPrintableAsciiOnly) {
  for (const std::string& text : kHostile) {
    EXPECT_TRUE(std::ranges::all_of(ShellWord(text).value(), [](char c) {
      return c >= ' ' && c <= '~';
    })) << text;
  }
}

TEST(ShellWord, IsNoneForWhatAShellCannotSay) {
  EXPECT_EQ(ShellWord("a\n"), std::nullopt);
  EXPECT_EQ(ShellWord(std::string("a\0b", 3)), std::nullopt);
}

}  // namespace
}  // namespace committest
