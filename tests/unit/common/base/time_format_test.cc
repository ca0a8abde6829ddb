#include "common/base/time_format.h"

#include <gtest/gtest.h>

namespace committest {
namespace {

using namespace std::chrono_literals;

const WallTime kTime = std::chrono::sys_days(std::chrono::year_month_day(
                           std::chrono::year(2026), std::chrono::month(11), std::chrono::day(21))) +
                       8h + 45min + 3s;

TEST(TimeFormat, FormatsUtcAsTheApiWantsIt) {
  EXPECT_EQ(FormatTime(kTime + 999ms), "2026-11-21T08:45:03Z");
  EXPECT_EQ(FormatMicroTime(kTime + 1500us), "2026-11-21T08:45:03.001500Z");
}

TEST(TimeFormat, ParsesWhatItFormats) {
  EXPECT_EQ(ParseTime(FormatTime(kTime)), kTime);
  EXPECT_EQ(ParseTime(FormatMicroTime(kTime + 1500us)), kTime + 1500us);
  EXPECT_EQ(ParseTime("2026-11-21T08:45:03.5Z"), kTime + 500ms);
  EXPECT_EQ(ParseTime("2026-11-21T08:45:03.123456789Z"), kTime + 123456us);
}

TEST(TimeFormat, RefusesEverythingElse) {
  for (const char* text :
       {"", "now", "2026-11-21", "2026-11-21T08:45:03", "2026-11-21T08:45:03+01:00",
        "2026-13-21T08:45:03Z", "2026-02-30T08:45:03Z", "2026-11-21T25:45:03Z",
        "2026-11-21T08:45:03.Z", "2026-11-21T08:45:03.1234567890Z", "2026-11-21T08:45:0xZ",
        "2026-11-21T08:45:03 5Z", "2026-11-21T-8:45:03Z", "2026-11-21T08:-5:03Z",
        "2026-11-21T08:45:03.-12Z", "-026-11-21T08:45:03Z"}) {
    EXPECT_EQ(ParseTime(text), std::nullopt) << text;
  }
}

TEST(TimeFormat, RefusesTimesThatItCannotHold) {
  for (const char* text : {"0000-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "1677-12-31T23:59:59Z",
                           "2262-01-01T00:00:00Z", "9999-12-31T23:59:59Z"}) {
    EXPECT_EQ(ParseTime(text), std::nullopt) << text;
  }
  for (const char* text : {"1678-01-01T00:00:00Z", "2261-12-31T23:59:59Z"}) {
    const auto time = ParseTime(text);
    ASSERT_TRUE(time) << text;
    EXPECT_EQ(FormatTime(*time), text);
  }
}

TEST(TimeFormat, DurationsAreForPeople) {
  EXPECT_EQ(FormatDuration(-5ms), "0ms");
  EXPECT_EQ(FormatDuration(850ms), "850ms");
  EXPECT_EQ(FormatDuration(37'120ms), "37s");
  EXPECT_EQ(FormatDuration(125s), "2m05s");
  EXPECT_EQ(FormatDuration(3720s), "1h02m");
}

}  // namespace
}  // namespace committest
