#include "operator/verdict.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "common/api/exit_codes.h"
#include "common/api/reasons.h"
#include "common/base/strings.h"

namespace committest::op {
namespace {

using api::FailureClass;
using api::RunnerExit;
using api::RunSummary;

/// What one container left behind, read once.
struct Remains {
  const ContainerTerminated& terminated;
  Result<RunSummary> summary;
};

bool IsOneOf(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::ranges::find(words, word) != words.end();
}

/// Whether the container ended before `moment`. Both have a resolution of one second, so "in the
/// same second" is not before: a retry costs less than a verdict that a SIGTERM has made.
bool EndedBefore(const ContainerTerminated& terminated, const std::optional<WallTime>& moment) {
  return terminated.finished_at && moment && *terminated.finished_at < *moment;
}

std::string Words(std::string_view what, std::string_view detail) {
  const std::string clean = OneLine(detail);
  return clean.empty() ? std::string(what) : std::string(what) + ": " + clean;
}

std::string Plural(std::int64_t count, std::string_view noun) {
  return std::to_string(count) + " " + std::string(noun) + (count == 1 ? "" : "s");
}

std::string SummaryMessage(const Remains& remains, std::string_view fallback) {
  if (remains.summary && !remains.summary->message.empty()) return remains.summary->message;
  return std::string(fallback);
}

std::string WithCode(const Remains& remains, std::string_view fallback) {
  return SummaryMessage(remains, std::string(fallback) + " (exit code " +
                                     std::to_string(remains.terminated.exit_code) + ")");
}

/// Why the summary cannot carry a verdict, or empty.
std::string Dishonesty(const api::CommitTestSpec& spec, const Remains& remains) {
  if (!remains.summary) {
    return "the container exited with " + std::to_string(remains.terminated.exit_code) +
           " but left no valid summary (" + OneLine(remains.summary.error().message) +
           "); the container must be the committest runner";
  }
  if (remains.summary->commit != spec.source.commit) {
    return "the runner reports commit " + OneLine(Truncate(remains.summary->commit, 64)) +
           " as checked out, not " + spec.source.commit;
  }
  return {};
}

std::string PassedMessage(const api::TestCounts& counts) {
  std::string message = Plural(counts.passed, "test") + " passed";
  if (counts.skipped > 0) message += ", " + std::to_string(counts.skipped) + " skipped";
  if (counts.flaky > 0) {
    message += "; " + std::to_string(counts.flaky) + " of them only when run again";
  }
  return message;
}

std::string FailedMessage(const RunSummary& summary) {
  const std::int64_t bad = summary.counts.failed + summary.counts.errored;
  if (bad == 0) return summary.message.empty() ? "the tests failed" : summary.message;
  std::string message =
      std::to_string(bad) + " of " + Plural(summary.counts.Executed(), "test") + " failed";
  if (!summary.failures.empty()) message += "; first: " + summary.failures.front().name;
  return message;
}

Ending JudgeZero(const api::CommitTestSpec& spec, const Remains& remains) {
  if (const std::string why = Dishonesty(spec, remains); !why.empty()) {
    return ErrorEnding(api::reason::kReportInvalid, why, FailureClass::kConfiguration);
  }
  const api::TestCounts& counts = remains.summary->counts;
  if (counts.failed + counts.errored > 0) {
    return ErrorEnding(api::reason::kReportInvalid,
                       "the container exited with 0 although its report counts failed tests",
                       FailureClass::kConfiguration);
  }
  if (counts.Executed() == 0 && !spec.tests.allow_no_tests) {
    return ErrorEnding(api::reason::kNoTestsFound, "no test was executed",
                       FailureClass::kConfiguration);
  }
  return PassedEnding(counts);
}

Ending JudgeTestsFailed(const api::CommitTestSpec& spec, const Remains& remains) {
  if (const std::string why = Dishonesty(spec, remains); !why.empty()) {
    return ErrorEnding(api::reason::kReportInvalid, why, FailureClass::kConfiguration);
  }
  if (remains.summary->reason == api::reason::kTimedOut) {
    return FailedEnding(
        api::reason::kTimedOut,
        SummaryMessage(remains, "the tests reached their time limit of " +
                                    Plural(spec.execution.timeout_seconds, "second")));
  }
  if (remains.summary->reason == api::reason::kOutOfMemory) {
    return FailedEnding(api::reason::kOutOfMemory,
                        SummaryMessage(remains, "processes of the tests were killed for memory"));
  }
  return TestsFailedEnding(*remains.summary);
}

Ending ErrorOf(const Remains& remains, const char* reason, std::string_view fallback) {
  return ErrorEnding(reason, WithCode(remains, fallback), FailureClass::kConfiguration);
}

/// The codes that say nothing of tests: those of a checkout, of either container.
Ending JudgeUntested(const Remains& remains) {
  const std::int64_t code = remains.terminated.exit_code;
  if (code == static_cast<int>(RunnerExit::kCheckoutFailed)) {
    return InfrastructureEnding(api::reason::kCheckoutFailed,
                                WithCode(remains, "the commit could not be checked out"));
  }
  if (code == static_cast<int>(RunnerExit::kCommitGone)) {
    return ErrorOf(remains, api::reason::kCommitGone, "the repository no longer has the commit");
  }
  if (code == static_cast<int>(RunnerExit::kConfiguration)) {
    return ErrorOf(remains, api::reason::kConfigurationError,
                   "the runner refused its configuration");
  }
  return InfrastructureEnding(api::reason::kResultLost,
                              WithCode(remains, "the runner ended without a result"));
}

Ending JudgeExitCode(const api::CommitTestSpec& spec, const Remains& remains) {
  const std::int64_t code = remains.terminated.exit_code;
  if (code == static_cast<int>(RunnerExit::kPassed)) return JudgeZero(spec, remains);
  if (code == static_cast<int>(RunnerExit::kTestsFailed)) return JudgeTestsFailed(spec, remains);
  if (code == static_cast<int>(RunnerExit::kNoTests)) {
    return ErrorOf(remains, api::reason::kNoTestsFound, "no tests were found");
  }
  if (code == static_cast<int>(RunnerExit::kReportInvalid)) {
    if (Dishonesty(spec, remains).empty() && remains.summary->reason == api::reason::kSetupFailed) {
      return ErrorOf(remains, api::reason::kSetupFailed, "what the tests need could not be built");
    }
    return ErrorOf(remains, api::reason::kReportInvalid,
                   "the tests left no report that can be read");
  }
  return JudgeUntested(remains);
}

/// Whether the kubelet ended the whole Pod. It does not set the condition DisruptionTarget for all
/// its reasons: a Pod that exceeds its own limit of disk has none.
bool IsEvicted(const PodView& pod) {
  return pod.phase == "Failed" &&
         IsOneOf(pod.reason, {"Evicted", "Preempting", "Terminated", "Shutdown"});
}

/// What befell the whole Pod, unless the container ended before it.
std::optional<Ending> JudgeDisruption(const PodView& pod, const ContainerTerminated& terminated) {
  if (terminated.exit_code == 0) return std::nullopt;
  const PodCondition* disruption = pod.True("DisruptionTarget");
  if (disruption != nullptr && !EndedBefore(terminated, disruption->since)) {
    return InfrastructureEnding(api::reason::kDisrupted,
                                Words(disruption->reason, disruption->message));
  }
  if (pod.meta.deletion_time && !EndedBefore(terminated, pod.deletion_requested)) {
    return InfrastructureEnding(api::reason::kPodLost,
                                "Pod " + pod.meta.name + " was deleted while its tests ran");
  }
  if (IsEvicted(pod)) {
    return InfrastructureEnding(api::reason::kDisrupted, Words(pod.reason, pod.message));
  }
  return std::nullopt;
}

bool CouldNotStart(const ContainerTerminated& terminated) {
  return IsOneOf(terminated.reason, {"StartError", "ContainerCannotRun"});
}

Ending NotStarted(const ContainerTerminated& terminated) {
  return ErrorEnding(api::reason::kConfigurationError, Words(terminated.reason, terminated.message),
                     FailureClass::kConfiguration);
}

Ending JudgeTerminated(const api::CommitTestSpec& spec, const PodView& pod,
                       const Remains& remains) {
  const ContainerTerminated& terminated = remains.terminated;
  if (auto ending = JudgeDisruption(pod, terminated)) return *std::move(ending);
  if (terminated.reason == "OOMKilled") {
    return FailedEnding(api::reason::kOutOfMemory,
                        "the container exceeded its memory limit and was killed");
  }
  if (CouldNotStart(terminated)) return NotStarted(terminated);
  return JudgeExitCode(spec, remains);
}

Ending JudgeCheckout(const PodView& pod, const Remains& remains) {
  const ContainerTerminated& terminated = remains.terminated;
  if (auto ending = JudgeDisruption(pod, terminated)) return *std::move(ending);
  if (terminated.reason == "OOMKilled") {
    return InfrastructureEnding(api::reason::kCheckoutFailed,
                                "the checkout exceeded its memory limit and was killed");
  }
  if (CouldNotStart(terminated)) return NotStarted(terminated);
  return JudgeUntested(remains);
}

/// The end that is the evidence: of the runner, or of a checkout that failed.
const ContainerTerminated* EvidentEnd(const PodView& pod) {
  if (pod.Terminated() != nullptr) return pod.Terminated();
  const ContainerTerminated* checkout = pod.CheckedOut();
  return checkout != nullptr && checkout->exit_code != 0 ? checkout : nullptr;
}

Evidence EvidenceOf(const PodView& pod) {
  Evidence evidence;
  evidence.pod_name = pod.meta.name;
  evidence.node_name = pod.node_name;
  if (const ContainerTerminated* terminated = EvidentEnd(pod); terminated != nullptr) {
    evidence.exit_code = terminated->exit_code;
    evidence.started_at = terminated->started_at;
    evidence.finished_at = terminated->finished_at;
  }
  return evidence;
}

/// A Pod that failed without its container: evicted before it started, refused by the kubelet.
std::optional<Ending> JudgeUnterminated(const PodView& pod) {
  if (pod.phase != "Failed") return std::nullopt;
  if (const PodCondition* disruption = pod.True("DisruptionTarget"); disruption != nullptr) {
    return InfrastructureEnding(api::reason::kDisrupted,
                                Words(disruption->reason, disruption->message));
  }
  const bool never_reported = std::holds_alternative<std::monostate>(pod.runner);
  if (!never_reported || pod.reason.empty()) return std::nullopt;
  return InfrastructureEnding(IsEvicted(pod) ? api::reason::kDisrupted : api::reason::kPodLost,
                              Words(pod.reason, pod.message));
}

bool Agree(const Ending& a, const Ending& b) {
  return a.result == b.result && a.reason == b.reason;
}

}  // namespace

Ending PassedEnding(const api::TestCounts& counts) {
  Ending ending;
  ending.result = api::TestResult::kPassed;
  ending.reason = counts.flaky > 0 ? api::reason::kPassedWithFlakes : api::reason::kTestsPassed;
  ending.message = PassedMessage(counts);
  return ending;
}

Ending TestsFailedEnding(const api::RunSummary& summary) {
  return FailedEnding(api::reason::kTestsFailed, FailedMessage(summary));
}

std::optional<Ending> JudgePod(const api::CommitTestSpec& spec, const PodView& pod) {
  std::optional<Ending> ending;
  if (const ContainerTerminated* terminated = EvidentEnd(pod); terminated != nullptr) {
    Remains remains{*terminated, api::ParseSummary(terminated->message)};
    ending = pod.Terminated() != nullptr ? JudgeTerminated(spec, pod, remains)
                                         : JudgeCheckout(pod, remains);
    if (Dishonesty(spec, remains).empty()) ending->summary = std::move(*remains.summary);
  } else {
    ending = JudgeUnterminated(pod);
  }
  if (ending) ending->evidence = EvidenceOf(pod);
  return ending;
}

std::optional<Ending> JudgePods(const api::CommitTestSpec& spec, const std::vector<PodView>& pods) {
  std::optional<Ending> final_ending;
  std::optional<Ending> retry;
  bool open = false;
  for (const PodView& pod : pods) {
    std::optional<Ending> ending = JudgePod(spec, pod);
    if (!ending) {
      open = true;
    } else if (ending->retryable) {
      if (!retry) retry = std::move(ending);
    } else if (!final_ending) {
      final_ending = std::move(ending);
    } else if (!Agree(*final_ending, *ending)) {
      Ending lost = ErrorEnding(api::reason::kResultLost,
                                "the tests were started twice and the results disagree: " +
                                    final_ending->reason + " and " + ending->reason,
                                FailureClass::kInfrastructure);
      lost.evidence = final_ending->evidence;
      return lost;
    }
  }
  if (final_ending) return final_ending;
  return open ? std::nullopt : retry;
}

}  // namespace committest::op
