#include "operator/caches.h"

#include <memory>

#include <gtest/gtest.h>

#include "common/api/names.h"
#include "tests/support/operator_builders.h"

namespace committest::op {
namespace {

std::shared_ptr<const JobView> Shared(const JobView& job) {
  return std::make_shared<const JobView>(job);
}
std::shared_ptr<const PodView> Shared(const PodView& pod) {
  return std::make_shared<const PodView>(pod);
}

TEST(Caches, FindChildrenByTheUidOfTheirController) {
  Caches caches;
  const JobView job = AJob(ACommitTest());
  caches.jobs.Put(Shared(job));
  caches.pods.Put(Shared(APod(job)));
  EXPECT_EQ(caches.JobsOf("commit-test-uid").size(), 1U);
  EXPECT_EQ(caches.PodsOf("job-uid-1").size(), 1U);
  EXPECT_TRUE(caches.JobsOf("another").empty());
}

TEST(Caches, LoseAChildThatIsDeletedOrChangesHands) {
  Caches caches;
  JobView job = AJob(ACommitTest());
  caches.jobs.Put(Shared(job));
  job.meta.owners[0].uid = "another";
  caches.jobs.Put(Shared(job));
  EXPECT_TRUE(caches.JobsOf("commit-test-uid").empty());
  EXPECT_EQ(caches.JobsOf("another").size(), 1U);
  caches.jobs.Remove(job.meta.Key());
  EXPECT_TRUE(caches.JobsOf("another").empty());
}

TEST(Caches, FollowAWholeRelist) {
  Caches caches;
  const JobView first = AJob(ACommitTest(), 1);
  const JobView second = AJob(ACommitTest(), 2);
  caches.jobs.Put(Shared(first));
  caches.jobs.Replace({Shared(second)});
  ASSERT_EQ(caches.JobsOf("commit-test-uid").size(), 1U);
  EXPECT_EQ(caches.JobsOf("commit-test-uid")[0].attempt, 2);
}

TEST(Caches, NameTheCommitTestOfAPodThroughItsJob) {
  Caches caches;
  const JobView job = AJob(ACommitTest());
  caches.jobs.Put(Shared(job));
  EXPECT_EQ(caches.CommitTestOf(APod(job)), (kube::ObjectKey{"ci", "app-1"}));
}

TEST(Caches, NameTheCommitTestOfAPodByItsLabelWhenTheJobIsUnknown) {
  Caches caches;
  PodView pod = APod(AJob(ACommitTest()));
  EXPECT_FALSE(caches.CommitTestOf(pod).has_value());
  pod.meta.labels[api::kCommitTestLabel] = "app-1";
  EXPECT_EQ(caches.CommitTestOf(pod), (kube::ObjectKey{"ci", "app-1"}));
}

TEST(CacheSet, FindsOneNamespaceOrTheOneForAll) {
  const CacheSet some({"a", "b"});
  EXPECT_NE(some.Find("a"), nullptr);
  EXPECT_NE(some.Find("a"), some.Find("b"));
  EXPECT_EQ(some.Find("c"), nullptr);
  const CacheSet all({""});
  EXPECT_NE(all.Find("anything"), nullptr);
}

}  // namespace
}  // namespace committest::op
