#include "common/base/strings.h"

#include <gtest/gtest.h>

namespace committest {
namespace {

TEST(Strings, TruncateKeepsWhatFitsAndCutsBetweenCharacters) {
  EXPECT_EQ(Truncate("abc", 3), "abc");
  EXPECT_EQ(Truncate("abcdefgh", 6), "abc\xE2\x80\xA6");
  EXPECT_EQ(Truncate("\xC3\xA4\xC3\xB6\xC3\xBC\xC3\x9F", 6), "\xC3\xA4\xE2\x80\xA6");
  EXPECT_LE(Truncate("\xC3\xA4\xC3\xB6\xC3\xBC\xC3\x9F", 6).size(), 6U);
}

TEST(Strings, RepairUtf8ReplacesEachBadByte) {
  EXPECT_EQ(RepairUtf8("a\xff\xfe"
                       "b"),
            "a\xEF\xBF\xBD\xEF\xBF\xBD"
            "b");
  EXPECT_EQ(RepairUtf8("gr\xC3\xBC\xC3\x9F"), "gr\xC3\xBC\xC3\x9F");
}

TEST(Strings, OneLineRemovesWhatWouldFoolAReader) {
  EXPECT_EQ(OneLine(" a\r\nb\tc "), "a  b c");
  EXPECT_EQ(OneLine("\x1b[31mred\x1b[0m"), "red");
  EXPECT_EQ(OneLine("\x1b]8;;http://evil\x07link\x1b]8;;\x07"), "link");
  EXPECT_EQ(OneLine("user\xE2\x80\xAE"
                    "gnp.exe"),
            "usergnp.exe");
  EXPECT_EQ(OneLine(std::string("nul\0in", 6)), "nulin");
  EXPECT_EQ(OneLine("cut\x1b["), "cut");
  EXPECT_EQ(OneLine("\xff"), "\xEF\xBF\xBD");
}

TEST(Strings, RedactHidesCredentials) {
  EXPECT_EQ(Redact("fetch https://bob:pw@host/x failed"), "fetch https://***@host/x failed");
  EXPECT_EQ(Redact("https://token@host"), "https://***@host");
  EXPECT_EQ(Redact("Authorization: Bearer abc.def"), "Authorization: Bearer ***");
  EXPECT_EQ(Redact("GET /x?private_token=abc&page=2"), "GET /x?private_token=***&page=2");
  EXPECT_EQ(Redact("mail bob@host"), "mail bob@host");
}

TEST(Strings, RedactKeepsTheNameInAnSshAddressAndNothingElse) {
  EXPECT_EQ(Redact("ssh://git@host/x and a://b@h"), "ssh://git@host/x and a://***@h");
  EXPECT_EQ(Redact("ssh://git:pw@host/x"), "ssh://***@host/x");
  EXPECT_EQ(Redact("ssh://a@b@host"), "ssh://***@host");
  EXPECT_EQ(Redact("https://git@host ssh://host"), "https://***@host ssh://host");
}

TEST(Strings, RedactFindsEveryCredentialOfAText) {
  EXPECT_EQ(Redact("a://u@h b://v:w@i/?token=1&secret=2&x=3"),
            "a://***@h b://***@i/?token=***&secret=***&x=3");
  EXPECT_EQ(Redact("https://a@b:pw@host"), "https://***@host");
  EXPECT_EQ(Redact("{\"Authorization\":\"x\"} authorization=Basic Zm9v,"),
            "{\"Authorization\":\"x\"} authorization=Basic ***,");
  EXPECT_EQ(Redact("authorization"), "authorization");
  EXPECT_EQ(Redact("https://host/?token"), "https://host/?token");
}

TEST(Strings, RedactPassesOverAMegabyteOnce) {
  const std::string huge(1'000'000, 'a');
  EXPECT_EQ(Redact("https://" + huge + "@host"), "https://***@host");
  EXPECT_EQ(Redact(huge), huge);
  std::string questions(1'000'000, '?');
  EXPECT_EQ(Redact(questions), questions);
}

TEST(Strings, SplitAndJoinAreInverse) {
  EXPECT_EQ(Split("a,,b", ','), (std::vector<std::string>{"a", "", "b"}));
  EXPECT_EQ(Join(Split("a,,b", ','), ","), "a,,b");
  EXPECT_EQ(Split("", ','), std::vector<std::string>{""});
  EXPECT_EQ(Join({}, ","), "");
  EXPECT_EQ(Join({"a", "a"}, "-"), "a-a");
}

TEST(Strings, TrimAndLower) {
  EXPECT_EQ(Trim(" \t x y \n"), "x y");
  EXPECT_EQ(Trim(" \n"), "");
  EXPECT_EQ(Lower("Content-TYPE"), "content-type");
}

// FIPS 180-2, appendix B.1.
TEST(Strings, Sha256OfTheStandardsExample) {
  EXPECT_EQ(Sha256Hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(EncodeBase64, IsThatOfTheRfc) {
  EXPECT_EQ(EncodeBase64(""), "");
  EXPECT_EQ(EncodeBase64("f"), "Zg==");
  EXPECT_EQ(EncodeBase64("fo"), "Zm8=");
  EXPECT_EQ(EncodeBase64("foobar"), "Zm9vYmFy");
}

TEST(PrintableLine, KeepsBlanksAndTabsAndNothingThatATerminalActsOn) {
  EXPECT_EQ(PrintableLine("\t  a \tb  "), "\t  a \tb  ");
  EXPECT_EQ(PrintableLine("\x1b[31mred\x1b[0m \x1b]0;title\x07x\r"), "red x");
  EXPECT_EQ(PrintableLine("a\x08\x7f\xc2\x9b"
                          "31m \xE2\x80\xAE"
                          "b\xff"),
            "a31m b\xEF\xBF\xBD");
}

}  // namespace
}  // namespace committest
