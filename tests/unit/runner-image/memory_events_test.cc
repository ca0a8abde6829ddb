#include "runner-image/memory_events.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace committest::runner {
namespace {

using ::testing::ElementsAre;

TEST(ParseOomKills, ReadsBothCgroupVersions) {
  EXPECT_EQ(ParseOomKills("low 0\nhigh 0\nmax 4\noom 2\noom_kill 3\noom_group_kill 0\n"), 3);
  EXPECT_EQ(ParseOomKills("oom_kill_disable 0\nunder_oom 0\noom_kill 17\n"), 17);
}

TEST(ParseOomKills, IsAbsentWhenTheKernelDoesNotTell) {
  for (const char* text : {"", "oom_kill_disable 0\nunder_oom 0\n", "oom_kill x", "oom_kill -1",
                           "oom_kill 1x", "oom_kill 99999999999999999999"}) {
    EXPECT_FALSE(ParseOomKills(text)) << text;
  }
}

TEST(OomKillFiles, NamesTheOwnGroupFirst) {
  EXPECT_THAT(OomKillFiles("0::/kubepods/a\n", "/c"),
              ElementsAre("/c/memory/memory.oom_control", "/c/kubepods/a/memory.events",
                          "/c/memory.events"));
  EXPECT_THAT(OomKillFiles("9:cpu,memory:/k\n1:name=systemd:/\n0::/u\n", "/c"),
              ElementsAre("/c/memory/k/memory.oom_control", "/c/memory/memory.oom_control",
                          "/c/u/memory.events", "/c/memory.events"));
  EXPECT_THAT(OomKillFiles("0::/\n", "/c"),
              ElementsAre("/c/memory/memory.oom_control", "/c/memory.events", "/c/memory.events"));
}

TEST(OomKillFiles, SurvivesGarbage) {
  EXPECT_THAT(OomKillFiles("\n:::\nx\n1:memory\n", "/c"),
              ElementsAre("/c/memory/memory.oom_control", "/c/memory.events"));
}

}  // namespace
}  // namespace committest::runner
