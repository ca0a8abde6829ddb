#include "common/kube/watcher.h"

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "common/kube/json_reader.h"
#include "tests/support/manual_clock.h"
#include "tests/support/scripted_api.h"

namespace committest::kube {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using Words = std::vector<std::string>;

struct Thing {
  ObjectMeta meta;
};

Thing ParseThing(const json& object) {
  if (BoolAt(object, "poison")) throw std::runtime_error("poisoned");
  return {ParseObjectMeta(object).value()};
}

ListAnswer OnePage(std::vector<json> items, const std::string& version) {
  return {std::move(items), ListPage{version, ""}};
}

ListAnswer FirstPage(std::vector<json> items, const std::string& version) {
  return {std::move(items), ListPage{version, "next"}};
}

ListAnswer FailedList(ErrorCode code) { return {{}, Fail(code, "scripted")}; }

WatchAnswer Stream(std::vector<std::string> chunks) { return {std::move(chunks), {}}; }

WatchAnswer FailedWatch(Error error, milliseconds lived = milliseconds(5)) {
  return {{}, Fail(std::move(error)), lived};
}

WatchAnswer FailedWatch(ErrorCode code) { return FailedWatch(Error{code, "scripted", "", {}}); }

json WithUid(json object, const std::string& uid) {
  object["metadata"]["uid"] = uid;
  return object;
}

class WatcherTest : public ::testing::Test {
 protected:
  WatcherTest() {
    store_.AddHandler([this](const auto& before, const auto& after) {
      if (!after) {
        heard_.push_back("-" + before->meta.name);
      } else {
        heard_.push_back((before ? "~" : "+") + after->meta.name + "@" +
                         after->meta.resource_version);
      }
    });
    Reset();
  }

  void Reset() {
    watcher_ = std::make_unique<Watcher<Thing>>(options_, api_, api_, store_, ParseThing, clock_,
                                                *random_, metrics_);
  }

  // Steps until nothing is scripted any more; the waits that the steps asked for, in milliseconds.
  std::vector<long> StepAll() {
    std::vector<long> waits;
    while (!api_.Exhausted()) {
      const milliseconds wait = watcher_->Step();
      waits.push_back(wait.count());
      clock_.Advance(wait);
    }
    return waits;
  }

  Words Held() const {
    Words words;
    for (const auto& thing : store_.List()) {
      words.push_back(thing->meta.name + "@" + thing->meta.resource_version);
    }
    return words;
  }

  Words Heard() { return std::exchange(heard_, {}); }

  Words WatchedFrom() const {
    Words versions;
    for (const auto& call : api_.WatchCalls()) versions.push_back(call.resource_version);
    return versions;
  }

  bool HasMetric(const std::string& line) const {
    return metrics_.Expose().find(line + "\n") != std::string::npos;
  }

  ManualClock clock_;
  std::unique_ptr<Random> random_ = MakeSeededRandom(11);
  Metrics metrics_;
  ScriptedApi api_{clock_};
  Store<Thing> store_;
  // Without jitter the waits are exact; jitter is the business of BackoffDelay's own tests.
  WatcherOptions options_{
      .name = "things",
      .type = {.group = "", .version = "v1", .plural = "things", .kind = "Thing"},
      .backoff = {milliseconds(800), milliseconds(30'000), 0.0}};
  Words heard_;
  std::unique_ptr<Watcher<Thing>> watcher_;
};

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

// --- The decision by itself

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
