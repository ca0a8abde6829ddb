#include <algorithm>
#include <array>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/api/commit_id.h"
#include "common/api/commit_test.h"
#include "common/api/reasons.h"
#include "common/api/strict_reader.h"
#include "common/base/strings.h"
#include "common/base/time_format.h"
#include "common/kube/json_reader.h"

namespace committest::api {
namespace {

using nlohmann::json;

constexpr std::int64_t kDaySeconds = 86'400;
constexpr std::array kNotRunReasons{NotRunReason::kPathsUnaffected, NotRunReason::kSkipRequested,
                                    NotRunReason::kConfigurationError};

Source ReadSource(StrictReader& spec) {
  static const json kEmpty = json::object();
  const json* value = spec.Object("source");
  StrictReader reader(value != nullptr ? *value : kEmpty, spec.PathOf("source"));
  Source source;
  source.url = reader.String("url", {}, 2048);
  source.commit = reader.String("commit", {}, 64);
  source.ref = reader.String("ref", {}, 255);
  source.author = reader.String("author", {}, 800);
  source.subject = reader.String("subject", {}, 400);
  if (source.url.empty()) reader.Refuse("url", "is empty, expected the repository's URL");
  if (!IsCommitId(source.commit)) {
    reader.Refuse("commit",
                  "is '" + source.commit + "', expected 40 or 64 lower-case hexadecimal digits");
  }
  if (auto status = reader.Finish(UnknownMembers::kIgnore); !status) {
    return spec.Take(Result<Source>(Fail(status.error())));
  }
  return source;
}

Trigger ReadTrigger(StrictReader& spec) {
  const json* value = spec.Object("trigger");
  if (value == nullptr) return {};
  StrictReader reader(*value, spec.PathOf("trigger"));
  Trigger trigger;
  const std::string type = reader.String("type", "Manual", 32);
  // A type that a newer version knows says how the object came to be; it changes nothing here.
  trigger.type = type == "Poll"      ? TriggerType::kPoll
                 : type == "Webhook" ? TriggerType::kWebhook
                 : type == "Rerun"   ? TriggerType::kRerun
                                     : TriggerType::kManual;
  trigger.detected_time = reader.Time("detectedTime");
  if (auto status = reader.Finish(UnknownMembers::kIgnore); !status) {
    return spec.Take(Result<Trigger>(Fail(status.error())));
  }
  return trigger;
}

// A reason that a newer version knows is an error: what it may not run, this one may not run either.
std::optional<NotRun> ReadNotRun(StrictReader& spec) {
  const json* value = spec.Object("notRun");
  if (value == nullptr) return std::nullopt;
  StrictReader reader(*value, spec.PathOf("notRun"));
  NotRun not_run;
  const std::string reason = reader.String("reason", {}, 64);
  const auto* known = std::ranges::find(kNotRunReasons, reason, NotRunReasonName);
  if (known != kNotRunReasons.end()) {
    not_run.reason = *known;
  } else {
    reader.Refuse("reason", "is '" + OneLine(reason) +
                                "', expected PathsUnaffected, SkipRequested or ConfigurationError");
  }
  // The schema counts characters, of up to four bytes.
  not_run.message = reader.String("message", {}, 4 * kMaxNotRunMessageBytes);
  if (auto status = reader.Finish(UnknownMembers::kIgnore); !status) {
    return spec.Take(Result<NotRun>(Fail(status.error())));
  }
  return not_run;
}

std::string ItemPath(const StrictReader& parent, const char* list, std::size_t index) {
  return parent.PathOf(list) + "[" + std::to_string(index) + "]";
}

std::vector<EnvVar> ReadEnv(StrictReader& execution, UnknownMembers unknown) {
  std::vector<EnvVar> env;
  const json* list = execution.Array("env", 64);
  if (list == nullptr) return env;
  for (const json& item : *list) {
    StrictReader reader(item, ItemPath(execution, "env", env.size()));
    EnvVar variable{reader.String("name", {}, 128), reader.String("value", {}, 16'384)};
    if (!IsEnvName(variable.name) || variable.name.starts_with("COMMITTEST_")) {
      reader.Refuse("name", "is '" + OneLine(variable.name) +
                                "', expected letters, digits and _, and no name that begins with "
                                "COMMITTEST_, which the runner's own variables use");
    }
    if (std::ranges::find(env, variable.name, &EnvVar::name) != env.end()) {
      reader.Refuse("name", "is '" + variable.name + "', which stands there twice");
    }
    env.push_back(std::move(variable));
    if (auto status = reader.Finish(unknown); !status) {
      return execution.Take(Result<std::vector<EnvVar>>(Fail(status.error())));
    }
  }
  return env;
}

std::vector<Toleration> ReadTolerations(StrictReader& execution, UnknownMembers unknown) {
  std::vector<Toleration> tolerations;
  const json* list = execution.Array("tolerations", 16);
  if (list == nullptr) return tolerations;
  for (const json& item : *list) {
    StrictReader reader(item, ItemPath(execution, "tolerations", tolerations.size()));
    tolerations.push_back({reader.String("key", {}, 317), reader.String("operator", {}, 32),
                           reader.String("value", {}, 63), reader.String("effect", {}, 32)});
    if (auto status = reader.Finish(unknown); !status) {
      return execution.Take(Result<std::vector<Toleration>>(Fail(status.error())));
    }
  }
  return tolerations;
}

json ToJson(const Toleration& toleration) {
  json value = json::object();
  const std::array<std::pair<const char*, const std::string*>, 4> members{
      {{"key", &toleration.key},
       {"operator", &toleration.operator_},
       {"value", &toleration.value},
       {"effect", &toleration.effect}}};
  for (const auto& [name, text] : members) {
    if (!text->empty()) value[name] = *text;
  }
  return value;
}

json ToJson(const Source& source) {
  json value = {{"url", source.url}, {"commit", source.commit}};
  if (!source.ref.empty()) value["ref"] = source.ref;
  if (!source.author.empty()) value["author"] = source.author;
  if (!source.subject.empty()) value["subject"] = source.subject;
  return value;
}

json ToJson(const Trigger& trigger) {
  json value = {{"type", TriggerTypeName(trigger.type)}};
  if (trigger.detected_time) value["detectedTime"] = FormatMicroTime(*trigger.detected_time);
  return value;
}

}  // namespace

bool IsEnvName(std::string_view name) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  return !name.empty() && !(name.front() >= '0' && name.front() <= '9') &&
         std::ranges::all_of(name, plain);
}

std::string_view TriggerTypeName(TriggerType type) {
  switch (type) {
    case TriggerType::kManual:
      return "Manual";
    case TriggerType::kPoll:
      return "Poll";
    case TriggerType::kWebhook:
      return "Webhook";
    case TriggerType::kRerun:
      return "Rerun";
  }
  return "Manual";
}

bool IsObserved(TriggerType type) {
  return type == TriggerType::kPoll || type == TriggerType::kWebhook;
}

std::string_view NotRunReasonName(NotRunReason reason) {
  switch (reason) {
    case NotRunReason::kPathsUnaffected:
      return reason::kPathsUnaffected;
    case NotRunReason::kSkipRequested:
      return reason::kSkipRequested;
    case NotRunReason::kConfigurationError:
      return reason::kConfigurationError;
  }
  return reason::kConfigurationError;
}

Result<ExecutionSpec> ParseExecutionSpec(const json& value, std::string_view path,
                                         UnknownMembers unknown) {
  const ExecutionSpec defaults;
  StrictReader reader(value, path);
  ExecutionSpec execution;
  execution.image = reader.String("image", {}, 512);
  execution.resources = reader.StringMap("resources");
  execution.env = ReadEnv(reader, unknown);
  execution.timeout_seconds =
      reader.Int("timeoutSeconds", defaults.timeout_seconds, 1, kDaySeconds);
  execution.schedule_timeout_seconds =
      reader.Int("scheduleTimeoutSeconds", defaults.schedule_timeout_seconds, 1, kDaySeconds);
  execution.start_timeout_seconds =
      reader.Int("startTimeoutSeconds", defaults.start_timeout_seconds, 1, kDaySeconds);
  execution.runtime_class_name = reader.String("runtimeClassName", {}, 253);
  execution.node_selector = reader.StringMap("nodeSelector");
  execution.tolerations = ReadTolerations(reader, unknown);
  if (auto status = reader.Finish(unknown); !status) return Fail(std::move(status.error()));
  return execution;
}

json ToJson(const ExecutionSpec& execution) {
  json value = {{"timeoutSeconds", execution.timeout_seconds},
                {"scheduleTimeoutSeconds", execution.schedule_timeout_seconds},
                {"startTimeoutSeconds", execution.start_timeout_seconds}};
  if (!execution.image.empty()) value["image"] = execution.image;
  if (!execution.resources.empty()) value["resources"] = execution.resources;
  for (const EnvVar& variable : execution.env) {
    value["env"].push_back({{"name", variable.name}, {"value", variable.value}});
  }
  if (!execution.runtime_class_name.empty()) {
    value["runtimeClassName"] = execution.runtime_class_name;
  }
  if (!execution.node_selector.empty()) value["nodeSelector"] = execution.node_selector;
  for (const Toleration& toleration : execution.tolerations) {
    value["tolerations"].push_back(ToJson(toleration));
  }
  return value;
}

Result<RetrySpec> ParseRetrySpec(const json& value, std::string_view path, UnknownMembers unknown) {
  StrictReader reader(value, path);
  RetrySpec retry;
  retry.infrastructure_limit = reader.Int("infrastructureLimit", retry.infrastructure_limit, 0, 10);
  retry.failed_test_reruns = reader.Int("failedTestReruns", 0, 0, kMaxFailedTestReruns);
  if (auto status = reader.Finish(unknown); !status) return Fail(std::move(status.error()));
  return retry;
}

json ToJson(const RetrySpec& retry) {
  json value = {{"infrastructureLimit", retry.infrastructure_limit}};
  // Left out as the default, so that the hash of an older CommitTest's spec stays what it was.
  if (retry.failed_test_reruns != 0) value["failedTestReruns"] = retry.failed_test_reruns;
  return value;
}

Result<CommitTestSpec> ParseCommitTestSpec(const json& value) {
  StrictReader reader(value, "spec");
  CommitTestSpec spec;
  spec.repository_name = reader.String("repositoryName", {}, 253);
  spec.rerun_of = reader.String("rerunOf", {}, 253);
  spec.source = ReadSource(reader);
  spec.credentials_secret_name = reader.String("credentialsSecretName", {}, 253);
  spec.trigger = ReadTrigger(reader);
  if (const json* tests = reader.Object("tests")) {
    spec.tests = reader.Take(ParseTestsSpec(*tests, "spec.tests", UnknownMembers::kIgnore));
  }
  if (const json* execution = reader.Object("execution")) {
    spec.execution =
        reader.Take(ParseExecutionSpec(*execution, "spec.execution", UnknownMembers::kIgnore));
  }
  if (const json* retry = reader.Object("retry")) {
    spec.retry = reader.Take(ParseRetrySpec(*retry, "spec.retry", UnknownMembers::kIgnore));
  }
  if (const json* sharding = reader.Object("sharding")) {
    spec.sharding =
        reader.Take(ParseShardingSpec(*sharding, "spec.sharding", UnknownMembers::kIgnore));
  }
  spec.ttl_seconds_after_finished = reader.Int(
      "ttlSecondsAfterFinished", spec.ttl_seconds_after_finished, kMinTtlSeconds, kMaxTtlSeconds);
  spec.not_run = ReadNotRun(reader);
  spec.priority = reader.Int("priority", 0, -kMaxPriority, kMaxPriority);
  spec.suspend = reader.Bool("suspend", false);
  spec.cancel_requested = reader.Bool("cancelRequested", false);
  if (auto status = reader.Finish(UnknownMembers::kIgnore); !status) {
    return Fail(std::move(status.error()));
  }
  return spec;
}

json ToJson(const CommitTestSpec& spec) {
  json value = {{"source", ToJson(spec.source)},
                {"trigger", ToJson(spec.trigger)},
                {"tests", ToJson(spec.tests)},
                {"execution", ToJson(spec.execution)},
                {"retry", ToJson(spec.retry)},
                {"ttlSecondsAfterFinished", spec.ttl_seconds_after_finished}};
  if (!spec.repository_name.empty()) value["repositoryName"] = spec.repository_name;
  if (!spec.rerun_of.empty()) value["rerunOf"] = spec.rerun_of;
  if (!spec.credentials_secret_name.empty()) {
    value["credentialsSecretName"] = spec.credentials_secret_name;
  }
  // Left out as the default, so that the hash of an older CommitTest's spec stays what it was.
  if (spec.sharding != ShardingSpec()) value["sharding"] = ToJson(spec.sharding);
  if (spec.not_run) {
    value["notRun"] = {{"reason", NotRunReasonName(spec.not_run->reason)},
                       {"message", spec.not_run->message}};
  }
  if (spec.priority != 0) value["priority"] = spec.priority;
  if (spec.suspend) value["suspend"] = true;
  if (spec.cancel_requested) value["cancelRequested"] = true;
  return value;
}

}  // namespace committest::api
