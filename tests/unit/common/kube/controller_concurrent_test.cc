#include <atomic>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "common/kube/controller.h"
#include "tests/support/eventually.h"

namespace committest::kube {
namespace {

using std::chrono::milliseconds;

class ControllerConcurrent : public ::testing::Test {
 protected:
  std::unique_ptr<Controller> Make(ReconcileFn reconcile) {
    return std::make_unique<Controller>(ControllerOptions{.name = "test", .workers = 4},
                                        std::move(reconcile), clock_, *random_, metrics_);
  }

  SystemClock clock_;
  std::unique_ptr<Random> random_ = MakeSeededRandom(3);
  Metrics metrics_;
};

TEST_F(ControllerConcurrent, ReconcilesEveryKeyThoughSomeThrow) {
  constexpr int kKeys = 200;
  Mutex mutex;
  std::set<std::string> done;
  auto controller = Make([&](const ObjectKey& key) -> Result<Outcome> {
    if (std::stoi(key.name) % 10 == 0) throw std::runtime_error("poison");
    MutexLock lock(mutex);
    done.insert(key.name);
    return Outcome{};
  });
  controller->Start();
  for (int i = 0; i < kKeys; ++i) controller->Enqueue({"ns", std::to_string(i)});
  EXPECT_TRUE(Eventually([&] {
    MutexLock lock(mutex);
    return done.size() == kKeys - kKeys / 10;
  }));
  controller->Stop();
}

TEST_F(ControllerConcurrent, RunsDifferentKeysAtTheSameTime) {
  std::atomic<int> inside{0};
  std::atomic<bool> together{false};
  auto controller = Make([&](const ObjectKey&) {
    inside.fetch_add(1);
    if (Eventually([&] { return inside.load() == 4; })) together = true;
    return Outcome{};
  });
  controller->Start();
  for (int i = 0; i < 4; ++i) controller->Enqueue({"ns", std::to_string(i)});
  EXPECT_TRUE(Eventually([&] { return together.load(); }));
  controller->Stop();
}

TEST_F(ControllerConcurrent, StopWaitsForARunningReconcileAndStartsNoOther) {
  std::atomic<bool> entered{false};
  std::atomic<bool> go_on{false};
  std::atomic<int> finished{0};
  auto controller = Make([&](const ObjectKey&) {
    entered = true;
    Eventually([&] { return go_on.load(); });
    finished.fetch_add(1);
    return Outcome{.requeue_after = milliseconds(1)};
  });
  controller->Start();
  controller->Enqueue({"ns", "a"});
  ASSERT_TRUE(Eventually([&] { return entered.load(); }));
  std::atomic<bool> stopped{false};
  std::jthread stopper([&] {
    controller->Stop();
    stopped = true;
  });
  EXPECT_FALSE(stopped.load());
  go_on = true;
  EXPECT_TRUE(Eventually([&] { return stopped.load(); }));
  EXPECT_EQ(finished.load(), 1);
}

TEST_F(ControllerConcurrent, StopsWhileKeysAreStillBeingEnqueued) {
  auto controller = Make([](const ObjectKey&) { return Outcome{}; });
  controller->Start();
  std::jthread producer([&](std::stop_token stop) {
    for (int i = 0; !stop.stop_requested(); ++i) {
      controller->Enqueue({"ns", std::to_string(i % 50)});
    }
  });
  controller->Stop();
  producer.request_stop();
  producer.join();
  EXPECT_FALSE(controller->ProcessOne());
}

}  // namespace
}  // namespace committest::kube
