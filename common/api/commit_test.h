#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "common/api/condition.h"
#include "common/api/run_request.h"
#include "common/api/run_summary.h"
#include "common/api/sharding.h"
#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/kube/object.h"

namespace committest::api {

/// `committests.committest.dev/v1alpha1`. Every field is described in manifests/crds.
const kube::ResourceType& CommitTestType();

/// `spec.source`: which commit, from where.
struct Source {
  std::string url;
  std::string commit;  ///< 40 or 64 lower-case hexadecimal digits.
  std::string ref;     ///< "refs/heads/main"; may be empty for a CommitTest made by hand.
  std::string author;
  std::string subject;

  bool operator==(const Source&) const = default;
};

enum class TriggerType { kManual, kPoll, kWebhook, kRerun };
std::string_view TriggerTypeName(TriggerType type);
/// Whether the observer made the CommitTest, and not a person.
bool IsObserved(TriggerType type);

/// `spec.trigger`: what made this CommitTest, and when the commit was first seen.
struct Trigger {
  TriggerType type = TriggerType::kManual;
  std::optional<WallTime> detected_time;

  bool operator==(const Trigger&) const = default;
};

struct EnvVar {
  std::string name;
  std::string value;

  bool operator==(const EnvVar&) const = default;
};

/// Whether `name` is letters, digits and '_', and does not begin with a digit.
bool IsEnvName(std::string_view name);

/// A toleration as in a Pod's spec; empty strings are left out.
struct Toleration {
  std::string key;
  std::string operator_;
  std::string value;
  std::string effect;

  bool operator==(const Toleration&) const = default;
};

/// `spec.execution`: where and within which limits the tests run.
struct ExecutionSpec {
  std::string image;  ///< Empty: the operator's default runner image.
  /// Quantities by resource name ("cpu": "500m"); each is request and limit. Empty: the defaults.
  std::map<std::string, std::string> resources;
  std::vector<EnvVar> env;
  std::int64_t timeout_seconds = 1800;
  std::int64_t schedule_timeout_seconds = 600;
  std::int64_t start_timeout_seconds = 300;
  std::string runtime_class_name;
  std::map<std::string, std::string> node_selector;
  std::vector<Toleration> tolerations;

  bool operator==(const ExecutionSpec&) const = default;
};

struct RetrySpec {
  std::int64_t infrastructure_limit = 3;
  std::int64_t failed_test_reruns = 0;  ///< As in `RunRequest`.

  bool operator==(const RetrySpec&) const = default;
};

enum class NotRunReason { kPathsUnaffected, kSkipRequested, kConfigurationError };
std::string_view NotRunReasonName(NotRunReason reason);

/// `spec.notRun`: why the commit's tests are not run, found out before the CommitTest was made.
struct NotRun {
  NotRunReason reason = NotRunReason::kPathsUnaffected;
  std::string message;  ///< A sentence for people, at most `kMaxNotRunMessageBytes`.

  bool operator==(const NotRun&) const = default;
};
inline constexpr std::size_t kMaxNotRunMessageBytes = 1024;

struct CommitTestSpec {
  std::string repository_name;
  std::string rerun_of;  ///< The CommitTest whose tests are run again, or empty.
  Source source;
  /// The Secret with the credentials for the repository, or empty. Only the checkout gets it.
  std::string credentials_secret_name;
  Trigger trigger;
  TestsSpec tests;
  ExecutionSpec execution;
  RetrySpec retry;
  ShardingSpec sharding;
  /// How long a CommitTest is kept after its end, unless it is the newest Passed or Failed of its
  /// ref.
  std::int64_t ttl_seconds_after_finished = 604'800;
  /// Present: the CommitTest ends at once, Skipped or as an Error, without a Job or a slot.
  std::optional<NotRun> not_run;
  // What may be changed after creation:
  std::int64_t priority = 0;  ///< Higher goes first among the waiting ones of its repository.
  bool suspend = false;       ///< No attempt is launched; one that runs goes on.
  bool cancel_requested = false;

  bool operator==(const CommitTestSpec&) const = default;
};

/// Terminal; set once, never changed.
enum class TestResult { kPassed, kFailed, kError, kCancelled, kSkipped };
std::string_view TestResultName(TestResult result);

/// Whose fault the end of an attempt was; only kInfrastructure is retried.
enum class FailureClass { kTest, kInfrastructure, kConfiguration, kCancelled };
std::string_view FailureClassName(FailureClass failure_class);

/// `status.attempts[]`: one Job. Open as long as `outcome` is empty.
struct Attempt {
  std::int64_t number = 0;  ///< From 1.
  std::string job_name;
  std::string job_uid;
  std::string pod_name;
  std::string node_name;
  std::optional<TestResult> outcome;
  std::string reason;
  std::optional<FailureClass> failure_class;  ///< Absent for a passed attempt.
  std::optional<std::int64_t> exit_code;
  std::optional<WallTime> start_time;
  std::optional<WallTime> completion_time;

  bool operator==(const Attempt&) const = default;
};

/// `status.display`: texts for printer columns, which cannot compute.
struct Display {
  std::string tests;     ///< "41/42"
  std::string duration;  ///< "37s"
  std::string commit;    ///< First 8 digits.
  std::string branch;    ///< Without "refs/heads/".
  std::string reason;
  std::string first_failure;  ///< Name of the first failing test.

  bool operator==(const Display&) const = default;
};

struct CommitTestStatus {
  std::int64_t observed_generation = 0;
  std::optional<TestResult> result;
  std::vector<Condition> conditions;
  std::optional<WallTime> queued_time;
  std::optional<WallTime> start_time;
  std::optional<WallTime> completion_time;
  std::optional<TestCounts> summary;
  std::int64_t duration_ms = 0;
  StageTimes stages;
  Display display;
  std::vector<TestFailure> failures;
  std::int64_t failures_omitted = 0;
  std::vector<Attempt> attempts;  ///< The last `kMaxAttempts`, oldest first.
  std::string reproduce_command;
  /// How long its longest units took, for the plans of later ones; only of a run that was split.
  UnitTimings timings;

  bool operator==(const CommitTestStatus&) const = default;
};

inline constexpr std::size_t kMaxAttempts = 5;
/// A finished CommitTest and its Jobs stay at least this long, many times longer than a former
/// leader's request may be on its way (reliability rule 0.2).
inline constexpr std::int64_t kMinTtlSeconds = 600;
inline constexpr std::int64_t kMaxTtlSeconds = 315'360'000;
inline constexpr std::int64_t kMaxPriority = 1'000'000;

struct CommitTest {
  kube::ObjectMeta meta;
  CommitTestSpec spec;
  CommitTestStatus status;
  /// Why the object could not be read, or empty. An object that does not parse keeps its metadata
  /// and stops nobody else.
  std::string parse_error;

  bool operator==(const CommitTest&) const = default;
};

/// Never fails: see `CommitTest::parse_error`. Fields that are absent get the CRD's defaults.
CommitTest ParseCommitTest(const nlohmann::json& object);

/// The whole `.status`, empty members left out, ready to be compared with what the server has.
nlohmann::json ToJson(const CommitTestStatus& status);
/// The whole `.spec`, empty members left out; `ParseCommitTest` reads it back unchanged.
nlohmann::json ToJson(const CommitTestSpec& spec);

/// Reads `.spec`; kInvalidArgument names the first field that is wrong. Members that a newer
/// version may have added are ignored.
Result<CommitTestSpec> ParseCommitTestSpec(const nlohmann::json& value);

/// A CommitTest to be created: apiVersion, kind, metadata and spec.
nlohmann::json MakeCommitTest(const kube::ObjectMeta& meta, const CommitTestSpec& spec);

// The parts that an ObservedRepository's template shares.
nlohmann::json ToJson(const ExecutionSpec& execution);
Result<ExecutionSpec> ParseExecutionSpec(const nlohmann::json& value, std::string_view path,
                                         UnknownMembers unknown);
nlohmann::json ToJson(const RetrySpec& retry);
Result<RetrySpec> ParseRetrySpec(const nlohmann::json& value, std::string_view path,
                                 UnknownMembers unknown);

}  // namespace committest::api
