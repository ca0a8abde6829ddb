#include "operator/decide_job.h"

#include <algorithm>
#include <utility>

#include "common/api/reasons.h"
#include "operator/deadlines.h"
#include "operator/decide_end.h"
#include "operator/run_shape.h"
#include "operator/shards.h"
#include "operator/status_builder.h"
#include "operator/waiting.h"

namespace committest::op {
namespace {

using std::chrono::milliseconds;
using Fronts = std::vector<Front>;

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
  if (job.failed->reason == "BackoffLimitExceeded" || job.failed->reason == "FailedIndexes") {
    return InfrastructureEnding(api::reason::kPodLost, words);
  }
  return InfrastructureEnding(api::reason::kResultLost, words);
}

/// A shard of which the Job has seen the end, and there is no Pod any more.
std::optional<Ending> JudgeLostShard(const Observed& observed, const Fronts& fronts) {
  const auto lost = std::ranges::find_if(fronts, [&observed](const Front& front) {
    return front.pod == nullptr &&
           observed.job->ended_indexes.test(static_cast<std::size_t>(front.index));
  });
  if (lost == fronts.end()) return std::nullopt;
  return InfrastructureEnding(api::reason::kPodLost,
                              InShard(observed.commit_test.spec, lost->index,
                                      "its Pod ended and is gone without a result"));
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

std::optional<Ending> JudgeDeadlinesOf(const Observed& observed, const Fronts& fronts) {
  const api::CommitTestSpec& spec = observed.commit_test.spec;
  for (const Front& front : fronts) {
    auto ending = JudgeDeadlines(spec, *observed.job, front.pod, TroubleOf(observed), observed.now);
    if (!ending) continue;
    ending->message = InShard(spec, front.index, ending->message);
    return ending;
  }
  return std::nullopt;
}

std::optional<Ending> Judge(const Observed& observed, const CurrentAttempt& current,
                            const Fronts& fronts) {
  if (auto ending = JudgeAttempt(observed.commit_test.spec, observed.pods)) return ending;
  if (observed.job->meta.deletion_time) {
    return InfrastructureEnding(api::reason::kJobDeleted,
                                "Job " + observed.job->meta.name + " is being deleted");
  }
  if (auto ending = JudgeLostPod(observed, current)) return ending;
  if (auto ending = JudgeLostShard(observed, fronts)) return ending;
  if (observed.job->Finished()) return JudgeFinishedJob(observed);
  return JudgeDeadlinesOf(observed, fronts);
}

/// How long an ordinary step of the start may last without being mentioned.
std::chrono::seconds QuietPeriod(const api::CommitTestStatus& status) {
  const std::string& told = status.display.reason;
  const bool ordinary = told.empty() || told == api::reason::kWaitingForPod ||
                        told == api::reason::kContainerCreating ||
                        told == api::reason::kCheckoutInProgress || told == api::reason::kRetrying;
  return ordinary ? kQuietPeriod : kOutdatedPeriod;
}

/// The moments at which something may be due for one Pod, or for none.
std::vector<WallTime> MomentsOf(const Observed& observed, const PodView* pod) {
  std::vector<WallTime> moments;
  if (const auto deadline = NextDeadline(observed.commit_test.spec, *observed.job, pod)) {
    moments.push_back(deadline->at);
  }
  if (pod != nullptr && pod->meta.deletion_time) {
    moments.push_back(*pod->meta.deletion_time + kDeletionGrace);
  }
  if (pod == nullptr || pod->Running() == nullptr) {
    const Waiting waiting = WaitingOf(*observed.job, pod, TroubleOf(observed));
    if (waiting.since) {
      moments.push_back(*waiting.since + QuietPeriod(observed.commit_test.status));
    }
  }
  return moments;
}

milliseconds UntilNextLook(const Observed& observed, const Fronts& fronts) {
  milliseconds wait = kSafetyNet;
  const auto consider = [&](WallTime at) {
    const auto left = std::chrono::ceil<milliseconds>(at - observed.now);
    if (left > milliseconds(0)) wait = std::min(wait, left);
  };
  if (const auto since = FinishedSince(*observed.job)) consider(*since + kEvidenceGrace);
  for (const Front& front : fronts) {
    std::ranges::for_each(MomentsOf(observed, front.pod), consider);
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

/// Which shards cannot start and why, in words that stay the same while it is so.
std::string TroubleOfShards(const Observed& observed, const Fronts& fronts) {
  const api::CommitTestSpec& spec = observed.commit_test.spec;
  std::string trouble;
  if (!IsSharded(spec)) return trouble;
  for (const Front& front : fronts) {
    if (front.pod != nullptr && front.pod->Running() != nullptr) continue;
    const Waiting waiting = WaitingOf(*observed.job, front.pod, TroubleOf(observed));
    if (waiting.specific) trouble += "; " + InShard(spec, front.index, waiting.reason);
  }
  return trouble;
}

bool HasStarted(const CurrentAttempt& current) {
  return current.recorded != nullptr && current.recorded->start_time;
}

/// `pod` runs; null in shards of which some have run and none does.
void Run(const Observed& observed, const CurrentAttempt& current, const PodView* pod,
         const Fronts& fronts, Decision& decision) {
  StatusBuilder builder = Recorded(observed, current);
  Evidence evidence;
  // Else the shards would take turns.
  const bool keep = IsSharded(observed.commit_test.spec) && HasStarted(current);
  if (pod != nullptr && !keep) {
    evidence.pod_name = pod->meta.name;
    evidence.node_name = pod->node_name;
    evidence.started_at = pod->Running()->started_at;
  }
  builder.Running(evidence, TroubleOfShards(observed, fronts));
  decision.next_status = builder.Take();
  if (pod == nullptr || IsStarted(observed.commit_test.status)) return;
  decision.events.push_back({false, "Started",
                             "attempt " + std::to_string(current.number) + " runs in Pod " +
                                 pod->meta.name + " on node " + pod->node_name});
}

/// The kubelet alternates between the error of a pull and "back-off"; the error says more, and
/// writing both in turn would never end.
bool SaysNothingNew(const api::CommitTestStatus& status, const Waiting& waiting) {
  const api::Condition* started = api::FindCondition(status.conditions, api::condition::kStarted);
  return waiting.backing_off && started != nullptr && started->reason == waiting.reason;
}

/// The front that people are told about: the first that waits for something specific.
const Front& TellingFront(const Observed& observed, const Fronts& fronts) {
  const auto is_told = [&observed](const Front& front) {
    return WaitingOf(*observed.job, front.pod, TroubleOf(observed)).specific;
  };
  const auto told = std::ranges::find_if(fronts, is_told);
  return told != fronts.end() ? *told : fronts.front();
}

void Wait(const Observed& observed, const CurrentAttempt& current, const Fronts& fronts,
          Decision& decision) {
  // The Pod of a finished Job is not waiting for anything, though its evidence may be on its way.
  if (observed.job->Finished()) return;
  // Started=True is not taken back within an attempt; only its end does that.
  if (HasStarted(current)) return;
  const Front& front = TellingFront(observed, fronts);
  const Waiting waiting = WaitingOf(*observed.job, front.pod, TroubleOf(observed));
  const auto quiet = QuietPeriod(observed.commit_test.status);
  const bool long_enough = waiting.since && observed.now >= *waiting.since + quiet;
  if (!waiting.specific && !long_enough) return;
  if (SaysNothingNew(observed.commit_test.status, waiting)) return;
  StatusBuilder builder = Recorded(observed, current);
  builder.NotStarted(waiting.reason, waiting.specific ? InShard(observed.commit_test.spec,
                                                                front.index, waiting.message)
                                                      : waiting.message);
  decision.next_status = builder.Take();
}

}  // namespace

Decision DecideJob(const Observed& observed, const CurrentAttempt& current) {
  const api::CommitTestSpec& spec = observed.commit_test.spec;
  const Fronts fronts = FrontsOf(spec, observed.pods);
  if (auto ending = Judge(observed, current, fronts)) {
    return EndAttempt(observed, current, std::move(*ending));
  }
  Decision decision;
  decision.next_status = observed.commit_test.status;
  decision.requeue_after = UntilNextLook(observed, fronts);
  const auto running = std::ranges::find_if(fronts, [](const Front& front) {
    return front.pod != nullptr && front.pod->Running() != nullptr;
  });
  if (running != fronts.end() || (IsSharded(spec) && HasStarted(current))) {
    const PodView* pod = running != fronts.end() ? running->pod : nullptr;
    Run(observed, current, pod, fronts, decision);
  } else {
    Wait(observed, current, fronts, decision);
  }
  DeleteStrays(observed, decision);
  return decision;
}

}  // namespace committest::op
