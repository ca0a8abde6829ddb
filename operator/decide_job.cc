#include "operator/decide_job.h"

#include <algorithm>
#include <utility>

#include "common/api/reasons.h"
#include "operator/deadlines.h"
#include "operator/decide_end.h"
#include "operator/status_builder.h"
#include "operator/verdict.h"
#include "operator/waiting.h"

namespace committest::op {
namespace {

using std::chrono::milliseconds;

/// The Pod that tells how far the attempt is: one that runs before one that does not.
const PodView* LeadingPod(const Observed& observed) {
  const auto& pods = observed.pods;
  const auto running =
      std::ranges::find_if(pods, [](const PodView& pod) { return pod.Running() != nullptr; });
  if (running != pods.end()) return &*running;
  return pods.empty() ? nullptr : &pods.front();
}

const JobTrouble* TroubleOf(const Observed& observed) {
  return observed.trouble ? &*observed.trouble : nullptr;
}

/// A finished Job whose Pod left no evidence.
Ending EndingOfJob(const JobView& job) {
  if (job.complete) {
    return InfrastructureEnding(api::reason::kResultLost, "Job " + job.meta.name +
                                                              " is complete, but its Pod's "
                                                              "result cannot be read");
  }
  const std::string words = job.failed->reason + ": " + job.failed->message;
  if (job.failed->reason == "DeadlineExceeded") {
    return InfrastructureEnding(api::reason::kDeadlineExceeded, words);
  }
  if (job.failed->reason == "BackoffLimitExceeded") {
    return InfrastructureEnding(api::reason::kPodLost, words);
  }
  return InfrastructureEnding(api::reason::kResultLost, words);
}

std::optional<Ending> JudgeLostPod(const Observed& observed, const CurrentAttempt& current) {
  const bool had_pod = current.recorded != nullptr && !current.recorded->pod_name.empty();
  if (observed.pod_confirmed_absent && observed.pods.empty() && had_pod) {
    // Nothing more can come, so a Job that says why need not be waited for.
    if (observed.job->Finished()) return EndingOfJob(*observed.job);
    return InfrastructureEnding(api::reason::kPodLost,
                                "Pod " + current.recorded->pod_name + " is gone without a result");
  }
  for (const PodView& pod : observed.pods) {
    if (!pod.meta.deletion_time || pod.Terminated() != nullptr) continue;
    if (observed.now < *pod.meta.deletion_time + kDeletionGrace) continue;
    return InfrastructureEnding(api::reason::kPodLost,
                                "Pod " + pod.meta.name + " is being deleted and node " +
                                    pod.node_name + " does not say how it ended");
  }
  return std::nullopt;
}

/// Since when the Job is finished; long ago if it does not say, so that the wait ends.
std::optional<WallTime> FinishedSince(const JobView& job) {
  if (job.complete) return job.complete->since.value_or(WallTime{});
  if (job.failed) return job.failed->since.value_or(WallTime{});
  return std::nullopt;
}

std::optional<Ending> JudgeFinishedJob(const Observed& observed) {
  const std::optional<WallTime> since = FinishedSince(*observed.job);
  if (!since || observed.now < *since + kEvidenceGrace) return std::nullopt;
  return EndingOfJob(*observed.job);
}

std::optional<Ending> Judge(const Observed& observed, const CurrentAttempt& current,
                            const PodView* pod) {
  const api::CommitTestSpec& spec = observed.commit_test.spec;
  if (auto ending = JudgePods(spec, observed.pods)) return ending;
  if (observed.job->meta.deletion_time) {
    return InfrastructureEnding(api::reason::kJobDeleted,
                                "Job " + observed.job->meta.name + " is being deleted");
  }
  if (auto ending = JudgeLostPod(observed, current)) return ending;
  if (observed.job->Finished()) return JudgeFinishedJob(observed);
  return JudgeDeadlines(spec, *observed.job, pod, TroubleOf(observed), observed.now);
}

/// How long an ordinary step of the start may last without being mentioned.
std::chrono::seconds QuietPeriod(const api::CommitTestStatus& status) {
  const std::string& told = status.display.reason;
  const bool ordinary = told.empty() || told == api::reason::kWaitingForPod ||
                        told == api::reason::kContainerCreating ||
                        told == api::reason::kCheckoutInProgress || told == api::reason::kRetrying;
  return ordinary ? kQuietPeriod : kOutdatedPeriod;
}

milliseconds UntilNextLook(const Observed& observed, const PodView* pod) {
  milliseconds wait = kSafetyNet;
  const auto consider = [&](const std::optional<WallTime>& at) {
    if (!at) return;
    const auto left = std::chrono::ceil<milliseconds>(*at - observed.now);
    if (left > milliseconds(0)) wait = std::min(wait, left);
  };
  if (const auto deadline = NextDeadline(observed.commit_test.spec, *observed.job, pod)) {
    consider(deadline->at);
  }
  if (const auto since = FinishedSince(*observed.job)) consider(*since + kEvidenceGrace);
  if (pod != nullptr && pod->meta.deletion_time) {
    consider(*pod->meta.deletion_time + kDeletionGrace);
  }
  if (pod == nullptr || pod->Running() == nullptr) {
    const Waiting waiting = WaitingOf(*observed.job, pod, TroubleOf(observed));
    if (waiting.since) consider(*waiting.since + QuietPeriod(observed.commit_test.status));
  }
  return wait;
}

StatusBuilder Recorded(const Observed& observed, const CurrentAttempt& current) {
  StatusBuilder builder(observed.commit_test, observed.now);
  builder.RecordAttempt(current.number, current.job.name, observed.job->meta.uid);
  return builder;
}

bool IsStarted(const api::CommitTestStatus& status) {
  const api::Condition* started = api::FindCondition(status.conditions, api::condition::kStarted);
  return started != nullptr && started->status == api::condition::kTrue;
}

void Run(const Observed& observed, const CurrentAttempt& current, const PodView& pod,
         Decision& decision) {
  StatusBuilder builder = Recorded(observed, current);
  Evidence evidence;
  evidence.pod_name = pod.meta.name;
  evidence.node_name = pod.node_name;
  evidence.started_at = pod.Running()->started_at;
  builder.Running(evidence);
  decision.next_status = builder.Take();
  if (IsStarted(observed.commit_test.status)) return;
  decision.events.push_back({false, "Started",
                             "attempt " + std::to_string(current.number) + " runs in Pod " +
                                 pod.meta.name + " on node " + pod.node_name});
}

/// The kubelet alternates between the error of a pull and "back-off"; the error says more, and
/// writing both in turn would never end.
bool SaysNothingNew(const api::CommitTestStatus& status, const Waiting& waiting) {
  const api::Condition* started = api::FindCondition(status.conditions, api::condition::kStarted);
  return waiting.backing_off && started != nullptr && started->reason == waiting.reason;
}

void Wait(const Observed& observed, const CurrentAttempt& current, const PodView* pod,
          Decision& decision) {
  // The Pod of a finished Job is not waiting for anything, though its evidence may be on its way.
  if (observed.job->Finished()) return;
  // Started=True is not taken back within an attempt; only its end does that.
  if (current.recorded != nullptr && current.recorded->start_time) return;
  const Waiting waiting = WaitingOf(*observed.job, pod, TroubleOf(observed));
  const auto quiet = QuietPeriod(observed.commit_test.status);
  const bool long_enough = waiting.since && observed.now >= *waiting.since + quiet;
  if (!waiting.specific && !long_enough) return;
  if (SaysNothingNew(observed.commit_test.status, waiting)) return;
  StatusBuilder builder = Recorded(observed, current);
  builder.NotStarted(waiting.reason, waiting.message);
  decision.next_status = builder.Take();
}

}  // namespace

Decision DecideJob(const Observed& observed, const CurrentAttempt& current) {
  const PodView* pod = LeadingPod(observed);
  if (auto ending = Judge(observed, current, pod)) {
    return EndAttempt(observed, current, std::move(*ending));
  }
  Decision decision;
  decision.next_status = observed.commit_test.status;
  decision.requeue_after = UntilNextLook(observed, pod);
  if (pod != nullptr && pod->Running() != nullptr) {
    Run(observed, current, *pod, decision);
  } else {
    Wait(observed, current, pod, decision);
  }
  DeleteStrays(observed, decision);
  return decision;
}

}  // namespace committest::op
