#include "common/kube/credentials.h"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/manual_clock.h"
#include "tests/support/temporary_folder.h"

namespace committest::kube {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

class TokenSourceTest : public ::testing::Test {
 protected:
  void Write(const std::string& text) { testing::WriteTestFile(file_, text); }

  const testing::TemporaryFolder folder_;
  const std::string file_ = folder_.path() / "token";
  ManualClock clock_;
  TokenSource source_{Material{"", file_}, clock_};
};

TEST_F(TokenSourceTest, ReadsAndTrimsTheFile) {
  Write(" abc\n");
  EXPECT_EQ(source_.Get(), "abc");
}

TEST_F(TokenSourceTest, ReadsTheFileAgainAfterAMinute) {
  Write("one");
  EXPECT_EQ(source_.Get(), "one");
  Write("two");
  clock_.Advance(59s);
  EXPECT_EQ(source_.Get(), "one");
  clock_.Advance(1s);
  EXPECT_EQ(source_.Get(), "two");
}

TEST_F(TokenSourceTest, ReadsTheFileAgainWhenTheTokenWasRefused) {
  Write("one");
  EXPECT_EQ(source_.Get(), "one");
  Write("two");
  EXPECT_TRUE(source_.Invalidate());
  EXPECT_EQ(source_.Get(), "two");
}

TEST_F(TokenSourceTest, KeepsTheLastTokenWhileTheFileIsEmptyOrGone) {
  Write("one");
  EXPECT_EQ(source_.Get(), "one");
  Write("");
  clock_.Advance(2min);
  EXPECT_EQ(source_.Get(), "one");
  std::filesystem::remove(file_);
  EXPECT_EQ(source_.Get(), "one");
  Write("two");
  EXPECT_EQ(source_.Get(), "two");
}

TEST_F(TokenSourceTest, FailsWhenThereHasNeverBeenAToken) {
  EXPECT_FALSE(source_.Get());
  Write("\n");
  const auto token = source_.Get();
  ASSERT_FALSE(token);
  EXPECT_THAT(token.error().message, HasSubstr(file_));
}

TEST_F(TokenSourceTest, TokenInPlaceCannotBeReadAgain) {
  TokenSource in_place(Material{"abc", ""}, clock_);
  EXPECT_EQ(in_place.Get(), "abc");
  EXPECT_FALSE(in_place.Invalidate());
  EXPECT_EQ(TokenSource({}, clock_).Get(), "");
}

TEST_F(TokenSourceTest, AsksItsSourceAgainAsItReadsAFile) {
  int asked = 0;
  TokenSource source({"", "", [&] { return Result<std::string>(std::to_string(++asked)); }},
                     clock_);
  EXPECT_EQ(source.Get(), "1");
  EXPECT_EQ(source.Get(), "1");
  EXPECT_TRUE(source.Invalidate());
  EXPECT_EQ(source.Get(), "2");
  clock_.Advance(60s);
  EXPECT_EQ(source.Get(), "3");
}

TEST(ReadSmallFile, ReadsUpToItsLimit) {
  const testing::TemporaryFolder folder;
  const std::string file = folder.path() / "f";
  testing::WriteTestFile(file, "12345");
  EXPECT_EQ(ReadSmallFile(file, 5), "12345");
  const auto larger = ReadSmallFile(file, 4);
  ASSERT_FALSE(larger);
  EXPECT_EQ(larger.error().code, ErrorCode::kInvalidArgument);
}

TEST(ReadSmallFile, ReadsOnlyRegularFiles) {
  EXPECT_EQ(ReadSmallFile("/dev/zero", 10).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(ReadSmallFile("/proc", 10).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(ReadSmallFile("/absent", 10).error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace committest::kube
