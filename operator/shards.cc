#include "operator/shards.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

#include "common/api/reasons.h"
#include "operator/run_shape.h"
#include "operator/unit_timings.h"
#include "operator/verdict.h"

namespace committest::op {
namespace {

/// The endings by shard.
using Endings = std::vector<Ending>;

std::vector<PodView> PodsOfShard(const std::vector<PodView>& pods, std::int64_t index) {
  std::vector<PodView> own;
  std::ranges::copy_if(pods, std::back_inserter(own),
                       [index](const PodView& pod) { return pod.index == index; });
  return own;
}

std::string NameOf(std::int64_t index, std::int64_t count) {
  return "shard " + std::to_string(index + 1) + " of " + std::to_string(count);
}

/// The lower, the more an ending says of the whole. A reason that is not known here says most.
std::size_t RankOf(const Ending& ending) {
  static constexpr std::array<std::string_view, 9> kOrder{
      api::reason::kResultLost,    api::reason::kConfigurationError, api::reason::kCommitGone,
      api::reason::kTimedOut,      api::reason::kOutOfMemory,        api::reason::kSetupFailed,
      api::reason::kReportInvalid, api::reason::kTestsFailed,        api::reason::kNoTestsFound};
  if (ending.result == api::TestResult::kPassed) return kOrder.size() + 1;
  const auto* at = std::ranges::find(kOrder, ending.reason);
  return at == kOrder.end() ? 0 : static_cast<std::size_t>(at - kOrder.begin()) + 1;
}

bool IsPassed(const Ending& ending) { return ending.result == api::TestResult::kPassed; }

/// Whether the shard's tests came to an end that its plan must account for.
bool IsOfTests(const Ending& ending) {
  return IsPassed(ending) || ending.reason == api::reason::kTestsFailed ||
         ending.reason == api::reason::kNoTestsFound;
}

/// Why this shard's report is not that of shard `index`, or empty.
std::string ReportProblem(const Ending& ending, std::int64_t index, std::int64_t count) {
  if (!ending.summary) return "it left no valid summary";
  const auto& shard = ending.summary->shard;
  if (!shard) return "its summary says nothing of shards; the runner must know them";
  if (shard->index != index || shard->count != count) {
    return "its summary is that of " + NameOf(shard->index, shard->count);
  }
  const bool ran = ending.reason != api::reason::kNoTestsFound;
  return ran && shard->plan.empty() ? "it ran tests without a plan" : "";
}

/// Why the shards are not parts of one plan, and the shard that shows it.
std::optional<std::pair<std::int64_t, std::string>> PlanProblem(const Endings& endings) {
  const auto count = static_cast<std::int64_t>(endings.size());
  std::int64_t units = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    const Ending& ending = endings[static_cast<std::size_t>(i)];
    if (std::string problem = ReportProblem(ending, i, count); !problem.empty()) {
      return std::pair(i, std::move(problem));
    }
    const api::ShardReport& first = *endings.front().summary->shard;
    const api::ShardReport& own = *ending.summary->shard;
    if (own.plan != first.plan || own.units_of_all != first.units_of_all) {
      return std::pair(i, std::string("it found other tests than shard 1, or split them otherwise; "
                                      "which tests there are must not depend on the machine"));
    }
    units += own.units;
  }
  const std::int64_t all = endings.front().summary->shard->units_of_all;
  if (units == all) return std::nullopt;
  return std::pair(std::int64_t{0}, "the shards ran " + std::to_string(units) + " of " +
                                        std::to_string(all) + " units of tests");
}

void AddCounts(const api::TestCounts& part, api::TestCounts& sum) {
  sum.total += part.total;
  sum.passed += part.passed;
  sum.failed += part.failed;
  sum.errored += part.errored;
  sum.skipped += part.skipped;
  sum.flaky += part.flaky;
}

void AddFailures(const api::RunSummary& part, api::RunSummary& sum) {
  sum.failures_omitted += part.failures_omitted;
  for (const api::TestFailure& failure : part.failures) {
    if (sum.failures.size() < api::kMaxFailures) {
      sum.failures.push_back(failure);
    } else {
      ++sum.failures_omitted;
    }
  }
}

/// That of `decisive`, with the figures of all; nullopt if a shard has none.
std::optional<api::RunSummary> JoinedSummary(const Endings& endings, const Ending& decisive) {
  if (!std::ranges::all_of(endings, [](const Ending& one) { return one.summary.has_value(); })) {
    return std::nullopt;
  }
  api::RunSummary joined = *decisive.summary;
  joined.shard.reset();
  joined.counts = {};
  joined.failures.clear();
  joined.failures_omitted = 0;
  for (const Ending& ending : endings) {
    const api::RunSummary& part = *ending.summary;
    AddCounts(part.counts, joined.counts);
    AddFailures(part, joined);
    joined.duration_ms = std::max(joined.duration_ms, part.duration_ms);
    for (const auto& [name, stage] : api::kStageMembers) {
      joined.stages.*stage = std::max(joined.stages.*stage, part.stages.*stage);
    }
    joined.timings.insert(part.timings.begin(), part.timings.end());
  }
  KeepLongest(joined.timings);
  return joined;
}

/// That of `decisive`, from the first start to the last end.
Evidence JoinedEvidence(const Endings& endings, const Ending& decisive) {
  Evidence joined = decisive.evidence.value_or(Evidence());
  for (const Ending& ending : endings) {
    if (!ending.evidence) continue;
    const auto& [pod, node, code, started, finished] = *ending.evidence;
    if (started && (!joined.started_at || *started < *joined.started_at)) {
      joined.started_at = started;
    }
    if (finished && (!joined.finished_at || *joined.finished_at < *finished)) {
      joined.finished_at = finished;
    }
  }
  return joined;
}

Ending Named(Ending ending, std::int64_t index, std::int64_t count) {
  ending.message = NameOf(index, count) + ": " + ending.message;
  return ending;
}

/// All shards ended with tests that are parts of one plan.
Ending EndingOfTests(const Ending& decisive, const api::RunSummary& joined) {
  if (decisive.reason == api::reason::kTestsFailed) return TestsFailedEnding(joined);
  const bool is_nothing =
      decisive.reason == api::reason::kNoTestsFound && joined.counts.Executed() == 0;
  return is_nothing ? decisive : PassedEnding(joined.counts);
}

/// REQUIRES: no ending is a retry.
Ending Fold(const Endings& endings) {
  const auto count = static_cast<std::int64_t>(endings.size());
  const auto decisive = std::ranges::min_element(endings, {}, RankOf);
  Ending folded;
  std::optional<api::RunSummary> joined = JoinedSummary(endings, *decisive);
  if (!IsOfTests(*decisive)) {
    folded = Named(*decisive, decisive - endings.begin(), count);
  } else if (auto problem = PlanProblem(endings)) {
    folded = Named(ErrorEnding(api::reason::kReportInvalid, std::move(problem->second),
                               api::FailureClass::kConfiguration),
                   problem->first, count);
    folded.evidence = JoinedEvidence(endings, endings[static_cast<std::size_t>(problem->first)]);
    return folded;
  } else {
    folded = EndingOfTests(*decisive, *joined);
  }
  const auto shown = IsPassed(folded) ? std::ranges::find_if(endings, IsPassed) : decisive;
  folded.summary = std::move(joined);
  folded.evidence = JoinedEvidence(endings, *shown);
  return folded;
}

/// An attempt that lost a shard.
Ending Lost(Ending ending, std::int64_t index, std::int64_t count, bool all_ended) {
  if (!all_ended && ending.evidence) ending.evidence->exit_code.reset();
  return Named(std::move(ending), index, count);
}

std::optional<Ending> JudgeShards(const api::CommitTestSpec& spec,
                                  const std::vector<PodView>& pods) {
  const std::int64_t count = spec.sharding.count;
  Endings endings;
  std::optional<std::pair<std::int64_t, Ending>> lost;
  bool all_ended = true;
  for (std::int64_t i = 0; i < count; ++i) {
    std::optional<Ending> ending = JudgePods(spec, PodsOfShard(pods, i));
    all_ended = all_ended && ending.has_value();
    if (!ending) continue;
    if (ending->retryable && !lost) lost = std::pair(i, *ending);
    endings.push_back(*std::move(ending));
  }
  if (lost) return Lost(std::move(lost->second), lost->first, count, all_ended);
  return all_ended ? std::optional(Fold(endings)) : std::nullopt;
}

const PodView* LeadingPod(const std::vector<const PodView*>& pods) {
  const auto running =
      std::ranges::find_if(pods, [](const PodView* pod) { return pod->Running() != nullptr; });
  if (running != pods.end()) return *running;
  return pods.empty() ? nullptr : pods.front();
}

}  // namespace

std::optional<Ending> JudgeAttempt(const api::CommitTestSpec& spec,
                                   const std::vector<PodView>& pods) {
  return IsSharded(spec) ? JudgeShards(spec, pods) : JudgePods(spec, pods);
}

std::vector<Front> FrontsOf(const api::CommitTestSpec& spec, const std::vector<PodView>& pods) {
  std::vector<Front> fronts;
  for (std::int64_t i = 0; i < spec.sharding.count; ++i) {
    std::vector<const PodView*> own;
    for (const PodView& pod : pods) {
      if (!IsSharded(spec) || pod.index == i) own.push_back(&pod);
    }
    if (IsSharded(spec) && JudgePods(spec, PodsOfShard(pods, i))) continue;
    fronts.push_back({i, LeadingPod(own)});
  }
  return fronts;
}

std::string InShard(const api::CommitTestSpec& spec, std::int64_t index, std::string_view message) {
  const std::string text(message);
  return IsSharded(spec) ? NameOf(index, spec.sharding.count) + ": " + text : text;
}

}  // namespace committest::op
