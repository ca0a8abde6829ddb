#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "common/kube/event_recorder.h"
#include "tests/support/eventually.h"
#include "tests/support/memory_api.h"

namespace committest::kube {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

ObjectReference About(const std::string& name) {
  ObjectReference about{.api_version = "v1", .kind = "Thing", .meta = {}};
  about.meta.namespace_ = "ci";
  about.meta.name = name;
  about.meta.uid = "uid-" + name;
  return about;
}

class EventRecorderConcurrent : public ::testing::Test {
 protected:
  EventRecorderOptions options_{.controller = "test",
                                .instance = "pod-0",
                                .capacity = 256,
                                .repeat_after = seconds(60),
                                .attempts = 3,
                                .backoff = {milliseconds(1), milliseconds(2), 0.0}};
  SystemClock clock_;
  std::unique_ptr<Random> random_ = MakeSeededRandom(2);
  Metrics metrics_;
  MemoryApi api_;
  EventRecorder recorder_{options_, api_, clock_, *random_, metrics_};
};

TEST_F(EventRecorderConcurrent, SendsWhatManyThreadsRecord) {
  recorder_.Start();
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < 25; ++i) {
          recorder_.Record(About(std::to_string(t)), EventType::kNormal, "Reason",
                           "note " + std::to_string(i), "Act");
        }
      });
    }
  }
  recorder_.Stop(clock_.Monotonic() + seconds(20));
  EXPECT_EQ(api_.Objects("Event").size(), 100U);
}

TEST_F(EventRecorderConcurrent, FlushesWhatIsQueuedBeforeItStops) {
  for (int i = 0; i < 50; ++i) {
    recorder_.Record(About("a"), EventType::kNormal, "Reason", std::to_string(i), "Act");
  }
  recorder_.Start();
  recorder_.Stop(clock_.Monotonic() + seconds(20));
  EXPECT_EQ(api_.Objects("Event").size(), 50U);
}

TEST_F(EventRecorderConcurrent, GivesUpAtTheDeadlineOfTheFlush) {
  std::atomic<bool> released{false};
  std::atomic<int> begun{0};
  api_.SetFault([&](const std::string&) -> std::optional<Error> {
    begun.fetch_add(1);
    Eventually([&] { return released.load(); });
    return std::nullopt;
  });
  for (int i = 0; i < 50; ++i) {
    recorder_.Record(About("a"), EventType::kNormal, "Reason", std::to_string(i), "Act");
  }
  recorder_.Start();
  ASSERT_TRUE(Eventually([&] { return begun.load() == 1; }));
  std::jthread stopper([&] { recorder_.Stop(clock_.Monotonic() + milliseconds(10)); });
  const MonotonicTime past_deadline = clock_.Monotonic() + milliseconds(50);
  Eventually([&] { return clock_.Monotonic() > past_deadline; });
  released = true;
  stopper.join();
  EXPECT_EQ(begun.load(), 1);
  EXPECT_EQ(recorder_.Queued(), 0U);
}

TEST_F(EventRecorderConcurrent, TriesAgainWhenTheServerIsAwayForAMoment) {
  std::atomic<int> refusals{2};
  api_.SetFault([&](const std::string&) -> std::optional<Error> {
    if (refusals.fetch_sub(1) > 0) return Error{ErrorCode::kUnavailable, "down", "", {}};
    return std::nullopt;
  });
  recorder_.Start();
  recorder_.Record(About("a"), EventType::kNormal, "Reason", "note", "Act");
  EXPECT_TRUE(Eventually([&] { return api_.Objects("Event").size() == 1; }));
}

TEST_F(EventRecorderConcurrent, DoesNotSendAnEventTwiceWhoseAnswerWasLost) {
  api_.LoseNextAnswer();
  recorder_.Start();
  recorder_.Record(About("a"), EventType::kNormal, "Reason", "note", "Act");
  recorder_.Stop(clock_.Monotonic() + seconds(20));
  EXPECT_EQ(api_.Objects("Event").size(), 1U);
  EXPECT_EQ(api_.Count("POST"), 2);
}

TEST_F(EventRecorderConcurrent, RecordingDoesNotWaitForASlowServer) {
  std::atomic<bool> released{false};
  api_.SetFault([&](const std::string&) -> std::optional<Error> {
    Eventually([&] { return released.load(); });
    return std::nullopt;
  });
  recorder_.Start();
  // These calls return though no request does.
  for (int i = 0; i < 100; ++i) {
    recorder_.Record(About("a"), EventType::kNormal, "Reason", std::to_string(i), "Act");
  }
  EXPECT_TRUE(api_.Objects("Event").empty());
  released = true;
  recorder_.Stop(clock_.Monotonic() + seconds(20));
  EXPECT_EQ(api_.Objects("Event").size(), 100U);
}

}  // namespace
}  // namespace committest::kube
