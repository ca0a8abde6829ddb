#include "common/kube/base64.h"

#include <gtest/gtest.h>

namespace committest::kube {
namespace {

TEST(DecodeBase64, DecodesTheVectorsOfRfc4648) {
  EXPECT_EQ(DecodeBase64(""), "");
  EXPECT_EQ(DecodeBase64("Zg=="), "f");
  EXPECT_EQ(DecodeBase64("Zm8="), "fo");
  EXPECT_EQ(DecodeBase64("Zm9v"), "foo");
  EXPECT_EQ(DecodeBase64("Zm9vYg=="), "foob");
  EXPECT_EQ(DecodeBase64("Zm9vYmE="), "fooba");
  EXPECT_EQ(DecodeBase64("Zm9vYmFy"), "foobar");
}

TEST(DecodeBase64, DecodesEveryByteAndSkipsLineEnds) {
  EXPECT_EQ(DecodeBase64("AP+/\n gIE="), std::string("\x00\xff\xbf\x80\x81", 5));
}

TEST(DecodeBase64, RefusesAnythingElse) {
  for (const char* text : {"Z", "Zg", "Zg=", "Zm9", "Zg===", "Z===", "====", "Zg==Zg==", "Zm9_",
                           "Zm9-", "Zm9v!", "=Zm9"}) {
    SCOPED_TRACE(text);
    EXPECT_FALSE(DecodeBase64(text));
  }
}

}  // namespace
}  // namespace committest::kube
