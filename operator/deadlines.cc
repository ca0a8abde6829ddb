#include "operator/deadlines.h"

#include <algorithm>
#include <string>

#include "common/api/reasons.h"
#include "operator/run_shape.h"
#include "operator/waiting.h"

namespace committest::op {
namespace {

using std::chrono::seconds;

/// The CRD bounds these; the clamp keeps arithmetic safe if a schema ever does not.
seconds Bounded(std::int64_t value) {
  return seconds(std::clamp<std::int64_t>(value, 1, std::int64_t{30} * 86'400));
}

seconds RunLimit(const api::ExecutionSpec& execution) {
  return Bounded(execution.timeout_seconds) + kCheckoutAllowance + kRunGrace;
}

constexpr seconds kCheckoutLimit = kCheckoutAllowance + kRunGrace;

std::optional<Deadline> After(Stage stage, std::optional<WallTime> from, seconds limit) {
  if (!from) return std::nullopt;
  return Deadline{stage, *from + limit};
}

Evidence Where(const PodView& pod) {
  Evidence evidence;
  evidence.pod_name = pod.meta.name;
  evidence.node_name = pod.node_name;
  if (const ContainerRunning* running = pod.Running()) evidence.started_at = running->started_at;
  return evidence;
}

std::string Within(std::int64_t limit) {
  return " within " + std::to_string(Bounded(limit).count()) + " s";
}

Ending NotScheduled(const api::ExecutionSpec& execution, const Waiting& waiting) {
  const bool told = waiting.specific && waiting.reason != api::reason::kWaitingForPod;
  return ErrorEnding(
      told ? waiting.reason : api::reason::kStartTimeout,
      "the Pod got no node" + Within(execution.schedule_timeout_seconds) + ": " + waiting.message,
      api::FailureClass::kInfrastructure);
}

Ending NotStarted(const api::ExecutionSpec& execution, const Waiting& waiting) {
  const std::string message = "the container did not start" +
                              Within(execution.start_timeout_seconds) + ": " + waiting.message;
  if (waiting.reason == api::reason::kImagePull) {
    return ErrorEnding(api::reason::kImagePullFailed, message, api::FailureClass::kConfiguration);
  }
  if (waiting.reason == api::reason::kContainerConfig) {
    return ErrorEnding(api::reason::kConfigurationError, message,
                       api::FailureClass::kConfiguration);
  }
  return ErrorEnding(api::reason::kStartTimeout, message, api::FailureClass::kInfrastructure);
}

Ending NotFinished(const api::ExecutionSpec& execution) {
  return FailedEnding(api::reason::kTimedOut,
                      "the run did not end" + Within(RunLimit(execution).count()) +
                          " (the limit of the tests and the allowances for checkout and report)");
}

}  // namespace

std::optional<Deadline> NextDeadline(const api::CommitTestSpec& spec, const JobView& job,
                                     const PodView* pod) {
  if (job.suspended) return std::nullopt;
  const api::ExecutionSpec& execution = spec.execution;
  if (pod != nullptr && pod->Running() != nullptr) {
    return After(Stage::kRun, pod->Running()->started_at, RunLimit(execution));
  }
  if (pod != nullptr && pod->CheckingOut() != nullptr) {
    return After(Stage::kCheckout, pod->CheckingOut()->started_at, kCheckoutLimit);
  }
  if (pod != nullptr && pod->CheckedOut() != nullptr) {
    return After(Stage::kStart, pod->CheckedOut()->finished_at,
                 Bounded(execution.start_timeout_seconds));
  }
  const PodCondition* scheduled = pod == nullptr ? nullptr : pod->True("PodScheduled");
  if (scheduled != nullptr) {
    return After(Stage::kStart, scheduled->since, Bounded(execution.start_timeout_seconds));
  }
  return After(Stage::kSchedule, job.start_time ? job.start_time : job.meta.creation_time,
               Bounded(execution.schedule_timeout_seconds));
}

std::optional<Ending> JudgeDeadlines(const api::CommitTestSpec& spec, const JobView& job,
                                     const PodView* pod, const JobTrouble* trouble, WallTime now) {
  const std::optional<Deadline> deadline = NextDeadline(spec, job, pod);
  if (!deadline || now < deadline->at) return std::nullopt;
  const Waiting waiting = WaitingOf(job, pod, trouble);
  Ending ending;
  switch (deadline->stage) {
    case Stage::kSchedule:
      ending = NotScheduled(spec.execution, waiting);
      break;
    case Stage::kStart:
      ending = NotStarted(spec.execution, waiting);
      break;
    case Stage::kCheckout:
      ending = InfrastructureEnding(api::reason::kCheckoutFailed,
                                    "the checkout did not end" + Within(kCheckoutLimit.count()));
      break;
    case Stage::kRun:
      ending = NotFinished(spec.execution);
      break;
  }
  if (pod != nullptr) ending.evidence = Where(*pod);
  return ending;
}

seconds HardCap(const api::CommitTestSpec& spec) {
  const api::ExecutionSpec& execution = spec.execution;
  const seconds start = Bounded(execution.start_timeout_seconds);
  const seconds checkout = ChecksOutApart(spec) ? start + kCheckoutLimit : seconds(0);
  return Bounded(execution.schedule_timeout_seconds) + start + checkout + RunLimit(execution) +
         seconds(60);
}

}  // namespace committest::op
