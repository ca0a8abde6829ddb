#include "operator/confirm.h"

#include <gtest/gtest.h>

#include "tests/unit/operator/decide_fixture.h"

namespace committest::op {
namespace {

TEST(EndsByCacheAlone, IsTrueForAFinishedJobWithoutEvidenceUntilThePodsAreRead) {
  Observed observed = WithRunningTests(5);
  observed.job->complete = JobCondition{"CompletionsReached", "", At(6)};
  observed.now = At(60);
  EXPECT_TRUE(EndsByCacheAlone(observed, Decide(observed)));
  observed.pods_are_live = true;
  EXPECT_FALSE(EndsByCacheAlone(observed, Decide(observed)));
}

TEST(EndsByCacheAlone, IsTrueForADeadlineThatIsOver) {
  Observed observed = WithRunningTests(5);
  observed.now = At(100'000);
  EXPECT_TRUE(EndsByCacheAlone(observed, Decide(observed)));
}

TEST(EndsByCacheAlone, IsFalseForEvidenceForWaitingAndForCancelling) {
  Observed observed = WithRunningTests(5);
  EXPECT_FALSE(EndsByCacheAlone(observed, Decide(observed)));
  Observed ended = observed;
  ended.pods = {Terminated(ended.pods[0], 137)};
  EXPECT_FALSE(EndsByCacheAlone(ended, Decide(ended)));
  observed.commit_test.spec.cancel_requested = true;
  EXPECT_FALSE(EndsByCacheAlone(observed, Decide(observed)));
}

TEST(EndsByCacheAlone, IsFalseWhenNothingWasLaunched) {
  api::CommitTest commit_test = ACommitTest();
  commit_test.parse_error = "spec.source is missing";
  const Observed observed = AnObserved(commit_test, 0);
  ASSERT_TRUE(Decide(observed).next_status.result);
  EXPECT_FALSE(EndsByCacheAlone(observed, Decide(observed)));
}

}  // namespace
}  // namespace committest::op
