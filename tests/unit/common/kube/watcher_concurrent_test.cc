#include <atomic>
#include <memory>
#include <thread>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "common/kube/watcher.h"
#include "tests/support/eventually.h"
#include "tests/support/manual_clock.h"
#include "tests/support/scripted_api.h"

namespace committest::kube {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

struct Thing {
  ObjectMeta meta;
};

class WatcherConcurrent : public ::testing::Test {
 protected:
  ListAnswer Listed() { return {{TestObject("a", "1")}, ListPage{"10", ""}}; }

  ManualClock clock_{SleepMode::kBlock};
  std::unique_ptr<Random> random_ = MakeSeededRandom(1);
  Metrics metrics_;
  ScriptedApi api_{clock_};
  Store<Thing> store_;
  Watcher<Thing> watcher_{{.name = "things"},
                          api_,
                          api_,
                          store_,
                          [](const nlohmann::json& o) { return Thing{ParseObjectMeta(o).value()}; },
                          clock_,
                          *random_,
                          metrics_};
};

TEST_F(WatcherConcurrent, WakesThoseWhoWaitForTheFirstList) {
  api_.OnList(Listed()).OnWatch({{}, {}, {}, true});
  std::atomic<bool> ready{false};
  std::jthread waiter([&](std::stop_token stop) {
    ready = watcher_.WaitReady(clock_.Monotonic() + minutes(2), std::move(stop)).has_value();
  });
  watcher_.Start();
  EXPECT_TRUE(Eventually([&] { return ready.load(); }));
}

TEST_F(WatcherConcurrent, StopEndsAWatchThatIsOpen) {
  api_.OnList(Listed()).OnWatch({{BookmarkLine("11")}, {}, {}, true});
  watcher_.Start();
  ASSERT_TRUE(Eventually([&] { return api_.WatchCalls().size() == 1; }));
  watcher_.Stop();
  EXPECT_EQ(api_.WatchCalls().size(), 1U);
}

TEST_F(WatcherConcurrent, StopEndsABackOff) {
  api_.OnList({{}, Fail(ErrorCode::kUnavailable, "down")});
  watcher_.Start();
  ASSERT_TRUE(Eventually([&] { return clock_.Sleepers() == 1; }));
  watcher_.Stop();
  EXPECT_EQ(api_.ListCalls().size(), 1U);
}

TEST_F(WatcherConcurrent, WaitsBetweenFailuresAndRecovers) {
  api_.OnList({{}, Fail(ErrorCode::kUnavailable, "down")});
  watcher_.Start();
  ASSERT_TRUE(Eventually([&] { return clock_.Sleepers() == 1; }));
  EXPECT_EQ(api_.ListCalls().size(), 1U);
  api_.OnList(Listed()).OnWatch({{}, {}, {}, true});
  clock_.Advance(seconds(2));
  EXPECT_TRUE(Eventually([&] { return watcher_.Ready(); }));
  watcher_.Stop();
}

TEST_F(WatcherConcurrent, SurvivesAnExceptionInTheMiddleOfAListAndStartsAgain) {
  std::atomic<int> calls{0};
  store_.AddHandler([&](const auto&, const auto&) {
    if (calls.fetch_add(1) == 0) throw std::runtime_error("a bug");
  });
  api_.OnList(Listed());
  watcher_.Start();
  ASSERT_TRUE(Eventually([&] { return clock_.Sleepers() == 1; }));
  api_.OnList({{TestObject("a", "2")}, ListPage{"20", ""}}).OnWatch({{}, {}, {}, true});
  clock_.Advance(seconds(2));
  EXPECT_TRUE(Eventually([&] { return calls.load() == 2; }));
  watcher_.Stop();
}

TEST_F(WatcherConcurrent, ReadersSeeWholeStatesWhileTheWatcherWrites) {
  WatchAnswer stream{{}, {}, {}, true};
  for (int i = 11; i < 500; ++i) {
    const std::string version = std::to_string(i);
    stream.chunks.push_back(WatchLine("MODIFIED", TestObject("a", version)));
  }
  api_.OnList(Listed()).OnWatch(stream);
  watcher_.Start();
  std::int64_t last = 0;
  bool backwards = false;
  EXPECT_TRUE(Eventually([&] {
    const auto thing = store_.Get({"ns", "a"});
    if (!thing) return false;
    const std::int64_t version = std::stoll(thing->meta.resource_version);
    backwards = backwards || version < last;
    last = version;
    return version == 499;
  }));
  EXPECT_FALSE(backwards);
  watcher_.Stop();
}

}  // namespace
}  // namespace committest::kube
