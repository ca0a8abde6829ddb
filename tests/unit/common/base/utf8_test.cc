#include "common/base/utf8.h"

#include <gtest/gtest.h>

namespace committest {
namespace {

TEST(Utf8, DecodesEachLength) {
  EXPECT_EQ(DecodeUtf8("A").code_point, 0x41U);
  EXPECT_EQ(DecodeUtf8("\xC3\xA4").code_point, 0xE4U);
  EXPECT_EQ(DecodeUtf8("\xE2\x82\xAC").code_point, 0x20ACU);
  EXPECT_EQ(DecodeUtf8("\xF0\x9F\x98\x80").code_point, 0x1F600U);
  EXPECT_EQ(DecodeUtf8("\xF0\x9F\x98\x80").length, 4U);
}

TEST(Utf8, RefusesWhatTheStandardForbids) {
  for (const char* text : {"\x80",              // a continuation alone
                           "\xC0\x80",          // overlong
                           "\xE0\x80\x80",      // overlong
                           "\xED\xA0\x80",      // a surrogate
                           "\xF4\x90\x80\x80",  // above U+10FFFF
                           "\xE2\x82",          // cut
                           "\xC3(",             // no continuation
                           "\xFF"}) {
    EXPECT_FALSE(DecodeUtf8(text).valid) << text;
    EXPECT_EQ(DecodeUtf8(text).length, 1U);
  }
}

}  // namespace
}  // namespace committest
