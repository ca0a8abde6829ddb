#include "common/base/log.h"

#include <gtest/gtest.h>

namespace committest {
namespace {

class LogTest : public testing::Test {
 protected:
  std::string Captured() { return testing::internal::GetCapturedStderr(); }
  void Capture(log::Level level, log::Format format) {
    testing::internal::CaptureStderr();
    log::Init(level, format);
  }
  void TearDown() override { log::Init(log::Level::kInfo, log::Format::kText); }
};

TEST_F(LogTest, JsonLinesEscapeWhatTheyAreGiven) {
  Capture(log::Level::kInfo, log::Format::kJson);
  log::Info("started", {{"ref", "a\"b\\c\n\xff"}, {"count", 3}});
  const std::string line = Captured();
  EXPECT_NE(line.find(R"("level":"info","message":"started")"), std::string::npos) << line;
  EXPECT_NE(line.find("\"ref\":\"a\\\"b\\\\c\\u000a\xEF\xBF\xBD\""), std::string::npos) << line;
  EXPECT_NE(line.find(R"("count":"3"})"), std::string::npos) << line;
}

TEST_F(LogTest, LinesBelowTheLevelAreNotWritten) {
  Capture(log::Level::kWarning, log::Format::kText);
  log::Info("quiet");
  log::Error("loud");
  const std::string text = Captured();
  EXPECT_EQ(text.find("quiet"), std::string::npos);
  EXPECT_NE(text.find("loud"), std::string::npos);
}

TEST_F(LogTest, SecretsInValuesAreRedacted) {
  Capture(log::Level::kInfo, log::Format::kText);
  log::Failure("poll failed",
               Error{ErrorCode::kUnavailable, "GET https://me:hunter2@git.example/x", "", {}});
  const std::string text = Captured();
  EXPECT_EQ(text.find("hunter2"), std::string::npos) << text;
  EXPECT_NE(text.find("https://***@git.example/x"), std::string::npos) << text;
}

TEST(LogOptions, UnknownWordsAreNamed) {
  EXPECT_EQ(log::ParseLevel("loud").error().message,
            "log level is 'loud', expected debug, info, warning or error");
  EXPECT_EQ(log::ParseFormat("xml").error().message, "log format is 'xml', expected text or json");
  EXPECT_EQ(*log::ParseLevel("debug"), log::Level::kDebug);
  EXPECT_EQ(*log::ParseFormat("json"), log::Format::kJson);
}

}  // namespace
}  // namespace committest
