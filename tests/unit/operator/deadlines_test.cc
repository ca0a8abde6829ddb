#include "operator/deadlines.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/api/reasons.h"
#include "tests/support/operator_builders.h"

namespace committest::op {
namespace {

using api::TestResult;
using testing::HasSubstr;

class DeadlinesTest : public testing::Test {
 protected:
  DeadlinesTest() {
    spec_.execution.schedule_timeout_seconds = 100;
    spec_.execution.start_timeout_seconds = 50;
    spec_.execution.timeout_seconds = 60;
  }

  std::optional<Ending> Judge(const PodView* pod, std::int64_t seconds) const {
    return JudgeDeadlines(spec_, job_, pod, nullptr, At(seconds));
  }

  api::CommitTestSpec spec_ = ACommitTest().spec;
  JobView job_ = AJob(ACommitTest());
};

TEST_F(DeadlinesTest, SchedulingEndsWithTheSchedulersWords) {
  const PodView pod = Unschedulable(APod(job_), "0/3 nodes are available");
  EXPECT_FALSE(Judge(&pod, 99).has_value());
  const auto ending = Judge(&pod, 100);
  ASSERT_TRUE(ending.has_value());
  EXPECT_EQ(ending->result, TestResult::kError);
  EXPECT_EQ(ending->reason, api::reason::kUnschedulable);
  EXPECT_THAT(ending->message, HasSubstr("0/3 nodes are available"));
  EXPECT_FALSE(ending->retryable);
}

TEST_F(DeadlinesTest, SchedulingEndsAlsoWhenThereIsNoPodAtAll) {
  const auto ending = Judge(nullptr, 100);
  ASSERT_TRUE(ending.has_value());
  EXPECT_EQ(ending->reason, api::reason::kStartTimeout);
  EXPECT_THAT(ending->message, HasSubstr("has not made a Pod"));
}

TEST_F(DeadlinesTest, StartIsCountedFromScheduling) {
  const PodView pod = WaitingFor(Scheduled(APod(job_), 90), "ContainerCreating");
  EXPECT_FALSE(Judge(&pod, 139).has_value());
  EXPECT_EQ(Judge(&pod, 140)->reason, api::reason::kStartTimeout);
}

TEST_F(DeadlinesTest, StartEndsByTheReasonForWhichTheContainerWaits) {
  const PodView image = WaitingFor(Scheduled(APod(job_), 1), "ImagePullBackOff", "not found");
  EXPECT_EQ(Judge(&image, 51)->reason, api::reason::kImagePullFailed);
  EXPECT_EQ(Judge(&image, 51)->failure_class, api::FailureClass::kConfiguration);
  EXPECT_THAT(Judge(&image, 51)->message, HasSubstr("not found"));
  const PodView config =
      WaitingFor(Scheduled(APod(job_), 1), "CreateContainerConfigError", "no such secret");
  EXPECT_EQ(Judge(&config, 51)->reason, api::reason::kConfigurationError);
}

TEST_F(DeadlinesTest, RunIsCountedFromTheContainersStart) {
  const PodView pod = Running(Scheduled(APod(job_)), 40);
  EXPECT_FALSE(Judge(&pod, 40 + 60 + 329).has_value());
  const auto ending = Judge(&pod, 40 + 60 + 330);
  EXPECT_EQ(ending->result, TestResult::kFailed);
  EXPECT_EQ(ending->reason, api::reason::kTimedOut);
  EXPECT_EQ(ending->failure_class, api::FailureClass::kTest);
  EXPECT_FALSE(ending->evidence->exit_code.has_value()) << "the container was not seen to end";
}

TEST_F(DeadlinesTest, CheckoutIsCountedFromItsContainersStart) {
  const PodView pod = CheckingOut(Scheduled(APod(job_)), 40);
  EXPECT_FALSE(Judge(&pod, 40 + 329).has_value());
  const auto ending = Judge(&pod, 40 + 330);
  EXPECT_EQ(ending->reason, api::reason::kCheckoutFailed);
  EXPECT_TRUE(ending->retryable);
}

TEST_F(DeadlinesTest, StartIsCountedAnewFromTheEndOfTheCheckout) {
  const PodView pod = CheckedOut(Scheduled(APod(job_)), 0, "", "Completed", 40);
  EXPECT_FALSE(Judge(&pod, 40 + 49).has_value());
  EXPECT_EQ(Judge(&pod, 40 + 50)->reason, api::reason::kStartTimeout);
}

TEST_F(DeadlinesTest, NoneWhileSuspended) {
  job_.suspended = true;
  EXPECT_FALSE(Judge(nullptr, 1'000'000).has_value());
}

TEST_F(DeadlinesTest, NoneWithoutATimestamp) {
  job_.start_time.reset();
  job_.meta.creation_time.reset();
  EXPECT_FALSE(NextDeadline(spec_, job_, nullptr).has_value());
}

TEST_F(DeadlinesTest, SchedulingStartsAnewWhenTheJobIsResumed) {
  job_.start_time = At(1'000);
  EXPECT_FALSE(Judge(nullptr, 1'099).has_value());
  EXPECT_TRUE(Judge(nullptr, 1'100).has_value());
}

TEST_F(DeadlinesTest, SurviveAbsurdLimits) {
  spec_.execution.schedule_timeout_seconds = INT64_MAX;
  EXPECT_GT(NextDeadline(spec_, job_, nullptr)->at, Epoch());
  spec_.execution.schedule_timeout_seconds = INT64_MIN;
  EXPECT_GT(NextDeadline(spec_, job_, nullptr)->at, Epoch());
}

TEST_F(DeadlinesTest, HardCapIsLaterThanAllOfThem) {
  EXPECT_GT(HardCap(spec_).count(), 100 + 50 + 60 + 330);
  spec_.execution.image = "alpine";
  EXPECT_GT(HardCap(spec_).count(), 100 + 50 + 330 + 50 + 60 + 330);
}

}  // namespace
}  // namespace committest::op
