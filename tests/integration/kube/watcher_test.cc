#include "common/kube/watcher.h"

#include <algorithm>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "common/base/strings.h"
#include "tests/integration/kube/machinery_fixture.h"
#include "tests/support/eventually.h"

namespace committest::kube {
namespace {

using std::chrono::seconds;

// Passes everything on to the real client, keeps how each call ended, and lets a test act between
// two pages of a LIST.
class Spy final : public Lister, public Watchable {
 public:
  explicit Spy(ApiClient& client) : client_(client) {}

  Result<ListPage> List(const ResourceType& type, const Selection& selection, int limit,
                        const std::string& continue_token, const std::vector<std::string>& drop,
                        const ObjectSink& sink) override {
    auto page = client_.List(type, selection, limit, continue_token, drop, sink);
    pages.emplace_back(continue_token.empty() ? "first" : "further",
                       page ? "ok" : std::string(ErrorCodeName(page.error().code)));
    if (auto act = std::exchange(after_page, nullptr)) act();
    return page;
  }

  Status Watch(const ResourceType& type, const Selection& selection,
               const std::string& resource_version, std::chrono::seconds timeout,
               const ByteSink& sink, std::stop_token stop) override {
    bool bytes = false;
    const auto count = [&](std::string_view chunk) {
      bytes = true;
      return sink(chunk);
    };
    auto end = client_.Watch(type, selection, resource_version, timeout, count, std::move(stop));
    watches.push_back((end ? "ok" : std::string(ErrorCodeName(end.error().code))) +
                      (bytes ? " in the stream" : ""));
    return end;
  }

  std::function<void()> after_page;
  std::vector<std::pair<std::string, std::string>> pages;
  std::vector<std::string> watches;

 private:
  ApiClient& client_;
};

class WatcherOnApiServer : public MachineryTest {
 protected:
  // Short watches, so that a test can step the watcher by itself.
  WatcherOptions Stepping() const {
    WatcherOptions options = Watching();
    options.watch_min = options.watch_max = seconds(1);
    return options;
  }
};

TEST_F(WatcherOnApiServer, SeesWhatIsCreatedRewrittenAndDeleted) {
  Create("before");
  auto watcher = MakeWatcher(Watching());
  watcher->Start();
  ASSERT_TRUE(watcher->WaitReady(clock_.Monotonic() + seconds(30), {}));
  EXPECT_EQ(Held("before"), "first");

  Create("a");
  EXPECT_TRUE(Eventually([&] { return Held("a") == "first"; }));
  Rewrite("a", "second");
  EXPECT_TRUE(Eventually([&] { return Held("a") == "second"; }));
  Delete("a");
  EXPECT_TRUE(Eventually([&] { return Held("a").empty(); }));
  EXPECT_EQ(Held("before"), "first");
  EXPECT_TRUE(HasMetric("committest_watch_lists_total{watcher=\"notes\"} 1"));
}

TEST_F(WatcherOnApiServer, HoldsObjectsWithoutTheMembersThatItDrops) {
  Create("listed");
  auto watcher = MakeWatcher(Watching());
  watcher->Start();
  ASSERT_TRUE(watcher->WaitReady(clock_.Monotonic() + seconds(30), {}));
  Create("watched");
  ASSERT_TRUE(Eventually([&] { return store_.Size() == 2; }));
  for (const auto& note : store_.List()) EXPECT_FALSE(note->has_managed_fields) << note->meta.name;
}

TEST_F(WatcherOnApiServer, ListsPageByPage) {
  for (int i = 0; i < 7; ++i) Create("note-" + std::to_string(i));
  WatcherOptions options = Watching();
  options.page_limit = 2;
  Spy spy(*client_);
  auto watcher = MakeWatcher(options, spy, spy);
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(store_.Size(), 0U);
    watcher->Step();
  }
  EXPECT_EQ(store_.Size(), 7U);
}

TEST_F(WatcherOnApiServer, ResumesAndSeesWhatHappenedWhileItsWatchWasDown) {
  Create("kept");
  Create("deleted");
  auto watcher = MakeWatcher(Stepping());
  watcher->Step();
  watcher->Step();
  Delete("deleted");
  Rewrite("kept", "second");
  Create("new");
  watcher->Step();
  EXPECT_EQ(Held("deleted"), "");
  EXPECT_EQ(Held("kept"), "second");
  EXPECT_EQ(Held("new"), "first");
  EXPECT_TRUE(HasMetric("committest_watch_lists_total{watcher=\"notes\"} 1"));
}

TEST_F(WatcherOnApiServer, RelistsWhenHistoryWasCompactedAndFindsWhatWasDeleted) {
  Create("kept");
  Create("deleted");
  Create("recreated");
  Spy spy(*client_);
  auto watcher = MakeWatcher(Stepping(), spy, spy);
  watcher->Step();
  const std::string first_uid = store_.Get(Key("recreated"))->meta.uid;

  Delete("deleted");
  Delete("recreated");
  Create("recreated", "second");
  ASSERT_TRUE(control_->Compact());
  // A new process has no history in memory either.
  RestartApiServer();

  for (int i = 0; i < 30 && Held("recreated") != "second"; ++i) {
    clock_.SleepFor(watcher->Step(), {});
  }
  EXPECT_EQ(Held("kept"), "first");
  EXPECT_EQ(Held("deleted"), "");
  EXPECT_EQ(Held("recreated"), "second");
  EXPECT_NE(store_.Get(Key("recreated"))->meta.uid, first_uid);
  // The server may say it in either form; both are the same to the watcher.
  EXPECT_EQ(std::ranges::count_if(spy.watches, [](const auto& w) { return w.starts_with("Gone"); }),
            1);
  RecordProperty("watches", Join(spy.watches, ", "));
  EXPECT_TRUE(HasMetric("committest_watch_lists_total{watcher=\"notes\"} 2"));
}

TEST_F(WatcherOnApiServer, StartsAListAnewWhenItsContinueTokenHasExpired) {
  for (int i = 0; i < 5; ++i) Create("note-" + std::to_string(i));
  WatcherOptions options = Stepping();
  options.page_limit = 2;
  Spy spy(*client_);
  spy.after_page = [&] {
    Delete("note-0");
    Create("later");
    ASSERT_TRUE(control_->Compact());
    RestartApiServer();
  };
  auto watcher = MakeWatcher(options, spy, spy);
  for (int i = 0; i < 30 && !watcher->Ready(); ++i) clock_.SleepFor(watcher->Step(), {});
  ASSERT_GE(spy.pages.size(), 3U);
  EXPECT_EQ(spy.pages[1], std::make_pair(std::string("further"), std::string("Gone")));
  EXPECT_EQ(spy.pages[2].first, "first");
  EXPECT_EQ(store_.Size(), 5U);
  EXPECT_EQ(Held("note-0"), "");
  EXPECT_EQ(Held("later"), "first");
}

TEST_F(WatcherOnApiServer, ReconnectsAfterTheApiServerWasKilled) {
  Create("before");
  auto watcher = MakeWatcher(Watching());
  watcher->Start();
  ASSERT_TRUE(watcher->WaitReady(clock_.Monotonic() + seconds(30), {}));

  KillApiServer();
  ASSERT_TRUE(Eventually(
      [&] { return !HasMetric("committest_watch_failures_total{watcher=\"notes\"} 0"); }));
  EXPECT_EQ(Held("before"), "first");
  StartApiServer();

  Create("after");
  EXPECT_TRUE(Eventually([&] { return Held("after") == "first"; }, seconds(60)));
  Delete("before");
  EXPECT_TRUE(Eventually([&] { return Held("before").empty(); }));
}

TEST_F(WatcherOnApiServer, StopEndsAnOpenWatchAtOnce) {
  auto watcher = MakeWatcher(Watching());
  watcher->Start();
  ASSERT_TRUE(watcher->WaitReady(clock_.Monotonic() + seconds(30), {}));
  Create("a");
  ASSERT_TRUE(Eventually([&] { return Held("a") == "first"; }));
  const MonotonicTime begin = clock_.Monotonic();
  watcher->Stop();
  EXPECT_LT(clock_.Monotonic() - begin, seconds(2));
}

}  // namespace
}  // namespace committest::kube
