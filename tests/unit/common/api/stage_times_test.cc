#include "common/api/stage_times.h"

#include <gtest/gtest.h>

namespace committest::api {
namespace {

using std::chrono::milliseconds;

TEST(StagesText, NamesEachStageInTheOrderOfTime) {
  EXPECT_EQ(StagesText({210, 2, 3'000, 4}, milliseconds(37'120)),
            "checkout 210ms, discovery 2ms, setup 3s, tests 37s, report 4ms");
}

TEST(StagesText, LeavesOutWhatTookNoTimeButForTheTests) {
  EXPECT_EQ(StagesText({80, 0, 0, 0}, milliseconds(12)), "checkout 80ms, tests 12ms");
  EXPECT_EQ(StagesText({}, milliseconds(0)), "tests 0ms");
}

}  // namespace
}  // namespace committest::api
