#include "common/kube/controller.h"

#include <memory>
#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

#include "tests/support/manual_clock.h"

namespace committest::kube {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const ObjectKey kA{"ns", "a"};
const ObjectKey kB{"ns", "b"};

class ControllerTest : public ::testing::Test {
 protected:
  // Each reconcile counts and does what `next_` says.
  std::unique_ptr<Controller> Make(ControllerOptions options = {.name = "test"}) {
    options.backoff = {milliseconds(50), milliseconds(60'000), 0.0};
    return std::make_unique<Controller>(
        options,
        [this](const ObjectKey& key) {
          last_ = key;
          ++runs_;
          return next_(key);
        },
        clock_, *random_, metrics_);
  }

  // Runs what is due, then moves time to the next delayed key; how long that took. nullopt: the
  // queue is empty.
  std::optional<milliseconds> DelayUntilNext(Controller& controller) {
    const auto due = controller.NextDue();
    if (!due) return std::nullopt;
    const auto delay = std::chrono::duration_cast<milliseconds>(*due - clock_.Monotonic());
    clock_.AdvanceTo(*due);
    return delay;
  }

  bool HasMetric(const std::string& result, int value) const {
    const std::string line = "committest_reconcile_total{controller=\"test\",result=\"" + result +
                             "\"} " + std::to_string(value) + "\n";
    return metrics_.Expose().find(line) != std::string::npos;
  }

  ManualClock clock_;
  std::unique_ptr<Random> random_ = MakeSeededRandom(7);
  Metrics metrics_;
  std::function<Result<Outcome>(const ObjectKey&)> next_ = [](const ObjectKey&) {
    return Outcome{};
  };
  ObjectKey last_;
  int runs_ = 0;
};

TEST_F(ControllerTest, DoesNothingWhenNoKeyIsDue) {
  auto controller = Make();
  EXPECT_FALSE(controller->ProcessOne());
  EXPECT_EQ(runs_, 0);
}

TEST_F(ControllerTest, ReconcilesTheKeyThatWasEnqueued) {
  auto controller = Make();
  controller->Enqueue(kB);
  EXPECT_TRUE(controller->ProcessOne());
  EXPECT_EQ(last_, kB);
  EXPECT_TRUE(HasMetric("success", 1));
}

TEST_F(ControllerTest, LeavesAKeyAloneAfterSuccess) {
  auto controller = Make();
  controller->Enqueue(kA);
  controller->ProcessOne();
  EXPECT_FALSE(controller->ProcessOne());
  EXPECT_EQ(controller->NextDue(), std::nullopt);
}

TEST_F(ControllerTest, RequeuesWhenTheReconcileAsks) {
  auto controller = Make();
  next_ = [](const ObjectKey&) { return Outcome{.requeue_after = seconds(30)}; };
  controller->Enqueue(kA);
  controller->ProcessOne();
  EXPECT_EQ(DelayUntilNext(*controller), seconds(30));
  EXPECT_TRUE(controller->ProcessOne());
}

TEST_F(ControllerTest, DoesNotSpinWhenTheReconcileAsksForAtOnce) {
  auto controller = Make();
  next_ = [](const ObjectKey&) { return Outcome{.requeue_after = milliseconds(-5)}; };
  controller->Enqueue(kA);
  controller->ProcessOne();
  EXPECT_FALSE(controller->ProcessOne());
  EXPECT_EQ(DelayUntilNext(*controller), milliseconds(10));
}

TEST_F(ControllerTest, BacksOffLongerWithEachFailureOfAKey) {
  auto controller = Make();
  next_ = [](const ObjectKey&) { return Fail(ErrorCode::kUnavailable, "down"); };
  controller->Enqueue(kA);
  std::vector<long> delays;
  for (int i = 0; i < 13; ++i) {
    ASSERT_TRUE(controller->ProcessOne());
    delays.push_back(DelayUntilNext(*controller).value_or(milliseconds(-1)).count());
  }
  EXPECT_EQ(delays, (std::vector<long>{50, 100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600,
                                       51200, 60000, 60000}));
  EXPECT_TRUE(HasMetric("error", 13));
}

TEST_F(ControllerTest, ForgetsPastFailuresAfterSuccess) {
  auto controller = Make();
  next_ = [](const ObjectKey&) { return Fail(ErrorCode::kUnavailable, "down"); };
  controller->Enqueue(kA);
  for (int i = 0; i < 3; ++i) {
    controller->ProcessOne();
    DelayUntilNext(*controller);
  }
  next_ = [](const ObjectKey&) { return Outcome{}; };
  controller->ProcessOne();
  next_ = [](const ObjectKey&) { return Fail(ErrorCode::kUnavailable, "down"); };
  controller->Enqueue(kA);
  controller->ProcessOne();
  EXPECT_EQ(DelayUntilNext(*controller), milliseconds(50));
}

TEST_F(ControllerTest, DoesNotLetOneKeysFailuresDelayAnother) {
  auto controller = Make();
  next_ = [](const ObjectKey& key) -> Result<Outcome> {
    if (key == kA) return Fail(ErrorCode::kUnavailable, "down");
    return Outcome{};
  };
  controller->Enqueue(kA);
  controller->ProcessOne();
  controller->Enqueue(kB);
  EXPECT_TRUE(controller->ProcessOne());
  EXPECT_EQ(last_, kB);
}

TEST_F(ControllerTest, WaitsAsLongAsTheServerAsked) {
  auto controller = Make();
  next_ = [](const ObjectKey&) {
    return Fail(Error{ErrorCode::kResourceExhausted, "slow down", "", seconds(17)});
  };
  controller->Enqueue(kA);
  controller->ProcessOne();
  EXPECT_EQ(DelayUntilNext(*controller), seconds(17));
}

TEST_F(ControllerTest, LetsNoEventShortenTheWaitThatTheServerAskedFor) {
  auto controller = Make();
  next_ = [&](const ObjectKey&) {
    // Also not one that comes while the refusal is on its way.
    controller->Enqueue(kA);
    return Fail(Error{ErrorCode::kResourceExhausted, "slow down", "", seconds(17)});
  };
  controller->Enqueue(kA);
  controller->ProcessOne();
  controller->ProcessOne();
  EXPECT_EQ(runs_, 1);
  EXPECT_EQ(DelayUntilNext(*controller), seconds(17));
  controller->ProcessOne();
  EXPECT_EQ(runs_, 2);
}

TEST_F(ControllerTest, WaitsNoLongerThanItsOwnMaximumWhateverTheServerAsks) {
  auto controller = Make();
  next_ = [](const ObjectKey&) {
    return Fail(Error{ErrorCode::kResourceExhausted, "slow down", "", std::chrono::hours(48)});
  };
  controller->Enqueue(kA);
  controller->ProcessOne();
  EXPECT_EQ(DelayUntilNext(*controller), seconds(60));
}

TEST_F(ControllerTest, RetriesAConflictAlmostAtOnceAndDoesNotCountItAsAnError) {
  auto controller = Make();
  next_ = [](const ObjectKey&) { return Fail(ErrorCode::kConflict, "someone was faster"); };
  controller->Enqueue(kA);
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(controller->ProcessOne());
    EXPECT_LE(DelayUntilNext(*controller), milliseconds(20));
  }
  EXPECT_TRUE(HasMetric("conflict", 5));
  EXPECT_TRUE(HasMetric("error", 0));
}

TEST_F(ControllerTest, TreatsConflictsThatDoNotEndAsAFailure) {
  auto controller = Make();
  next_ = [](const ObjectKey&) { return Fail(ErrorCode::kConflict, "someone was faster"); };
  controller->Enqueue(kA);
  for (int i = 0; i < 5; ++i) {
    controller->ProcessOne();
    DelayUntilNext(*controller);
  }
  controller->ProcessOne();
  EXPECT_EQ(DelayUntilNext(*controller), milliseconds(50));
  controller->ProcessOne();
  EXPECT_EQ(DelayUntilNext(*controller), milliseconds(100));
  EXPECT_TRUE(HasMetric("error", 2));
}

TEST_F(ControllerTest, DoesNotRetryATerminalErrorUntilTheNextChange) {
  auto controller = Make();
  next_ = [](const ObjectKey&) { return Fail(ErrorCode::kInvalidArgument, "never"); };
  controller->Enqueue(kA);
  controller->ProcessOne();
  EXPECT_EQ(controller->NextDue(), std::nullopt);
  EXPECT_FALSE(controller->ProcessOne());
  EXPECT_TRUE(HasMetric("terminal", 1));
  controller->Enqueue(kA);
  EXPECT_TRUE(controller->ProcessOne());
}

TEST_F(ControllerTest, CatchesAnExceptionAndRetriesWithBackOff) {
  auto controller = Make();
  next_ = [](const ObjectKey&) -> Result<Outcome> { throw std::runtime_error("a bug"); };
  controller->Enqueue(kA);
  EXPECT_TRUE(controller->ProcessOne());
  EXPECT_EQ(DelayUntilNext(*controller), milliseconds(50));
  EXPECT_TRUE(HasMetric("exception", 1));
  EXPECT_TRUE(HasMetric("error", 0));
}

TEST_F(ControllerTest, CatchesWhatIsNoStandardException) {
  auto controller = Make();
  next_ = [](const ObjectKey&) -> Result<Outcome> { throw 42; };
  controller->Enqueue(kA);
  EXPECT_TRUE(controller->ProcessOne());
  EXPECT_TRUE(HasMetric("exception", 1));
}

TEST_F(ControllerTest, ReconcilesAgainWhenAnEventCameDuringTheReconcile) {
  auto controller = Make();
  next_ = [&](const ObjectKey& key) {
    if (runs_ == 1) controller->Enqueue(key);
    return Outcome{};
  };
  controller->Enqueue(kA);
  EXPECT_TRUE(controller->ProcessOne());
  EXPECT_TRUE(controller->ProcessOne());
  EXPECT_FALSE(controller->ProcessOne());
}

TEST_F(ControllerTest, CountsACancelledReconcileApartFromErrors) {
  auto controller = Make();
  next_ = [](const ObjectKey&) { return Fail(ErrorCode::kCancelled, "stopping"); };
  controller->Enqueue(kA);
  controller->ProcessOne();
  EXPECT_TRUE(HasMetric("cancelled", 1));
  EXPECT_TRUE(HasMetric("error", 0));
}

TEST_F(ControllerTest, ShowsEveryResultFromTheStart) {
  auto controller = Make();
  for (const char* result :
       {"success", "conflict", "error", "terminal", "exception", "cancelled"}) {
    EXPECT_TRUE(HasMetric(result, 0)) << result;
  }
}

TEST_F(ControllerTest, TellsHowLongAReconcileHasBeenRunning) {
  auto controller = Make();
  std::chrono::nanoseconds during{0};
  next_ = [&](const ObjectKey&) {
    clock_.Advance(seconds(90));
    during = controller->LongestRunning();
    return Outcome{};
  };
  controller->Enqueue(kA);
  controller->ProcessOne();
  EXPECT_EQ(during, seconds(90));
  EXPECT_EQ(controller->LongestRunning(), seconds(0));
}

}  // namespace
}  // namespace committest::kube
