#include "common/kube/watcher_core.h"

#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace committest::kube {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

struct EndCase {
  const char* name;
  WatchEnd end;
  bool relist;
  bool failure;
};

WatchEnd End(std::optional<ErrorCode> code, StreamFault fault, int progress, milliseconds lived) {
  return {code ? Status(Fail(*code, "x")) : Status(), fault, progress, lived};
}

TEST(DecideAfterWatch, FollowsItsTable) {
  using enum ErrorCode;
  using enum StreamFault;
  const std::vector<EndCase> cases{
      {"undecodable stream with progress", End(kDataLoss, kUndecodable, 9, minutes(9)), true, true},
      {"HTTP 410", End(kGone, kNone, 0, milliseconds(1)), true, true},
      {"ERROR event of 410 after progress", End(kGone, kErrorEvent, 3, minutes(1)), true, true},
      {"kind removed", End(kNotFound, kNone, 0, milliseconds(1)), true, true},
      {"ERROR event of 500 after progress", End(kUnavailable, kErrorEvent, 3, minutes(1)), false,
       true},
      {"clean end after one second", End({}, kNone, 0, seconds(1)), false, false},
      {"clean end after an event", End({}, kNone, 1, milliseconds(1)), false, false},
      {"clean end at once", End({}, kNone, 0, milliseconds(999)), false, true},
      {"cut after an event", End(kUnavailable, kNone, 1, milliseconds(1)), false, false},
      {"cut after half a quiet minute", End(kUnavailable, kNone, 0, seconds(30)), false, false},
      {"refused", End(kUnavailable, kNone, 0, seconds(29)), false, true},
      {"silent for minutes", End(kDeadlineExceeded, kNone, 0, minutes(5)), false, false},
      {"no connection in time", End(kDeadlineExceeded, kNone, 0, seconds(10)), false, true},
      {"truncated chunk after an event", End(kDataLoss, kNone, 1, seconds(1)), false, false},
      {"401", End(kUnauthenticated, kNone, 0, minutes(1)), false, true},
      {"403", End(kPermissionDenied, kNone, 0, minutes(1)), false, true},
      {"429", End(kResourceExhausted, kNone, 0, minutes(1)), false, true},
      {"400", End(kInvalidArgument, kNone, 0, minutes(1)), false, true},
      {"a bug of ours", End(kInternal, kNone, 1, minutes(1)), false, true},
  };
  for (const EndCase& row : cases) {
    SCOPED_TRACE(row.name);
    const AfterWatch next = DecideAfterWatch(row.end);
    EXPECT_EQ(next.relist, row.relist);
    EXPECT_EQ(next.failure, row.failure);
  }
}

}  // namespace
}  // namespace committest::kube
