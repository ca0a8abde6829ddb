#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "common/api/commit_test.h"
#include "operator/ending.h"
#include "operator/pod_view.h"

namespace committest::op {

/// The verdict on one attempt from what the kubelet reported of its Pods: pure and total, the one
/// place that can say Passed. nullopt: no evidence yet.
///
/// REQUIRES: `pods` are those whose controller is the attempt's Job, by UID.
///
/// The first row that matches counts. "honest": the summary parses, and the commit that it names as
/// checked out is the one of the spec. "before": the container ended before the disruption or the
/// deletion was asked for, and the timestamps (of one second) prove it.
///
/// | runner container      | exit  | and                                                  | ending
/// |-----------------------|-------|------------------------------------------------------|-------
/// | not terminated        |       | phase Failed, kubelet named a reason, never reported | retry Disrupted if it evicted, else PodLost
/// | not terminated        |       | phase Failed and DisruptionTarget                    | retry Disrupted
/// | not terminated        |       | otherwise                                            | not yet
/// | terminated            | != 0  | DisruptionTarget, and not "before"                   | retry Disrupted
/// | terminated            | != 0  | Pod being deleted, and not "before"                  | retry PodLost
/// | terminated            | != 0  | phase Failed, and the kubelet says that it evicted   | retry Disrupted
/// | OOMKilled             | any   |                                                      | Failed OutOfMemory
/// | StartError, CannotRun | any   |                                                      | Error ConfigurationError
/// | terminated            | 0     | not honest                                           | Error ReportInvalid
/// | terminated            | 0     | failed + errored > 0                                 | Error ReportInvalid
/// | terminated            | 0     | executed 0, allowNoTests not set                     | Error NoTestsFound
/// | terminated            | 0     | flaky > 0                                            | Passed PassedWithFlakes
/// | terminated            | 0     | otherwise                                            | Passed TestsPassed
/// | terminated            | 10    | not honest                                           | Error ReportInvalid
/// | terminated            | 10    | summary.reason is TimedOut                           | Failed TimedOut
/// | terminated            | 10    | summary.reason is OutOfMemory                        | Failed OutOfMemory
/// | terminated            | 10    | otherwise                                            | Failed TestsFailed
/// | terminated            | 20    |                                                      | retry CheckoutFailed
/// | terminated            | 21    |                                                      | Error CommitGone
/// | terminated            | 30    |                                                      | Error NoTestsFound
/// | terminated            | 40    | honest, and summary.reason is SetupFailed            | Error SetupFailed
/// | terminated            | 40    | otherwise                                            | Error ReportInvalid
/// | terminated            | 60    |                                                      | Error ConfigurationError
/// | terminated            | other | also 50 and 137                                      | retry ResultLost
///
/// A run in two containers has evidence earlier when the first of them, which checks out, ends with
/// another code than 0. The rows about the Pod, the start and the codes 20, 21, 60 and others hold
/// for it too; killed for memory is retry CheckoutFailed, and no code of it is a verdict on tests.
///
/// Several Pods (a container that was started twice): final endings beat retries, and a retry
/// counts only once no Pod may still bring evidence. Final endings that agree in result and reason
/// are that ending; those that disagree are Error ResultLost, for neither can be believed.
///
/// A hostile test can fake its own result, by exiting 0 with a forged summary. It can not fake
/// another commit's, and no wrong summary turns anything into Passed.
std::optional<Ending> JudgePods(const api::CommitTestSpec& spec, const std::vector<PodView>& pods);

/// The same for one Pod.
std::optional<Ending> JudgePod(const api::CommitTestSpec& spec, const PodView& pod);

/// Passed, and Failed TestsFailed, as a summary that can be believed tells them.
Ending PassedEnding(const api::TestCounts& counts);
Ending TestsFailedEnding(const api::RunSummary& summary);

}  // namespace committest::op
