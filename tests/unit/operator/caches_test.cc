#include "operator/caches.h"

#include <memory>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "common/api/names.h"
#include "operator/unit_timings.h"
#include "tests/support/operator_builders.h"

namespace committest::op {
namespace {

std::shared_ptr<const JobView> Shared(const JobView& job) {
  return std::make_shared<const JobView>(job);
}
std::shared_ptr<const PodView> Shared(const PodView& pod) {
  return std::make_shared<const PodView>(pod);
}

nlohmann::json ObjectOf(const api::CommitTest& commit_test) {
  nlohmann::json object = api::MakeCommitTest(commit_test.meta, commit_test.spec);
  object["metadata"]["uid"] = commit_test.meta.uid;
  object["status"] = api::ToJson(commit_test.status);
  return object;
}

TEST(ParseForCache, KeepsAllOfAnUnfinishedCommitTest) {
  const nlohmann::json object = ObjectOf(ACommitTest());
  EXPECT_EQ(ParseForCache(object).spec, api::ParseCommitTest(object).spec);
  EXPECT_EQ(ParseForCache(object).meta.labels, api::ParseCommitTest(object).meta.labels);
}

TEST(ParseForCache, DecidesTheSameOfAFinishedOneAsAllOfItWould) {
  api::CommitTest commit_test = ACommitTest();
  commit_test.spec.execution.env = {{"NAME", "value"}};
  AddAttempt(commit_test, 1, api::TestResult::kPassed).exit_code = 0;
  commit_test.status.result = api::TestResult::kPassed;
  commit_test.status.completion_time = At(10);
  commit_test.status.failures = {{"test", "file", "message"}};
  const nlohmann::json object = ObjectOf(commit_test);
  JobView job = AJob(commit_test);
  job.complete = JobCondition{};
  for (const std::int64_t now : {20, 10'000}) {
    Observed whole = AnObserved(api::ParseCommitTest(object), now);
    whole.other_jobs = {job};
    Observed kept = whole;
    kept.commit_test = ParseForCache(object);
    const Decision decision = Decide(kept);
    EXPECT_EQ(decision.actions, Decide(whole).actions);
    EXPECT_EQ(decision.requeue_after, Decide(whole).requeue_after);
    EXPECT_EQ(decision.next_status, kept.commit_test.status) << "nothing is written";
  }
  EXPECT_TRUE(ParseForCache(object).spec.execution.env.empty());
  EXPECT_TRUE(ParseForCache(object).status.failures.empty());
}

TEST(ParseForCache, KeepsWhereRecordedTimingsAreAndNotAllOfThem) {
  api::CommitTest finished = ACommitTest();
  finished.spec.tests.framework = api::Framework::kPytest;
  finished.status.result = api::TestResult::kPassed;
  finished.status.completion_time = At(10);
  finished.status.timings = {{"0000000a", 1}, {"0000000b", 2}, {"0000000c", 3}};
  const auto kept = std::make_shared<const api::CommitTest>(ParseForCache(ObjectOf(finished)));
  EXPECT_EQ(kept->status.timings.size(), 1U);
  EXPECT_EQ(TimingsSource({kept}, finished), finished.meta.Key());
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
