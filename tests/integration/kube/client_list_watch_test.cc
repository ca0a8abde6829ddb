#include <algorithm>
#include <atomic>
#include <chrono>
#include <future>
#include <set>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "common/kube/list_projection.h"
#include "tests/integration/kube/client_fixture.h"
#include "tests/support/cluster_control.h"

// Lists and watches of a real kube-apiserver.

namespace committest::kube {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using ::testing::HasSubstr;

TEST_F(ApiClientTest, PagesOfAListTogetherAreTheWholeSet) {
  constexpr int kCount = 520;
  std::set<std::string> expected;
  for (int i = 0; i < kCount; ++i) expected.insert("m-" + std::to_string(i));
  std::atomic<int> next = 0;
  std::vector<std::future<void>> creators;
  for (int i = 0; i < 8; ++i) {  // Together, because each waits for etcd's disk.
    creators.push_back(std::async(std::launch::async, [&] {
      for (int n = next++; n < kCount; n = next++) {
        const auto made =
            client_->Create(kConfigMaps, ConfigMap(namespace_, "m-" + std::to_string(n)));
        EXPECT_TRUE(made) << made.error().message;
      }
    }));
  }
  for (auto& creator : creators) creator.get();
  std::multiset<std::string> names;
  bool has_managed_fields = false;
  std::string token;
  std::set<std::string> versions;
  int pages = 0;
  do {
    const auto page = client_->List(kConfigMaps, {namespace_, "", ""}, 200, token,
                                    {"metadata.managedFields"}, [&](json&& object) {
                                      names.insert(object["metadata"]["name"].get<std::string>());
                                      has_managed_fields |=
                                          object["metadata"].contains("managedFields");
                                    });
    ASSERT_TRUE(page) << page.error().message;
    versions.insert(page->resource_version);
    token = page->continue_token;
    ++pages;
  } while (!token.empty());
  EXPECT_EQ(pages, 3);
  EXPECT_EQ(versions.size(), 1U);
  EXPECT_EQ(std::multiset<std::string>(expected.begin(), expected.end()), names);
  EXPECT_FALSE(has_managed_fields);
}

TEST_F(ApiClientTest, ListHonoursALabelSelector) {
  json labelled = ConfigMap(namespace_, "a");
  labelled["metadata"]["labels"] = {{"app", "x"}};
  ASSERT_TRUE(client_->Create(kConfigMaps, labelled));
  ASSERT_TRUE(client_->Create(kConfigMaps, ConfigMap(namespace_, "b")));
  std::vector<std::string> names;
  const auto page = client_->List(
      kConfigMaps, {namespace_, "app in (x,y)", ""}, 500, "", {},
      [&](json&& object) { names.push_back(object["metadata"]["name"].get<std::string>()); });
  ASSERT_TRUE(page) << page.error().message;
  EXPECT_THAT(names, ::testing::ElementsAre("a"));
}

TEST_F(ApiClientTest, ForgedContinueTokenIsAnError) {
  const auto page = client_->List(kConfigMaps, {namespace_, "", ""}, 500, "bm90IGEgdG9rZW4", {},
                                  [](json&&) { FAIL() << "no item was expected"; });
  EXPECT_EQ(CodeOf(page), ErrorCode::kInvalidArgument);
}

TEST_F(ApiClientTest, ContinueTokenOfForgottenHistoryIsGone) {
  const auto control = testing::ClusterControl::Of();
  ASSERT_TRUE(control) << control.error().message;
  for (const char* name : {"a", "b", "c"}) {
    ASSERT_TRUE(client_->Create(kConfigMaps, ConfigMap(namespace_, name)));
  }
  const Selection all{namespace_, "", ""};
  const auto first = client_->List(kConfigMaps, all, 1, "", {}, [](json&&) {});
  ASSERT_TRUE(first) << first.error().message;
  ASSERT_FALSE(first->continue_token.empty());
  ASSERT_TRUE(client_->Create(kConfigMaps, ConfigMap(namespace_, "d")));
  const Status compacted = control->Compact();
  ASSERT_TRUE(compacted) << compacted.error().message;
  // The API server goes on serving that version from snapshots of its own, until it is restarted.
  ASSERT_TRUE(control->Kill("kube-apiserver"));
  const Status restarted = control->Restart("kube-apiserver");
  ASSERT_TRUE(restarted) << restarted.error().message;
  const auto second = client_->List(kConfigMaps, all, 1, first->continue_token, {}, [](json&&) {});
  EXPECT_EQ(CodeOf(second), ErrorCode::kGone);
}

TEST_F(ApiClientTest, WatchThatTheServerRefusesReturnsItsWords) {
  const auto ended = client_->Watch(kConfigMaps, {namespace_, "", ""}, "not-a-version", 5s,
                                    [](std::string_view) { return Status(); }, {});
  // The server says 500 to this, not 400.
  EXPECT_EQ(CodeOf(ended), ErrorCode::kUnavailable);
  EXPECT_THAT(ended.error().message, HasSubstr("resourceVersion: Invalid value"));
}

TEST_F(ApiClientTest, WatchDeliversEventsAndEndsAtItsTimeout) {
  const auto page = client_->List(kConfigMaps, {namespace_, "", ""}, 500, "", {}, [](json&&) {});
  ASSERT_TRUE(page);
  ASSERT_TRUE(client_->Create(kConfigMaps, ConfigMap(namespace_, "seen")));
  std::string text;
  const auto ended = client_->Watch(kConfigMaps, {namespace_, "", ""}, page->resource_version, 1s,
                                    [&](std::string_view bytes) {
                                      text.append(bytes);
                                      return Status();
                                    },
                                    {});
  EXPECT_TRUE(ended) << ended.error().message;
  EXPECT_THAT(text, HasSubstr(R"({"type":"ADDED","object":{"kind":"ConfigMap")"));
  EXPECT_THAT(text, HasSubstr(R"("name":"seen")"));
}

TEST_F(ApiClientTest, WatchEndsWithin100MillisecondsOfItsStop) {
  // The best of some tries: what the client needs, not how busy the machine is.
  std::chrono::nanoseconds best = 1h;
  for (int i = 0; i < 5 && best >= 100ms; ++i) {
    std::stop_source stop;
    MonotonicTime stopped;
    const std::jthread stopper([&] {
      // The watch is quiet from the start, so there is no event of its own to wait for.
      clock_.SleepFor(300ms, {});
      stopped = clock_.Monotonic();
      stop.request_stop();
    });
    const auto ended = client_->Watch(
        kConfigMaps, {namespace_, "", ""}, "", 60s, [](std::string_view) { return Status(); },
        stop.get_token());
    EXPECT_EQ(CodeOf(ended), ErrorCode::kCancelled);
    best = std::min(best, clock_.Monotonic() - stopped);
  }
  EXPECT_LT(best, 100ms);
}

TEST_F(ApiClientTest, ErrorOfTheSinkEndsTheWatch) {
  ASSERT_TRUE(client_->Create(kConfigMaps, ConfigMap(namespace_, "a")));
  const auto ended = client_->Watch(
      kConfigMaps, {namespace_, "", ""}, "", 60s,
      [](std::string_view) { return Fail(ErrorCode::kDataLoss, "not understood"); }, {});
  EXPECT_EQ(CodeOf(ended), ErrorCode::kDataLoss);
}

}  // namespace
}  // namespace committest::kube
