#include "plugin/log_lines.h"

#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace committest::plugin {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class LogLinesTest : public testing::Test {
 protected:
  std::vector<std::string> printed_;
  LogLines lines_{[this](const std::string& line) { printed_.push_back(line); }};
};

TEST_F(LogLinesTest, JoinsPiecesAndTakesTimesOff) {
  lines_.Feed("2026-01-01T00:00:00.000000001Z on");
  lines_.Feed("e\n2026-01-01T00:00:00.000000002Z   two\n2026-01-01T00:00:00.000000003Z \n");
  EXPECT_THAT(printed_, ElementsAre("one", "  two", ""));
}

TEST_F(LogLinesTest, DoesNotRepeatWhatAnEarlierStreamBrought) {
  lines_.Feed("2026-01-01T00:00:01.000000001Z a\n2026-01-01T00:00:01.000000005Z b\n2026-01-01T0");
  lines_.EndStream(false);
  EXPECT_EQ(lines_.Since(), WallTime(std::chrono::seconds(1'767'225'601)));  // To the microsecond.
  lines_.Feed("2026-01-01T00:00:01.000000001Z a\n2026-01-01T00:00:01.000000005Z b\n");
  lines_.Feed("2026-01-01T00:00:01.000000007Z c\n");
  EXPECT_THAT(printed_, ElementsAre("a", "b", "c"));
}

TEST_F(LogLinesTest, HandsOutALastLineWithoutItsEnd) {
  lines_.Feed("2026-01-01T00:00:01.000000001Z end");
  lines_.EndStream(true);
  EXPECT_THAT(printed_, ElementsAre("end"));
}

TEST_F(LogLinesTest, RemovesWhatATerminalActsOn) {
  lines_.Feed("2026-01-01T00:00:01.000000001Z \x1b[2J\x1b]0;t\x07\tred\x1b[0m\r\n");
  EXPECT_THAT(printed_, ElementsAre("\tred"));
}

TEST_F(LogLinesTest, TakesLinesWithoutTimesAsTheyAre) {
  lines_.Feed("unable to retrieve container logs\n");
  EXPECT_THAT(printed_, ElementsAre("unable to retrieve container logs"));
  EXPECT_EQ(lines_.Since(), std::nullopt);
}

TEST_F(LogLinesTest, HoldsNoMoreThanItsLimitOfALine) {
  lines_.Feed("2026-01-01T00:00:01.000000001Z ");
  for (int i = 0; i < 40; ++i) lines_.Feed(std::string(4'096, 'x'));
  EXPECT_EQ(printed_.size(), 2U);
  EXPECT_EQ(printed_[1], std::string(printed_[1].size(), 'x'));
}

}  // namespace
}  // namespace committest::plugin
