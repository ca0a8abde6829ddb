#include "observer/pkt_line.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace committest::observer {
namespace {

using ::testing::HasSubstr;

std::string NextError(std::string_view input) {
  PktReader reader(input);
  const auto pkt = reader.Next();
  return pkt ? "none" : pkt.error().message;
}

TEST(PktLine, ReadsBackWhatItWrites) {
  const std::string input = EncodePkt("hello\n") + std::string(kDelimPkt) + EncodePkt("") + "0002" +
                            std::string(kFlushPkt);
  PktReader reader(input);
  const auto first = reader.Next();
  ASSERT_TRUE(first);
  EXPECT_EQ(first->type, PktType::kData);
  EXPECT_EQ(first->payload, "hello");
  EXPECT_EQ(reader.Next()->type, PktType::kDelim);
  EXPECT_EQ(reader.Next()->type, PktType::kData);
  EXPECT_EQ(reader.Next()->type, PktType::kResponseEnd);
  EXPECT_EQ(reader.Next()->type, PktType::kFlush);
  EXPECT_EQ(reader.Next()->type, PktType::kEnd);
  EXPECT_EQ(reader.Next()->type, PktType::kEnd);
}

TEST(PktLine, EncodesTheLengthWithItsOwnFourDigits) {
  EXPECT_EQ(EncodePkt("command=ls-refs\n"), "0014command=ls-refs\n");
  EXPECT_EQ(EncodePkt(""), "0004");
  EXPECT_EQ(EncodePkt(std::string(kMaxPktBytes - 4, 'x')).substr(0, 4), "fff0");
}

TEST(PktLine, TakesOffOneLineFeedOnly) {
  const std::string input = EncodePkt("a\n\n");
  PktReader reader(input);
  EXPECT_EQ(reader.Next()->payload, "a\n");
}

TEST(PktLine, ReportsAnErrorLineOfTheServer) {
  const std::string input = EncodePkt("ERR no such repository\n");
  PktReader reader(input);
  const auto pkt = reader.Next();
  ASSERT_TRUE(pkt);
  EXPECT_EQ(pkt->type, PktType::kError);
  EXPECT_EQ(pkt->payload, "no such repository");
}

TEST(PktLine, AcceptsTheLongestLineAndRefusesALongerOne) {
  const std::string longest = EncodePkt(std::string(kMaxPktBytes - 4, 'x'));
  PktReader reader(longest);
  EXPECT_EQ(reader.Next()->payload.size(), kMaxPktBytes - 4);
  EXPECT_THAT(NextError("fff1" + std::string(kMaxPktBytes, 'x')), HasSubstr("longer"));
  EXPECT_THAT(NextError("ffff" + std::string(kMaxPktBytes + 100, 'x')), HasSubstr("longer"));
}

TEST(PktLine, RefusesATruncatedLine) {
  EXPECT_THAT(NextError("00"), HasSubstr("inside a pkt-line's length"));
  EXPECT_THAT(NextError("0009abcd"), HasSubstr("inside a pkt-line"));
}

TEST(PktLine, RefusesALengthThatIsNotHexadecimal) {
  for (const char* input : {"zzzzabc", "-001abc", "+001abc", "0x05abc", " 005abc", "00 5abc"}) {
    EXPECT_THAT(NextError(input), HasSubstr("not hexadecimal")) << input;
  }
}

TEST(PktLine, RefusesTheReservedLength) { EXPECT_THAT(NextError("0003"), HasSubstr("reserved")); }

TEST(PktLine, SurvivesEveryPrefixAndEveryChangedByte) {
  const std::string input =
      EncodePkt("one\n") + std::string(kDelimPkt) + EncodePkt("two\n") + std::string(kFlushPkt);
  for (std::size_t i = 0; i < input.size(); ++i) {
    for (const char c : {'\0', '\n', '0', 'f', 'z', '\xff'}) {
      std::string changed = input;
      changed[i] = c;
      for (const std::string& hostile : {changed, input.substr(0, i)}) {
        PktReader reader(hostile);
        std::size_t steps = 0;
        for (auto pkt = reader.Next(); pkt && pkt->type != PktType::kEnd; pkt = reader.Next()) {
          ASSERT_LT(++steps, hostile.size());
        }
      }
    }
  }
}

}  // namespace
}  // namespace committest::observer
