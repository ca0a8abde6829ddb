// Properties of Decide over random, also absurd, situations: whatever the cluster shows, it neither
// invents a pass nor changes a verdict, and it becomes silent.

#include <rapidcheck.h>

#include <gtest/gtest.h>

// Must follow gtest.
#include <algorithm>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <rapidcheck/gtest.h>

#include "operator/attempts.h"
#include "tests/unit/operator/decide_fixture.h"

namespace committest::op {
namespace {

template <typename T>
T OneOf(std::initializer_list<T> values) {
  return *rc::gen::elementOf(std::vector<T>(values));
}

std::int64_t Moment() { return *rc::gen::inRange<std::int64_t>(-100, 4'000); }

std::optional<WallTime> MaybeMoment() {
  if (*rc::gen::arbitrary<bool>()) return std::nullopt;
  return At(Moment());
}

std::string SummaryText() {
  api::RunSummary summary = ASummary(*rc::gen::inRange(0, 3), *rc::gen::inRange(0, 2));
  if (*rc::gen::inRange(0, 4) == 0) summary.commit = OneOf<std::string>({"", "other"});
  if (*rc::gen::arbitrary<bool>()) {
    summary.shard = api::ShardReport{*rc::gen::inRange<std::int64_t>(0, 2), 2,
                                     OneOf<std::string>({"0123456789abcdef", ""}), 1, 2};
  }
  summary.reason = OneOf<std::string>({"TestsFailed", "TimedOut", "OutOfMemory", "", "Nonsense"});
  const std::string text = Encoded(summary);
  return OneOf<std::string>({text, text, text, "", "{", text.substr(0, text.size() / 2)});
}

PodView RandomPod(const JobView& job) {
  PodView pod = APod(job);
  if (*rc::gen::inRange(0, 6) != 0) pod.index = *rc::gen::inRange<std::int64_t>(0, 3);
  if (*rc::gen::arbitrary<bool>()) pod = Scheduled(pod, Moment());
  switch (*rc::gen::inRange(0, 6)) {
    case 0:
      pod = Unschedulable(pod, "no node", Moment());
      break;
    case 1:
      pod = WaitingFor(pod, OneOf<std::string>({"ErrImagePull", "ContainerCreating", "",
                                                "CreateContainerConfigError"}));
      break;
    case 2:
      pod = Running(pod, Moment());
      break;
    case 3:
    case 4:
      pod = Terminated(
          pod, OneOf<std::int64_t>({0, 0, 0, 10, 20, 21, 30, 40, 50, 60, 137, -1, 999}),
          SummaryText(), OneOf<std::string>({"", "", "OOMKilled", "StartError"}), Moment());
      break;
    default:
      break;
  }
  pod.phase = OneOf<std::string>({"Pending", "Running", "Succeeded", "Failed", "Unknown", ""});
  pod.reason = OneOf<std::string>({"", "", "Evicted", "NodeLost"});
  if (*rc::gen::inRange(0, 4) == 0) pod = Disrupted(pod, "TerminationByKubelet", Moment());
  if (*rc::gen::inRange(0, 4) == 0) pod = Deleted(pod, Moment());
  return pod;
}

std::optional<JobCondition> RandomJobCondition() {
  if (*rc::gen::inRange(0, 4) != 0) return std::nullopt;
  return JobCondition{
      OneOf<std::string>({"DeadlineExceeded", "BackoffLimitExceeded", "FailedIndexes", ""}),
      "words", MaybeMoment()};
}

JobView RandomJob(const api::CommitTest& commit_test, std::int64_t number) {
  JobView job = AJob(commit_test, number);
  job.meta.creation_time = MaybeMoment();
  job.start_time = MaybeMoment();
  job.suspended = *rc::gen::inRange(0, 8) == 0;
  job.complete = RandomJobCondition();
  job.failed = RandomJobCondition();
  if (*rc::gen::inRange(0, 4) == 0) job.ended_indexes = *rc::gen::inRange(0U, 4U);
  if (*rc::gen::inRange(0, 8) == 0) job.meta.uid = "another-" + std::to_string(number);
  if (*rc::gen::inRange(0, 8) == 0) job.meta.owners.clear();
  if (*rc::gen::inRange(0, 8) == 0) job.attempt = 0;
  if (*rc::gen::inRange(0, 8) == 0) job.meta.deletion_time = At(Moment());
  return job;
}

api::CommitTest RandomCommitTest() {
  api::CommitTest commit_test = ACommitTest();
  commit_test.spec.retry.infrastructure_limit = *rc::gen::inRange(0, 4);
  if (*rc::gen::inRange(0, 3) == 0) commit_test.spec.sharding.count = 2;
  commit_test.spec.cancel_requested = *rc::gen::inRange(0, 6) == 0;
  if (*rc::gen::inRange(0, 8) == 0) {
    commit_test.spec.not_run =
        api::NotRun{OneOf({api::NotRunReason::kPathsUnaffected, api::NotRunReason::kSkipRequested,
                           api::NotRunReason::kConfigurationError}),
                    "so it says"};
  }
  commit_test.spec.tests.allow_no_tests = *rc::gen::arbitrary<bool>();
  commit_test.meta.generation = *rc::gen::inRange<std::int64_t>(1, 3);
  if (*rc::gen::inRange(0, 10) == 0) commit_test.parse_error = "cannot be read";
  if (*rc::gen::inRange(0, 10) == 0) commit_test.spec.source.commit = "HEAD";
  if (*rc::gen::inRange(0, 10) == 0) commit_test.meta.deletion_time = At(Moment());
  const int ended = *rc::gen::inRange(0, 4);
  for (int number = 1; number <= ended; ++number) {
    AddAttempt(commit_test, number, api::TestResult::kError).completion_time = MaybeMoment();
  }
  if (*rc::gen::arbitrary<bool>()) {
    api::Attempt& open = AddAttempt(commit_test, ended + 1);
    open.start_time = MaybeMoment();
    open.pod_name = OneOf<std::string>({"", "pod"});
  }
  return commit_test;
}

Observed RandomObserved() {
  Observed observed = AnObserved(RandomCommitTest(), Moment());
  const CurrentAttempt current = CurrentAttemptOf(observed.commit_test);
  if (*rc::gen::inRange(0, 4) != 0) {
    observed.job = RandomJob(observed.commit_test, current.number);
  } else {
    observed.job_confirmed_absent = *rc::gen::arbitrary<bool>();
  }
  const JobView of = observed.job ? *observed.job : AJob(observed.commit_test, current.number);
  for (int count = *rc::gen::inRange(0, 3); count > 0; --count) {
    observed.pods.push_back(RandomPod(of));
  }
  observed.pod_confirmed_absent = *rc::gen::arbitrary<bool>();
  if (*rc::gen::arbitrary<bool>()) {
    observed.other_jobs.push_back(RandomJob(observed.commit_test, 77));
  }
  if (*rc::gen::inRange(0, 6) == 0) {
    observed.launch_error =
        LaunchError{OneOf({LaunchErrorKind::kQuota, LaunchErrorKind::kDenied,
                           LaunchErrorKind::kInvalid, LaunchErrorKind::kTerminating}),
                    "refused"};
  }
  return observed;
}

bool HasPassingEvidence(const Observed& observed) {
  return std::ranges::any_of(observed.pods, [&observed](const PodView& pod) {
    const ContainerTerminated* terminated = pod.Terminated();
    if (terminated == nullptr || terminated->exit_code != 0) return false;
    const auto summary = api::ParseSummary(terminated->message);
    return summary && summary->commit == observed.commit_test.spec.source.commit &&
           summary->counts.failed + summary->counts.errored == 0 &&
           terminated->reason != "OOMKilled";
  });
}

/// Whether shard `index` says so itself, and ended well or without tests.
bool IsAccountedFor(const Observed& observed, std::int64_t index) {
  return std::ranges::any_of(observed.pods, [index](const PodView& pod) {
    const ContainerTerminated* terminated = pod.Terminated();
    if (pod.index != index || terminated == nullptr) return false;
    const auto summary = api::ParseSummary(terminated->message);
    return (terminated->exit_code == 0 || terminated->exit_code == 30) && summary &&
           summary->shard && summary->shard->index == index;
  });
}

bool Creates(const Decision& decision) {
  return std::ranges::any_of(decision.actions, [](const Action& action) {
    return std::holds_alternative<CreateJob>(action);
  });
}

RC_GTEST_PROP(DecideProperty, NeverPassesWithoutEvidence, ()) {
  const Observed observed = RandomObserved();
  const Decision decision = Decide(observed);
  if (decision.next_status.result == api::TestResult::kPassed) {
    RC_ASSERT(HasPassingEvidence(observed));
    const std::int64_t shards = observed.commit_test.spec.sharding.count;
    for (std::int64_t i = 0; i < shards && shards > 1; ++i) RC_ASSERT(IsAccountedFor(observed, i));
  }
}

RC_GTEST_PROP(DecideProperty, NeverRunsOrPassesWhatIsNotToBeRun, ()) {
  const Observed observed = RandomObserved();
  if (!observed.commit_test.spec.not_run) return;
  const Decision decision = Decide(observed);
  RC_ASSERT(!Creates(decision));
  if (observed.commit_test.status.result || observed.commit_test.meta.deletion_time) return;
  RC_ASSERT(decision.next_status.result == api::TestResult::kSkipped ||
            decision.next_status.result == api::TestResult::kError);
}

RC_GTEST_PROP(DecideProperty, WritesNothingMoreOnceItsStatusIsThere, ()) {
  // In two steps, because the attempt that a status closes may be followed by the next one.
  Observed observed = RandomObserved();
  for (int step = 0; step < 2; ++step) {
    const Decision decision = Decide(observed);
    if (!Writes(observed, decision)) return;
    const bool closed = !decision.next_status.attempts.empty() &&
                        decision.next_status.attempts.back().outcome.has_value();
    observed = AfterWriting(observed, decision);
    if (closed && !observed.commit_test.status.result) return;
    RC_ASSERT(!Writes(observed, Decide(observed)));
  }
}

RC_GTEST_PROP(DecideProperty, NeverChangesAStatusThatHasAResult, ()) {
  Observed observed = RandomObserved();
  observed.commit_test.status.result =
      OneOf({api::TestResult::kPassed, api::TestResult::kFailed, api::TestResult::kError,
             api::TestResult::kCancelled, api::TestResult::kSkipped});
  const Decision decision = Decide(observed);
  RC_ASSERT(!Writes(observed, decision));
  RC_ASSERT(decision.events.empty());
  RC_ASSERT(!Creates(decision));
}

RC_GTEST_PROP(DecideProperty, CreatesAJobOnlyForAnAttemptThatIsNotRecordedAndHasNone, ()) {
  const Observed observed = RandomObserved();
  if (!Creates(Decide(observed))) return;
  RC_ASSERT(CurrentAttemptOf(observed.commit_test).recorded == nullptr);
  RC_ASSERT(!observed.job.has_value());
}

RC_GTEST_PROP(DecideProperty, LooksAgainUnlessNothingCanChangeAnyMore, ()) {
  const Observed observed = RandomObserved();
  const Decision decision = Decide(observed);
  const bool over =
      decision.next_status.result.has_value() || observed.commit_test.meta.deletion_time;
  RC_ASSERT(decision.requeue_after.has_value() == !over);
  if (decision.requeue_after) RC_ASSERT(decision.requeue_after->count() > 0);
}

RC_GTEST_PROP(DecideProperty, NeverDeletesTheJobOfAnOpenAttemptOrOfSomeoneElse, ()) {
  const Observed observed = RandomObserved();
  const Decision decision = Decide(observed);
  for (const Action& action : decision.actions) {
    const auto* remove = std::get_if<DeleteJob>(&action);
    if (remove == nullptr) continue;
    for (const api::Attempt& attempt : decision.next_status.attempts) {
      RC_ASSERT(attempt.job_uid != remove->uid || attempt.outcome.has_value());
    }
    const bool recorded = std::ranges::any_of(
        decision.next_status.attempts,
        [remove](const api::Attempt& attempt) { return attempt.job_uid == remove->uid; });
    const bool foreign = observed.job && observed.job->meta.Key() == remove->key &&
                         observed.job->meta.owners.empty();
    RC_ASSERT(recorded || !foreign);
  }
}

RC_GTEST_PROP(DecideProperty, NeverCountsAnInfrastructureFailureBeyondTheLimit, ()) {
  const Observed observed = RandomObserved();
  const Decision decision = Decide(observed);
  if (!Writes(observed, decision) || decision.next_status.result) return;
  const api::Attempt* last = LastEnded(decision.next_status);
  if (last == nullptr || LastEnded(observed.commit_test.status) == last) return;
  const bool just_ended = !observed.commit_test.status.attempts.empty() &&
                          !observed.commit_test.status.attempts.back().outcome;
  if (just_ended) {
    RC_ASSERT(last->number <= observed.commit_test.spec.retry.infrastructure_limit);
  }
}

}  // namespace
}  // namespace committest::op
