#include "common/kube/watcher.h"

#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/unit/common/kube/watcher_fixture.h"

namespace committest::kube {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

// --- LIST

TEST_F(WatcherTest, ListsAndThenWatchesFromTheListsVersion) {
  api_.OnList(OnePage({TestObject("a", "3"), TestObject("b", "7")}, "10")).OnWatch(Stream({}));
  StepAll();
  EXPECT_EQ(Held(), (Words{"a@3", "b@7"}));
  EXPECT_EQ(WatchedFrom(), Words{"10"});
}

TEST_F(WatcherTest, ShowsNothingUntilTheLastPageHasArrived) {
  api_.OnList(FirstPage({TestObject("a", "1")}, "10"));
  StepAll();
  EXPECT_EQ(Held(), Words{});
  EXPECT_FALSE(watcher_->Ready());
  api_.OnList(OnePage({TestObject("b", "2")}, "10"));
  StepAll();
  EXPECT_EQ(Held(), (Words{"a@1", "b@2"}));
  EXPECT_TRUE(watcher_->Ready());
  EXPECT_EQ(api_.ListCalls(), (Words{"", "next"}));
}

TEST_F(WatcherTest, StartsFromScratchWhenTheContinueTokenHasExpired) {
  api_.OnList(FirstPage({TestObject("deleted-in-the-meantime", "1")}, "10"))
      .OnList(FailedList(ErrorCode::kGone))
      .OnList(OnePage({TestObject("a", "12")}, "20"));
  StepAll();
  EXPECT_EQ(Held(), Words{"a@12"});
  EXPECT_EQ(api_.ListCalls(), (Words{"", "next", ""}));
}

TEST_F(WatcherTest, NeverTakesHalfAListForAWholeOne) {
  api_.OnList(OnePage({TestObject("a", "1"), TestObject("b", "2")}, "10"))
      .OnWatch(FailedWatch(ErrorCode::kGone))
      .OnList(FirstPage({TestObject("a", "1")}, "20"))
      .OnList({{}, Fail(ErrorCode::kUnavailable, "cut")});
  StepAll();
  EXPECT_EQ(Held(), (Words{"a@1", "b@2"}));
  EXPECT_EQ(Heard(), (Words{"+a@1", "+b@2"}));
}

TEST_F(WatcherTest, ForgetsObjectsOfAPageThatBrokeOffInTheMiddle) {
  api_.OnList({{TestObject("a", "1")}, Fail(ErrorCode::kDataLoss, "cut")})
      .OnList(OnePage({TestObject("b", "2")}, "10"));
  StepAll();
  EXPECT_EQ(Held(), Words{"b@2"});
}

TEST_F(WatcherTest, DoesNotHoldTwiceWhatALaterListBringsUnchanged) {
  api_.OnList(OnePage({TestObject("a", "1"), TestObject("b", "2")}, "10"));
  StepAll();
  const auto before = store_.List();
  api_.OnWatch(FailedWatch(ErrorCode::kGone))
      .OnList(OnePage({TestObject("a", "1"), WithUid(TestObject("b", "2"), "other")}, "20"));
  StepAll();
  const auto after = store_.List();
  ASSERT_EQ(after.size(), 2U);
  EXPECT_EQ(after[0], before[0]) << "the very object";
  EXPECT_EQ(after[1]->meta.uid, "other") << "whatever its version says";
}

TEST_F(WatcherTest, BacksOffWhileListsFailAndLongerEachTime) {
  for (int i = 0; i < 7; ++i) api_.OnList(FailedList(ErrorCode::kUnavailable));
  EXPECT_EQ(StepAll(), (std::vector<long>{800, 1600, 3200, 6400, 12800, 25600, 30000}));
}

TEST_F(WatcherTest, RefusesAListWithoutAVersion) {
  api_.OnList(OnePage({TestObject("a", "1")}, ""));
  EXPECT_EQ(StepAll(), std::vector<long>{800});
  EXPECT_EQ(Held(), Words{});
  EXPECT_FALSE(watcher_->Ready());
}

TEST_F(WatcherTest, TakesAnEmptyListAsAState) {
  api_.OnList(OnePage({}, "10"));
  StepAll();
  EXPECT_TRUE(watcher_->Ready());
}

// --- WATCH

TEST_F(WatcherTest, AppliesAddedModifiedAndDeleted) {
  api_.OnList(OnePage({TestObject("a", "1")}, "10"))
      .OnWatch(Stream({WatchLine("ADDED", TestObject("b", "11")),
                       WatchLine("MODIFIED", TestObject("a", "12")),
                       WatchLine("DELETED", TestObject("b", "13"))}));
  StepAll();
  EXPECT_EQ(Held(), Words{"a@12"});
  EXPECT_EQ(Heard(), (Words{"+a@1", "+b@11", "~a@12", "-b"}));
}

TEST_F(WatcherTest, AppliesAnEventBeforeTheStreamEnds) {
  std::string seen;
  store_.AddHandler([&](const auto&, const auto& after) { seen = after->meta.name; });
  api_.OnList(OnePage({}, "10")).OnWatch(Stream({WatchLine("ADDED", TestObject("b", "11"))}));
  StepAll();
  EXPECT_EQ(seen, "b");
}

TEST_F(WatcherTest, ResumesFromTheLastEventAfterACleanEnd) {
  api_.OnList(OnePage({}, "10"))
      .OnWatch(Stream(
          {WatchLine("ADDED", TestObject("a", "11")), WatchLine("DELETED", TestObject("a", "12"))}))
      .OnWatch(Stream({}))
      .OnWatch(Stream({}));
  EXPECT_EQ(StepAll(), (std::vector<long>{0, 0, 0, 0}));
  EXPECT_EQ(WatchedFrom(), (Words{"10", "12", "12"}));
}

TEST_F(WatcherTest, ResumesFromABookmark) {
  api_.OnList(OnePage({}, "10")).OnWatch(Stream({BookmarkLine("500")})).OnWatch(Stream({}));
  StepAll();
  EXPECT_EQ(WatchedFrom(), (Words{"10", "500"}));
  EXPECT_EQ(Heard(), Words{});
}

TEST_F(WatcherTest, NeverResumesFromTheVersionOfAListItem) {
  api_.OnList(OnePage({TestObject("a", "99")}, "10")).OnWatch(Stream({}));
  StepAll();
  EXPECT_EQ(WatchedFrom(), Words{"10"});
}

TEST_F(WatcherTest, DiscardsAPartialLastLineAndResumesBeforeIt) {
  const std::string line = WatchLine("ADDED", TestObject("b", "12"));
  api_.OnList(OnePage({}, "10"))
      .OnWatch({{WatchLine("ADDED", TestObject("a", "11")) + line.substr(0, 30)},
                Fail(ErrorCode::kUnavailable, "cut"),
                seconds(3)})
      .OnWatch(Stream({line}));
  EXPECT_EQ(StepAll(), (std::vector<long>{0, 0, 0}));
  EXPECT_EQ(WatchedFrom(), (Words{"10", "11"}));
  EXPECT_EQ(Held(), (Words{"a@11", "b@12"}));
}

TEST_F(WatcherTest, ResumesAtOnceAfterALongQuietStreamWasCut) {
  api_.OnList(OnePage({}, "10"))
      .OnWatch(FailedWatch({ErrorCode::kUnavailable, "cut", "", {}}, minutes(3)))
      .OnWatch(FailedWatch({ErrorCode::kDeadlineExceeded, "silent", "", {}}, seconds(315)))
      .OnWatch(Stream({}));
  EXPECT_EQ(StepAll(), (std::vector<long>{0, 0, 0, 0}));
  EXPECT_EQ(WatchedFrom(), (Words{"10", "10", "10"}));
  EXPECT_EQ(api_.ListCalls().size(), 1U);
}

// --- 410

TEST_F(WatcherTest, RelistsAfterHttp410AndFindsWhatWasDeletedInTheGap) {
  api_.OnList(OnePage({TestObject("a", "1"), TestObject("b", "2")}, "10"))
      .OnWatch(FailedWatch(ErrorCode::kGone))
      .OnList(OnePage({TestObject("a", "1"), TestObject("c", "15")}, "20"))
      .OnWatch(Stream({}));
  EXPECT_EQ(StepAll(), (std::vector<long>{0, 0, 0, 0}));
  EXPECT_EQ(Heard(), (Words{"+a@1", "+b@2", "+c@15", "-b"}));
  EXPECT_EQ(WatchedFrom(), (Words{"10", "20"}));
}

TEST_F(WatcherTest, RelistsAfterAnErrorEventOf410InsideAStream) {
  api_.OnList(OnePage({TestObject("a", "1")}, "10"))
      .OnWatch(Stream({BookmarkLine("12"), ErrorLine(410, "Expired")}))
      .OnList(OnePage({}, "20"));
  StepAll();
  EXPECT_EQ(Heard(), (Words{"+a@1", "-a"}));
}

TEST_F(WatcherTest, KeepsItsCacheWhileItRelists) {
  api_.OnList(OnePage({TestObject("a", "1")}, "10"))
      .OnWatch(FailedWatch(ErrorCode::kGone))
      .OnList(FailedList(ErrorCode::kUnavailable))
      .OnList(FailedList(ErrorCode::kUnavailable));
  StepAll();
  EXPECT_EQ(Held(), Words{"a@1"});
  EXPECT_TRUE(watcher_->Ready());
}

TEST_F(WatcherTest, TellsOfAnObjectThatWasRecreatedUnderItsNameInTheGap) {
  std::string uids;
  store_.AddHandler([&](const auto& before, const auto& after) {
    if (before && after) uids = before->meta.uid + "->" + after->meta.uid;
  });
  api_.OnList(OnePage({TestObject("a", "1")}, "10"))
      .OnWatch(FailedWatch(ErrorCode::kGone))
      .OnList(OnePage({WithUid(TestObject("a", "15"), "second")}, "20"));
  StepAll();
  EXPECT_EQ(uids, "uid-a->second");
}

TEST_F(WatcherTest, BacksOffWhenHistoryIsLostAgainAndAgain) {
  for (int i = 0; i < 3; ++i) {
    api_.OnList(OnePage({}, "10")).OnWatch(FailedWatch(ErrorCode::kGone));
  }
  EXPECT_EQ(StepAll(), (std::vector<long>{0, 0, 0, 1600, 0, 3200}));
}

TEST_F(WatcherTest, RelistsAtOnceWhenAServerComesBackWithoutItsHistory) {
  api_.OnList(OnePage({}, "10"))
      .OnWatch(FailedWatch(ErrorCode::kUnavailable))
      .OnWatch(FailedWatch(ErrorCode::kUnavailable))
      .OnWatch(FailedWatch(ErrorCode::kGone))
      .OnList(OnePage({}, "20"))
      .OnWatch(FailedWatch(ErrorCode::kGone));
  EXPECT_EQ(StepAll(), (std::vector<long>{0, 800, 1600, 0, 0, 6400}));
}

// --- Time

TEST_F(WatcherTest, AsksForAWatchOfFourToFiveMinutes) {
  options_.relist_min = options_.relist_max = std::chrono::hours(24);
  Reset();
  api_.OnList(OnePage({}, "10"));
  for (int i = 0; i < 100; ++i) api_.OnWatch(Stream({}));
  StepAll();
  std::vector<long> timeouts;
  for (const auto& call : api_.WatchCalls()) timeouts.push_back(call.timeout.count());
  const auto [low, high] = std::ranges::minmax(timeouts);
  EXPECT_GE(low, 240);
  EXPECT_LT(low, 246);
  EXPECT_LE(high, 300);
  EXPECT_GT(high, 294);
}

TEST_F(WatcherTest, RelistsEveryTenToFifteenMinutesHoweverWellTheWatchGoes) {
  for (int round = 0; round < 20; ++round) {
    const MonotonicTime listed = clock_.Monotonic();
    const std::size_t lists = api_.ListCalls().size();
    api_.OnList(OnePage({}, "10"));
    watcher_->Step();
    // A server that ends each watch exactly when it was asked to.
    while (api_.ListCalls().size() == lists + 1) {
      const std::size_t watches = api_.WatchCalls().size();
      api_.OnWatch({{}, {}, milliseconds(0)});
      watcher_->Step();
      if (api_.WatchCalls().size() == watches) break;
      clock_.Advance(api_.WatchCalls().back().timeout);
    }
    const auto age = clock_.Monotonic() - listed;
    EXPECT_GE(age, minutes(10));
    EXPECT_LE(age, minutes(15) + seconds(1));
  }
}

TEST_F(WatcherTest, FindsAMissedDeletionByTheSafetyNet) {
  api_.OnList(OnePage({TestObject("a", "1")}, "10"))
      .OnWatch({{}, {}, minutes(16)})
      .OnList(OnePage({}, "20"));
  StepAll();
  EXPECT_EQ(Heard(), (Words{"+a@1", "-a"}));
}

TEST_F(WatcherTest, TellsWhenItLastHeardFromTheServer) {
  api_.OnList(OnePage({}, "10")).OnWatch({{BookmarkLine("11")}, {}, minutes(4)});
  watcher_->Step();
  clock_.Advance(minutes(1));
  const MonotonicTime bookmarked = clock_.Monotonic();
  watcher_->Step();
  EXPECT_EQ(watcher_->LastContact(), bookmarked);
}

TEST_F(WatcherTest, CountsListsAndFailures) {
  api_.OnList(FailedList(ErrorCode::kUnavailable))
      .OnList(OnePage({}, "10"))
      .OnWatch(FailedWatch(ErrorCode::kGone))
      .OnList(OnePage({}, "20"));
  StepAll();
  EXPECT_TRUE(HasMetric("committest_watch_lists_total{watcher=\"things\"} 2"));
  EXPECT_TRUE(HasMetric("committest_watch_failures_total{watcher=\"things\"} 2"));
}

// --- Readiness

TEST_F(WatcherTest, IsReadyAfterTheFirstList) {
  EXPECT_FALSE(watcher_->Ready());
  api_.OnList(OnePage({}, "10"));
  StepAll();
  EXPECT_TRUE(watcher_->Ready());
  EXPECT_TRUE(watcher_->WaitReady(clock_.Monotonic(), {}));
}

TEST_F(WatcherTest, NamesTheLastFailureWhenItDoesNotBecomeReadyInTime) {
  api_.OnList(FailedList(ErrorCode::kPermissionDenied));
  StepAll();
  const Status status = watcher_->WaitReady(clock_.Monotonic(), {});
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kDeadlineExceeded);
  EXPECT_NE(status.error().message.find("things"), std::string::npos);
  EXPECT_NE(status.error().message.find("scripted"), std::string::npos);
}

TEST_F(WatcherTest, StopsWaitingForReadinessWhenStopped) {
  std::stop_source stop;
  stop.request_stop();
  const Status status = watcher_->WaitReady(clock_.Monotonic() + minutes(2), stop.get_token());
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kCancelled);
}

}  // namespace
}  // namespace committest::kube
