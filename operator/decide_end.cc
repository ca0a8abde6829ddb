#include "operator/decide_end.h"

#include <algorithm>
#include <utility>

#include "common/api/reasons.h"
#include "common/base/backoff.h"
#include "operator/status_builder.h"

namespace committest::op {
namespace {

using std::chrono::milliseconds;

/// By its controller, or because it is recorded by UID and someone took its owner away.
bool BelongsTo(const JobView& job, const api::CommitTest& commit_test,
               const api::CommitTestStatus& status) {
  const kube::OwnerReference* owner = job.meta.Controller();
  if (owner != nullptr && owner->uid == commit_test.meta.uid && job.attempt > 0) return true;
  return std::ranges::find(status.attempts, job.meta.uid, &api::Attempt::job_uid) !=
         status.attempts.end();
}

/// An exit code is the kubelet's word that the container has ended, though the Job says so only
/// about two seconds later.
bool EndedByEvidence(const JobView& job, const api::CommitTestStatus& status) {
  return std::ranges::any_of(status.attempts, [&job](const api::Attempt& attempt) {
    return attempt.job_uid == job.meta.uid && attempt.exit_code.has_value();
  });
}

/// Whether the attempt of this Job, or the whole CommitTest, is recorded as ended.
bool IsOver(const JobView& job, const api::CommitTestStatus& status) {
  return status.result || std::ranges::any_of(status.attempts, [&job](const auto& attempt) {
           return attempt.job_uid == job.meta.uid && attempt.outcome.has_value();
         });
}

void DeleteIfItCouldRun(const JobView& job, const Observed& observed, Decision& decision) {
  const api::CommitTestStatus& status = decision.next_status;
  if (job.Finished() || job.meta.deletion_time || EndedByEvidence(job, status)) return;
  if (!BelongsTo(job, observed.commit_test, status)) return;
  decision.actions.emplace_back(DeleteJob{job.meta.Key(), job.meta.uid});
}

/// Records the attempt if its Job was seen: whatever ended, its Job must be known by UID.
void RecordSeen(const Observed& observed, const CurrentAttempt& current, StatusBuilder& builder) {
  if (current.recorded != nullptr || !observed.job) return;
  if (!IsOurs(*observed.job, observed.commit_test, current.number)) return;
  builder.RecordAttempt(current.number, current.job.name, observed.job->meta.uid);
}

Ending Exhausted(Ending ending, std::int64_t number) {
  ending.retryable = false;
  if (number == 1 || ending.reason == api::reason::kCheckoutFailed) return ending;
  ending.message = std::to_string(number) + " attempts failed, the last with " + ending.reason +
                   ": " + ending.message;
  ending.reason = api::reason::kInfrastructureRetriesExhausted;
  return ending;
}

EventNote VerdictNote(const Ending& ending) {
  const bool is_well =
      ending.result == api::TestResult::kPassed || ending.result == api::TestResult::kSkipped;
  return {!is_well, ending.reason, ending.message};
}

Decision Retry(const Observed& observed, StatusBuilder builder, const Ending& ending,
               std::int64_t number) {
  const milliseconds delay = RetryDelay(number);
  const std::string message = "attempt " + std::to_string(number) + " ended with " + ending.reason +
                              " (" + ending.message + "); attempt " + std::to_string(number + 1) +
                              " follows";
  builder.NotStarted(api::reason::kRetrying, message);
  Decision decision;
  decision.next_status = builder.Take();
  decision.events.push_back({true, api::reason::kRetrying, message});
  decision.requeue_after = delay;
  DeleteStrays(observed, decision);
  return decision;
}

Decision Verdict(const Observed& observed, StatusBuilder builder, const Ending& ending) {
  builder.Finish(ending, observed.defaults);
  Decision decision;
  decision.next_status = builder.Take();
  decision.events.push_back(VerdictNote(ending));
  DeleteStrays(observed, decision);
  return decision;
}

/// When the Jobs of a CommitTest with a result may go.
WallTime JobsExpire(const api::CommitTestStatus& status, const Policy& policy, WallTime now) {
  const api::Condition* recorded =
      api::FindCondition(status.conditions, api::condition::kResultsRecorded);
  const bool stored = recorded != nullptr && recorded->status == api::condition::kTrue;
  const auto ttl = std::max(stored ? kMinJobTtl : policy.finished_job_ttl, kMinJobTtl);
  return status.completion_time.value_or(now) + ttl;
}

/// Deletes the Jobs that have come to their end, or asks to be called when that is due.
void DeleteExpired(const Observed& observed, Decision& decision) {
  const api::CommitTestStatus& status = decision.next_status;
  const WallTime expire = JobsExpire(status, observed.policy, observed.now);
  for (const JobView& job : observed.other_jobs) {
    if (job.meta.deletion_time || !BelongsTo(job, observed.commit_test, status)) continue;
    if (!job.Finished() && !EndedByEvidence(job, status)) continue;
    if (observed.now >= expire) {
      decision.actions.emplace_back(DeleteJob{job.meta.Key(), job.meta.uid});
    } else {
      decision.requeue_after = std::chrono::ceil<milliseconds>(expire - observed.now);
    }
  }
}

}  // namespace

milliseconds RetryDelay(std::int64_t ended) {
  const BackoffPolicy policy{milliseconds(1'000), milliseconds(60'000), 0.0};
  return BackoffDelay(policy, static_cast<int>(std::clamp<std::int64_t>(ended, 1, 1'000)));
}

void DeleteStrays(const Observed& observed, Decision& decision) {
  if (observed.job && IsOver(*observed.job, decision.next_status)) {
    DeleteIfItCouldRun(*observed.job, observed, decision);
  }
  for (const JobView& job : observed.other_jobs) DeleteIfItCouldRun(job, observed, decision);
}

Decision AfterTheEnd(const Observed& observed) {
  Decision decision;
  decision.next_status = observed.commit_test.status;
  DeleteStrays(observed, decision);
  DeleteExpired(observed, decision);
  return decision;
}

Decision EndAttempt(const Observed& observed, const CurrentAttempt& current, Ending ending) {
  StatusBuilder builder(observed.commit_test, observed.now);
  RecordSeen(observed, current, builder);
  builder.CloseAttempt(ending);
  if (!ending.retryable) return Verdict(observed, std::move(builder), ending);
  if (current.number <= observed.commit_test.spec.retry.infrastructure_limit) {
    return Retry(observed, std::move(builder), ending, current.number);
  }
  return Verdict(observed, std::move(builder), Exhausted(std::move(ending), current.number));
}

Decision EndCommitTest(const Observed& observed, const CurrentAttempt& current,
                       const Ending& ending) {
  StatusBuilder builder(observed.commit_test, observed.now);
  RecordSeen(observed, current, builder);
  builder.CloseAttempt(ending);
  return Verdict(observed, std::move(builder), ending);
}

}  // namespace committest::op
