#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "common/kube/watcher.h"
#include "tests/unit/common/kube/watcher_fixture.h"

namespace committest::kube {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;

// --- Refusals: back off and resume at the same version

TEST_F(WatcherTest, BacksOffAndResumesWhileTheServerRefuses) {
  api_.OnList(OnePage({TestObject("a", "1")}, "10"));
  for (const ErrorCode code :
       {ErrorCode::kUnavailable, ErrorCode::kResourceExhausted, ErrorCode::kUnauthenticated,
        ErrorCode::kPermissionDenied, ErrorCode::kInvalidArgument}) {
    api_.OnWatch(FailedWatch(code));
  }
  EXPECT_EQ(StepAll(), (std::vector<long>{0, 800, 1600, 3200, 6400, 12800}));
  EXPECT_EQ(WatchedFrom(), Words(5, "10"));
  EXPECT_EQ(api_.ListCalls().size(), 1U);
}

TEST_F(WatcherTest, BacksOffFromAServerThatThinksForSomeSecondsBeforeItRefuses) {
  api_.OnList(OnePage({}, "10"))
      .OnWatch(
          FailedWatch({ErrorCode::kUnavailable, "too large resource version", "", {}}, seconds(3)));
  EXPECT_EQ(StepAll(), (std::vector<long>{0, 800}));
}

TEST_F(WatcherTest, BacksOffFromAnErrorEventThatIsNot410AndResumes) {
  api_.OnList(OnePage({}, "10"))
      .OnWatch(Stream({BookmarkLine("12"), ErrorLine(500, "InternalError")}))
      .OnWatch(Stream({}));
  EXPECT_EQ(StepAll(), (std::vector<long>{0, 800, 0}));
  EXPECT_EQ(WatchedFrom(), (Words{"10", "12"}));
}

TEST_F(WatcherTest, WaitsAsLongAsTheServerAsked) {
  api_.OnList(OnePage({}, "10"))
      .OnWatch(FailedWatch({ErrorCode::kResourceExhausted, "slow down", "", seconds(20)}))
      .OnWatch(FailedWatch({ErrorCode::kResourceExhausted, "slow down", "", milliseconds(1)}))
      .OnWatch(
          FailedWatch({ErrorCode::kResourceExhausted, "slow down", "", std::chrono::hours(9)}));
  EXPECT_EQ(StepAll(), (std::vector<long>{0, 20'000, 1600, 300'000}));
}

TEST_F(WatcherTest, StartsTheBackOffAnewAfterTwoHealthyMinutes) {
  api_.OnList(OnePage({}, "10"))
      .OnWatch(FailedWatch(ErrorCode::kUnavailable))
      .OnWatch(FailedWatch(ErrorCode::kUnavailable))
      .OnWatch(Stream({}))
      .OnWatch(FailedWatch(ErrorCode::kUnavailable));
  EXPECT_EQ(StepAll(), (std::vector<long>{0, 800, 1600, 0, 800}));
}

TEST_F(WatcherTest, KeepsItsBackOffWhenAHealthyMomentWasShort) {
  WatchAnswer short_stream = Stream({BookmarkLine("11")});
  short_stream.lived = seconds(5);
  api_.OnList(OnePage({}, "10"))
      .OnWatch(FailedWatch(ErrorCode::kUnavailable))
      .OnWatch(short_stream)
      .OnWatch(FailedWatch(ErrorCode::kUnavailable));
  EXPECT_EQ(StepAll(), (std::vector<long>{0, 800, 0, 1600}));
}

TEST_F(WatcherTest, DoesNotSpinOnWatchesThatEndAtOnce) {
  WatchAnswer empty = Stream({});
  empty.lived = milliseconds(10);
  api_.OnList(OnePage({}, "10")).OnWatch(empty).OnWatch(empty).OnWatch(empty);
  EXPECT_EQ(StepAll(), (std::vector<long>{0, 800, 1600, 3200}));
}

TEST_F(WatcherTest, DoesNotSpinOnWatchesThatOnlyRepeatWhatIsKnown) {
  WatchAnswer repeated = Stream({BookmarkLine("10"), WatchLine("ADDED", TestObject("a", "9"))});
  repeated.lived = milliseconds(10);
  api_.OnList(OnePage({}, "10")).OnWatch(repeated).OnWatch(repeated);
  EXPECT_EQ(StepAll(), (std::vector<long>{0, 800, 1600}));
}

// --- Streams that cannot be trusted

TEST_F(WatcherTest, RelistsAfterAnEventThatItDoesNotKnow) {
  api_.OnList(OnePage({TestObject("a", "1")}, "10"))
      .OnWatch(Stream({WatchLine("RENAMED", TestObject("a", "11"))}))
      .OnList(OnePage({TestObject("z", "11")}, "20"));
  StepAll();
  EXPECT_EQ(Held(), Words{"z@11"});
}

TEST_F(WatcherTest, RelistsAfterBrokenJson) {
  api_.OnList(OnePage({}, "10")).OnWatch(Stream({"{broken\n"})).OnList(OnePage({}, "20"));
  StepAll();
  EXPECT_EQ(api_.ListCalls().size(), 2U);
}

TEST_F(WatcherTest, RelistsAfterAnEventWithoutAVersion) {
  api_.OnList(OnePage({}, "10"))
      .OnWatch(Stream({WatchLine("ADDED", {{"metadata", {{"name", "a"}, {"uid", "u"}}}})}))
      .OnList(OnePage({}, "20"));
  StepAll();
  EXPECT_EQ(Held(), Words{});
  EXPECT_EQ(api_.ListCalls().size(), 2U);
}

TEST_F(WatcherTest, RelistsWhenTheKindItselfIsGone) {
  api_.OnList(OnePage({}, "10"))
      .OnWatch(FailedWatch(ErrorCode::kNotFound))
      .OnList(FailedList(ErrorCode::kNotFound));
  EXPECT_EQ(StepAll(), (std::vector<long>{0, 0, 1600}));
}

// --- Duplicated and reordered events

TEST_F(WatcherTest, DoesNotApplyAnEventThatIsOlderThanWhatItHasSeen) {
  api_.OnList(OnePage({TestObject("a", "8")}, "10"))
      .OnWatch(Stream({WatchLine("MODIFIED", TestObject("a", "12")),
                       WatchLine("MODIFIED", TestObject("a", "11"))}));
  StepAll();
  EXPECT_EQ(Held(), Words{"a@12"});
  EXPECT_TRUE(HasMetric("committest_watch_events_total{type=\"stale\",watcher=\"things\"} 1"));
}

TEST_F(WatcherTest, DoesNotBringADeletedObjectBackByAnOlderEvent) {
  api_.OnList(OnePage({TestObject("a", "8")}, "10"))
      .OnWatch(Stream({WatchLine("DELETED", TestObject("a", "12")),
                       WatchLine("MODIFIED", TestObject("a", "11"))}));
  StepAll();
  EXPECT_EQ(Held(), Words{});
}

TEST_F(WatcherTest, SaysNothingAboutAnEventThatComesTwice) {
  const std::string line = WatchLine("ADDED", TestObject("a", "11"));
  api_.OnList(OnePage({}, "10")).OnWatch(Stream({line, line}));
  StepAll();
  EXPECT_EQ(Heard(), Words{"+a@11"});
}

TEST_F(WatcherTest, TakesAModifiedObjectThatItDoesNotHoldAsAdded) {
  api_.OnList(OnePage({}, "10")).OnWatch(Stream({WatchLine("MODIFIED", TestObject("a", "11"))}));
  StepAll();
  EXPECT_EQ(Heard(), Words{"+a@11"});
}

TEST_F(WatcherTest, IgnoresTheDeletionOfAnObjectWhoseSuccessorItHolds) {
  api_.OnList(OnePage({WithUid(TestObject("a", "20"), "second")}, "10"))
      .OnWatch(Stream({WatchLine("DELETED", TestObject("a", "15"))}));
  StepAll();
  EXPECT_EQ(Held(), Words{"a@20"});
}

TEST_F(WatcherTest, TakesVersionsThatCannotBeOrderedAsTheyCome) {
  api_.OnList(OnePage({TestObject("a", "opaque-z")}, "list"))
      .OnWatch(Stream({WatchLine("MODIFIED", TestObject("a", "opaque-b"))}))
      .OnWatch(Stream({}));
  StepAll();
  EXPECT_EQ(Held(), Words{"a@opaque-b"});
  EXPECT_EQ(WatchedFrom(), (Words{"list", "opaque-b"}));
}

// --- Hostile objects

TEST_F(WatcherTest, SkipsAnObjectWithoutUsableMetadata) {
  api_.OnList(OnePage({json({{"metadata", {{"name", "no-uid"}}}}), TestObject("a", "1")}, "10"));
  StepAll();
  EXPECT_EQ(Held(), Words{"a@1"});
}

TEST_F(WatcherTest, SkipsAnObjectThatCannotBeParsedAndGoesOn) {
  json poison = TestObject("p", "11");
  poison["poison"] = true;
  api_.OnList(OnePage({poison}, "10"))
      .OnWatch(Stream({WatchLine("MODIFIED", poison), WatchLine("ADDED", TestObject("a", "12"))}));
  StepAll();
  EXPECT_EQ(Held(), Words{"a@12"});
}

TEST_F(WatcherTest, GoesOnWhenAHandlerThrows) {
  store_.AddHandler([](const auto&, const auto&) { throw std::runtime_error("a bug"); });
  api_.OnList(OnePage({}, "10"))
      .OnWatch(Stream(
          {WatchLine("ADDED", TestObject("a", "11")), WatchLine("ADDED", TestObject("b", "12"))}))
      .OnWatch(Stream({}));
  StepAll();
  EXPECT_EQ(Held(), (Words{"a@11", "b@12"}));
  EXPECT_EQ(WatchedFrom(), (Words{"10", "12"}));
}

}  // namespace
}  // namespace committest::kube
