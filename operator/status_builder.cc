#include "operator/status_builder.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string_view>
#include <utility>

#include "common/api/names.h"
#include "common/api/reasons.h"
#include "common/api/reproduce.h"
#include "common/base/strings.h"
#include "common/base/time_format.h"
#include "operator/run_shape.h"

namespace committest::op {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kMaxDisplayBytes = 100;

/// Our own message, made fit for the API. It may quote what a Git server or a test has said.
std::string Clean(std::string_view message) {
  return Truncate(Redact(OneLine(message)), api::kMaxConditionMessageBytes);
}

std::string TestsText(const api::TestCounts& counts) {
  return std::to_string(counts.passed) + "/" + std::to_string(counts.Executed());
}

std::optional<milliseconds> DurationOf(const Ending& ending) {
  if (ending.summary) return milliseconds(ending.summary->duration_ms);
  if (!ending.evidence || !ending.evidence->started_at || !ending.evidence->finished_at) {
    return std::nullopt;
  }
  return std::chrono::duration_cast<milliseconds>(*ending.evidence->finished_at -
                                                  *ending.evidence->started_at);
}

/// The place of a condition in the list; those of others come last, by type.
std::pair<std::ptrdiff_t, std::string_view> OrderOf(const api::Condition& condition) {
  static constexpr std::array<std::string_view, 5> kOrder{
      api::condition::kAdmitted, api::condition::kStarted, api::condition::kCompleted,
      api::condition::kSucceeded, api::condition::kResultsRecorded};
  return {std::ranges::find(kOrder, condition.type) - kOrder.begin(), condition.type};
}

void TakeEvidence(const Evidence& evidence, api::Attempt& attempt) {
  if (!evidence.pod_name.empty()) attempt.pod_name = evidence.pod_name;
  if (!evidence.node_name.empty()) attempt.node_name = evidence.node_name;
  if (evidence.exit_code) attempt.exit_code = evidence.exit_code;
  if (evidence.started_at) attempt.start_time = evidence.started_at;
}

std::string RunningMessage(const api::CommitTestSpec& spec, const api::Attempt& attempt) {
  const std::string where = "Pod " + attempt.pod_name + " runs ";
  const std::string what =
      IsSharded(spec) ? "one of " + std::to_string(spec.sharding.count) + " shards" : "the tests";
  return where + what + " on node " + attempt.node_name;
}

}  // namespace

StatusBuilder::StatusBuilder(const api::CommitTest& commit_test, WallTime now)
    : commit_test_(commit_test), now_(now), status_(commit_test.status) {}

api::CommitTestStatus StatusBuilder::Take() {
  std::ranges::sort(status_.conditions, {}, OrderOf);
  // Conditions of others must not keep ours from being written: the API takes only so many.
  if (status_.conditions.size() > api::kMaxConditions) {
    status_.conditions.resize(api::kMaxConditions);
  }
  return std::move(status_);
}

api::Attempt* StatusBuilder::Open() {
  auto& attempts = status_.attempts;
  return !attempts.empty() && !attempts.back().outcome ? &attempts.back() : nullptr;
}

void StatusBuilder::Condition(const char* type, const char* status, const std::string& reason,
                              const std::string& message) {
  api::SetCondition(status_.conditions,
                    {type, status, reason, Clean(message), commit_test_.meta.generation, now_});
}

void StatusBuilder::Describe() {
  status_.observed_generation = commit_test_.meta.generation;
  if (!status_.queued_time) status_.queued_time = commit_test_.meta.creation_time;
  const api::Source& source = commit_test_.spec.source;
  status_.display.commit = source.commit.substr(0, 8);
  status_.display.branch = Truncate(OneLine(api::ShortRef(source.ref)), kMaxDisplayBytes);
  if (status_.result) return;
  Condition(api::condition::kCompleted, api::condition::kFalse, api::reason::kPending,
            "there is no verdict yet");
  Condition(api::condition::kSucceeded, api::condition::kUnknown, api::reason::kPending,
            "there is no verdict yet");
}

void StatusBuilder::Admit() {
  Condition(api::condition::kAdmitted, api::condition::kTrue, api::reason::kAdmitted,
            "the CommitTest may run");
}

void StatusBuilder::NotAdmitted(const std::string& reason, const std::string& message) {
  Describe();
  Condition(api::condition::kAdmitted, api::condition::kFalse, reason, message);
  status_.display.reason = reason;
}

void StatusBuilder::RecordAttempt(std::int64_t number, const std::string& job_name,
                                  const std::string& job_uid) {
  if (Open() != nullptr) return;
  api::Attempt attempt;
  attempt.number = number;
  attempt.job_name = job_name;
  attempt.job_uid = job_uid;
  auto& attempts = status_.attempts;
  attempts.push_back(std::move(attempt));
  if (attempts.size() > api::kMaxAttempts) attempts.erase(attempts.begin());
}

void StatusBuilder::Running(const Evidence& evidence, const std::string& trouble) {
  Describe();
  Admit();
  if (api::Attempt* attempt = Open(); attempt != nullptr) {
    TakeEvidence(evidence, *attempt);
    if (!attempt->start_time) attempt->start_time = now_;
    if (!status_.start_time) status_.start_time = attempt->start_time;
    Condition(api::condition::kStarted, api::condition::kTrue, api::reason::kTestsRunning,
              RunningMessage(commit_test_.spec, *attempt) + trouble);
  }
  status_.display.reason = api::reason::kTestsRunning;
}

void StatusBuilder::NotStarted(const std::string& reason, const std::string& message) {
  Describe();
  Admit();
  Condition(api::condition::kStarted, api::condition::kFalse, reason, message);
  status_.display.reason = reason;
}

void StatusBuilder::CloseAttempt(const Ending& ending) {
  api::Attempt* attempt = Open();
  if (attempt == nullptr) return;
  if (ending.evidence) TakeEvidence(*ending.evidence, *attempt);
  if (!status_.start_time) status_.start_time = attempt->start_time;
  attempt->outcome = ending.result;
  attempt->reason = ending.reason;
  attempt->failure_class = ending.failure_class;
  const bool told = ending.evidence && ending.evidence->finished_at;
  attempt->completion_time = told && !ending.retryable ? ending.evidence->finished_at : now_;
}

void StatusBuilder::TakeSummary(const Ending& ending) {
  if (const auto duration = DurationOf(ending)) {
    status_.duration_ms = duration->count();
    status_.display.duration = FormatDuration(*duration);
  }
  if (!ending.summary) return;
  const api::RunSummary& summary = *ending.summary;
  status_.summary = summary.counts;
  status_.stages = summary.stages;
  // "0/0" would look like a count; that nothing was executed stands in the reason.
  if (summary.counts.Executed() > 0) status_.display.tests = TestsText(summary.counts);
  if (IsSharded(commit_test_.spec)) status_.timings = summary.timings;
  status_.failures = summary.failures;
  status_.failures_omitted = summary.failures_omitted;
  if (status_.failures.size() > api::kMaxFailures) {
    status_.failures_omitted +=
        static_cast<std::int64_t>(status_.failures.size() - api::kMaxFailures);
    status_.failures.resize(api::kMaxFailures);
  }
  if (!summary.failures.empty()) {
    status_.display.first_failure = Truncate(summary.failures.front().name, kMaxDisplayBytes);
  }
}

void StatusBuilder::Finish(const Ending& ending, const RunnerDefaults& defaults) {
  Describe();
  const bool launched = !status_.attempts.empty();
  if (launched) Admit();
  const bool came_to_its_end =
      ending.result != api::TestResult::kCancelled && ending.result != api::TestResult::kSkipped;
  const bool passed = ending.result == api::TestResult::kPassed;
  status_.result = ending.result;
  status_.completion_time = now_;
  if (ending.evidence && ending.evidence->exit_code) {
    Condition(api::condition::kStarted, api::condition::kTrue, api::reason::kTestsRunning,
              "Pod " + ending.evidence->pod_name + " ran on node " + ending.evidence->node_name);
  }
  Condition(api::condition::kCompleted, api::condition::kTrue,
            came_to_its_end ? api::reason::kFinished : ending.reason, ending.message);
  Condition(api::condition::kSucceeded, passed ? api::condition::kTrue : api::condition::kFalse,
            ending.reason, ending.message);
  if (launched) {
    Condition(api::condition::kResultsRecorded, api::condition::kFalse, api::reason::kNotConfigured,
              "the log is stored nowhere else: kubectl logs shows it as long as the Job stays");
  }
  TakeSummary(ending);
  status_.display.reason = ending.reason;
  if (came_to_its_end && !commit_test_.spec.not_run &&
      api::IsCommitId(commit_test_.spec.source.commit)) {
    status_.reproduce_command =
        api::ReproduceCommand(commit_test_.spec, {defaults.image, defaults.memory});
  }
}

}  // namespace committest::op
