#include <atomic>
#include <map>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "common/base/clock.h"
#include "common/kube/work_queue.h"

namespace committest::kube {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

ObjectKey Key(int number) { return {"ns", std::to_string(number)}; }

TEST(WorkQueueConcurrent, NeverGivesOneKeyToTwoWorkersAndLosesNoAdd) {
  constexpr int kKeys = 7;
  constexpr int kAddsPerProducer = 2000;
  SystemClock clock;
  WorkQueue queue(clock);
  std::vector<std::atomic<int>> added(kKeys);
  std::vector<std::atomic<int>> seen(kKeys);
  std::vector<std::atomic<int>> inside(kKeys);
  std::atomic<int> overlaps{0};

  const auto work = [&] {
    while (const auto key = queue.Get()) {
      const auto index = static_cast<std::size_t>(std::stoi(key->name));
      if (inside[index].fetch_add(1) != 0) overlaps.fetch_add(1);
      // What a reconcile does: it takes the state as it is when it begins.
      const int state = added[index].load();
      std::this_thread::yield();
      seen[index].store(state);
      inside[index].fetch_sub(1);
      queue.Done(*key);
    }
  };
  const auto produce = [&](int seed) {
    for (int i = 0; i < kAddsPerProducer; ++i) {
      const int number = (seed + i) % kKeys;
      added[static_cast<std::size_t>(number)].fetch_add(1);
      if (i % 3 == 0) {
        queue.AddAfter(Key(number), std::chrono::microseconds(i % 50));
      } else {
        queue.Add(Key(number));
      }
    }
  };
  std::vector<std::jthread> workers;
  for (int i = 0; i < 4; ++i) workers.emplace_back(work);
  {
    std::vector<std::jthread> producers;
    for (int i = 0; i < 3; ++i) producers.emplace_back(produce, i);
  }
  const auto all_seen = [&] {
    for (std::size_t i = 0; i < kKeys; ++i) {
      if (seen[i].load() != added[i].load()) return false;
    }
    return true;
  };
  const auto deadline = std::chrono::steady_clock::now() + seconds(20);
  while (!all_seen() && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
  EXPECT_TRUE(all_seen()) << "an Add after a Get was lost";
  EXPECT_EQ(overlaps.load(), 0);
  queue.ShutDown();
}

TEST(WorkQueueConcurrent, WakesAWaitingWorkerForANewKey) {
  SystemClock clock;
  WorkQueue queue(clock);
  std::optional<ObjectKey> got;
  {
    std::jthread worker([&] { got = queue.Get(); });
    queue.Add(Key(1));
  }
  EXPECT_EQ(got, Key(1));
}

TEST(WorkQueueConcurrent, WaitingWorkerNoticesADelayShorterThanTheOneItWaitsFor) {
  SystemClock clock;
  WorkQueue queue(clock);
  queue.AddAfter(Key(1), std::chrono::hours(1));
  std::optional<ObjectKey> got;
  {
    std::jthread worker([&] { got = queue.Get(); });
    queue.AddAfter(Key(2), milliseconds(5));
  }
  EXPECT_EQ(got, Key(2));
}

TEST(WorkQueueConcurrent, WorkerHandsOutADelayedKeyNoEarlierThanItIsDue) {
  SystemClock clock;
  WorkQueue queue(clock);
  const MonotonicTime due = clock.Monotonic() + milliseconds(20);
  queue.AddAfter(Key(1), milliseconds(20));
  EXPECT_EQ(queue.Get(), Key(1));
  EXPECT_GE(clock.Monotonic(), due);
}

// Counts how often the queue is asked for the time: each worker that wakes up asks.
class CountingClock final : public Clock {
 public:
  WallTime Wall() const override { return clock_.Wall(); }
  MonotonicTime Monotonic() const override {
    asked_.fetch_add(1);
    return clock_.Monotonic();
  }
  bool SleepUntil(MonotonicTime deadline, std::stop_token stop) const override {
    return clock_.SleepUntil(deadline, std::move(stop));
  }
  int Asked() const { return asked_.load(); }

 private:
  const SystemClock clock_;
  mutable std::atomic<int> asked_{0};
};

TEST(WorkQueueConcurrent, ADueKeyDoesNotWakeAllWhoAreIdle) {
  constexpr int kWorkers = 32;
  constexpr int kKeys = 50;
  const CountingClock clock;
  WorkQueue queue(clock);
  std::atomic<int> taken{0};
  std::vector<std::jthread> workers;
  for (int i = 0; i < kWorkers; ++i) {
    workers.emplace_back([&] {
      while (const auto key = queue.Get()) {
        queue.Done(*key);
        taken.fetch_add(1);
      }
    });
  }
  for (int i = 0; i < kKeys; ++i) queue.AddAfter(Key(i), milliseconds(4 * i + 4));
  const auto deadline = std::chrono::steady_clock::now() + seconds(20);
  while (taken.load() < kKeys && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::yield();
  }
  EXPECT_EQ(taken.load(), kKeys);
  // Some for each key and each worker; it was a thousand and more when each key woke all of them.
  EXPECT_LT(clock.Asked(), 10 * kKeys + 4 * kWorkers);
  queue.ShutDown();
}

TEST(WorkQueueConcurrent, KeysThatAreDueTogetherAreTakenByAsManyWorkers) {
  constexpr int kWorkers = 8;
  SystemClock clock;
  WorkQueue queue(clock);
  std::atomic<int> inside{0};
  std::vector<std::jthread> workers;
  for (int i = 0; i < kWorkers; ++i) {
    workers.emplace_back([&] {
      const auto key = queue.Get();
      if (!key) return;
      inside.fetch_add(1);
      // None of them ends before all have begun.
      const auto deadline = std::chrono::steady_clock::now() + seconds(20);
      while (inside.load() < kWorkers && std::chrono::steady_clock::now() < deadline) {
        std::this_thread::yield();
      }
      queue.Done(*key);
    });
  }
  for (int i = 0; i < kWorkers; ++i) queue.AddAfter(Key(i), milliseconds(20));
  workers.clear();
  EXPECT_EQ(inside.load(), kWorkers);
}

TEST(WorkQueueConcurrent, ShutDownReleasesAllWorkers) {
  SystemClock clock;
  WorkQueue queue(clock);
  queue.AddAfter(Key(1), std::chrono::hours(1));
  std::atomic<int> released{0};
  {
    std::vector<std::jthread> workers;
    for (int i = 0; i < 4; ++i) {
      workers.emplace_back([&] {
        if (!queue.Get()) released.fetch_add(1);
      });
    }
    queue.ShutDown();
  }
  EXPECT_EQ(released.load(), 4);
}

}  // namespace
}  // namespace committest::kube
