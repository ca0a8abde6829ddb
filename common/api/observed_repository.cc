#include "common/api/observed_repository.h"

#include <algorithm>
#include <array>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/api/strict_reader.h"
#include "common/base/glob.h"
#include "common/base/strings.h"
#include "common/base/time_format.h"
#include "common/kube/json_reader.h"

namespace committest::api {
namespace {

using nlohmann::json;

CommitPolicy ReadPolicy(StrictReader& spec) {
  const std::string text = spec.String("commitPolicy", "EveryCommit", 32);
  if (text == CommitPolicyName(CommitPolicy::kTipOnly)) return CommitPolicy::kTipOnly;
  if (text != CommitPolicyName(CommitPolicy::kEveryCommit)) {
    spec.Refuse("commitPolicy", "is '" + OneLine(text) + "', expected EveryCommit or TipOnly");
  }
  return CommitPolicy::kEveryCommit;
}

History ReadHistory(StrictReader& spec) {
  const std::string text = spec.String("history", "FirstParent", 32);
  if (text == HistoryName(History::kAll)) return History::kAll;
  if (text != HistoryName(History::kFirstParent)) {
    spec.Refuse("history", "is '" + OneLine(text) + "', expected FirstParent or All");
  }
  return History::kFirstParent;
}

std::optional<WebhookSpec> ReadWebhook(StrictReader& spec) {
  const json* value = spec.Object("webhook");
  if (value == nullptr) return std::nullopt;
  StrictReader reader(*value, "spec.webhook");
  WebhookSpec webhook;
  const std::string text = reader.String("provider", {}, 32);
  constexpr std::array kAll{WebhookProvider::kGitHub, WebhookProvider::kGitLab,
                            WebhookProvider::kGitea, WebhookProvider::kGeneric};
  const auto* const found = std::ranges::find(kAll, text, &WebhookProviderName);
  if (found == kAll.end()) {
    reader.Refuse("provider",
                  "is '" + OneLine(text) + "', expected GitHub, GitLab, Gitea or Generic");
  } else {
    webhook.provider = *found;
  }
  webhook.secret_name = reader.String("secretName", {}, 253);
  if (webhook.secret_name.empty()) {
    reader.Refuse("secretName", "is empty, expected the name of a Secret");
  }
  if (auto status = reader.Finish(UnknownMembers::kIgnore); !status) {
    return spec.Take(Result<WebhookSpec>(Fail(status.error())));
  }
  return webhook;
}

constexpr std::array<std::pair<ConfigOverride, std::string_view>, 7> kOverrides{{
    {ConfigOverride::kImage, "Image"},
    {ConfigOverride::kResources, "Resources"},
    {ConfigOverride::kEnv, "Env"},
    {ConfigOverride::kTimeouts, "Timeouts"},
    {ConfigOverride::kRuntimeClass, "RuntimeClass"},
    {ConfigOverride::kNodeSelector, "NodeSelector"},
    {ConfigOverride::kTolerations, "Tolerations"},
}};

std::vector<ConfigOverride> ReadOverrides(StrictReader& reader) {
  std::vector<ConfigOverride> overrides;
  for (const std::string& text : reader.Strings("allowedOverrides", {}, kOverrides.size(), 32)) {
    const auto* known =
        std::ranges::find(kOverrides, text, &std::pair<ConfigOverride, std::string_view>::second);
    if (known == kOverrides.end()) {
      reader.Refuse("allowedOverrides",
                    "has '" + OneLine(text) +
                        "', expected Image, Resources, Env, Timeouts, RuntimeClass, NodeSelector "
                        "or Tolerations");
      return {};
    }
    overrides.push_back(known->first);
  }
  return overrides;
}

ConfigFileSpec ReadConfigFile(StrictReader& spec) {
  ConfigFileSpec file;
  const json* value = spec.Object("configFile");
  if (value == nullptr) return file;
  StrictReader reader(*value, "spec.configFile");
  const std::string policy = reader.String("policy", "Use", 32);
  if (policy == ConfigFilePolicyName(ConfigFilePolicy::kIgnore)) {
    file.policy = ConfigFilePolicy::kIgnore;
  } else if (policy != ConfigFilePolicyName(ConfigFilePolicy::kUse)) {
    reader.Refuse("policy", "is '" + OneLine(policy) + "', expected Use or Ignore");
  }
  file.allowed_overrides = ReadOverrides(reader);
  if (auto status = reader.Finish(UnknownMembers::kIgnore); !status) {
    return spec.Take(Result<ConfigFileSpec>(Fail(status.error())));
  }
  return file;
}

// The runner's own rules for globs hold here, too.
std::vector<std::string> ReadGlobs(StrictReader& spec, const char* key) {
  std::vector<std::string> globs = spec.Strings(key, {}, 64, 1024);
  for (const std::string& glob : globs) {
    if (const auto status = CheckGlob(glob); !status) spec.Refuse(key, status.error().message);
  }
  return globs;
}

ConcurrencySpec ReadConcurrency(StrictReader& spec) {
  ConcurrencySpec concurrency;
  const json* value = spec.Object("concurrency");
  if (value == nullptr) return concurrency;
  StrictReader reader(*value, "spec.concurrency");
  concurrency.max = reader.Int("max", concurrency.max, 1, 10'000);
  const std::string policy = reader.String("policy", "Queue", 32);
  if (policy == ConcurrencyPolicyName(ConcurrencyPolicy::kCancelOlder)) {
    concurrency.policy = ConcurrencyPolicy::kCancelOlder;
  } else if (policy != ConcurrencyPolicyName(ConcurrencyPolicy::kQueue)) {
    reader.Refuse("policy", "is '" + OneLine(policy) + "', expected Queue or CancelOlder");
  }
  if (auto status = reader.Finish(UnknownMembers::kIgnore); !status) {
    return spec.Take(Result<ConcurrencySpec>(Fail(status.error())));
  }
  return concurrency;
}

RetentionSpec ReadRetention(StrictReader& spec) {
  RetentionSpec retention;
  const json* value = spec.Object("retention");
  if (value == nullptr) return retention;
  StrictReader reader(*value, "spec.retention");
  retention.max_count = reader.Int("maxCount", retention.max_count, 1, 100'000);
  retention.keep_last_per_ref =
      reader.Int("keepLastPerRef", retention.keep_last_per_ref, 0, kMaxKeepLastPerRef);
  if (auto status = reader.Finish(UnknownMembers::kIgnore); !status) {
    return spec.Take(Result<RetentionSpec>(Fail(status.error())));
  }
  return retention;
}

CommitTestTemplate ReadTemplate(StrictReader& spec) {
  CommitTestTemplate result;
  const json* value = spec.Object("template");
  if (value == nullptr) return result;
  StrictReader reader(*value, "spec.template");
  if (const json* tests = reader.Object("tests")) {
    result.tests =
        reader.Take(ParseTestsSpec(*tests, "spec.template.tests", UnknownMembers::kIgnore));
  }
  if (const json* execution = reader.Object("execution")) {
    result.execution = reader.Take(
        ParseExecutionSpec(*execution, "spec.template.execution", UnknownMembers::kIgnore));
  }
  if (const json* retry = reader.Object("retry")) {
    result.retry =
        reader.Take(ParseRetrySpec(*retry, "spec.template.retry", UnknownMembers::kIgnore));
  }
  if (const json* sharding = reader.Object("sharding")) {
    result.sharding = reader.Take(
        ParseShardingSpec(*sharding, "spec.template.sharding", UnknownMembers::kIgnore));
  }
  result.ttl_seconds_after_finished = reader.Int(
      "ttlSecondsAfterFinished", result.ttl_seconds_after_finished, kMinTtlSeconds, kMaxTtlSeconds);
  if (auto status = reader.Finish(UnknownMembers::kIgnore); !status) {
    return spec.Take(Result<CommitTestTemplate>(Fail(status.error())));
  }
  return result;
}

Result<ObservedRepositorySpec> ParseSpec(const json& value) {
  const ObservedRepositorySpec defaults;
  StrictReader reader(value, "spec");
  ObservedRepositorySpec spec;
  spec.url = reader.String("url", {}, 2048);
  spec.refs = reader.Strings("refs", {}, kMaxObservedRefs, 255);
  spec.poll_period_seconds =
      reader.Int("pollPeriodSeconds", defaults.poll_period_seconds, 1, 86'400);
  spec.poll_period_with_webhook_seconds = reader.Int(
      "pollPeriodWithWebhookSeconds", defaults.poll_period_with_webhook_seconds, 1, 86'400);
  spec.webhook = ReadWebhook(reader);
  spec.commit_policy = ReadPolicy(reader);
  spec.history = ReadHistory(reader);
  spec.max_backfill = reader.Int("maxBackfill", defaults.max_backfill, 1, 1000);
  spec.initial_commits = reader.Int("initialCommits", defaults.initial_commits, 0, 1000);
  spec.credentials_secret_name = reader.String("credentialsSecretName", {}, 253);
  spec.paths = ReadGlobs(reader, "paths");
  spec.paths_ignore = ReadGlobs(reader, "pathsIgnore");
  spec.config_file = ReadConfigFile(reader);
  spec.suspend = reader.Bool("suspend", false);
  spec.concurrency = ReadConcurrency(reader);
  spec.retention = ReadRetention(reader);
  spec.template_ = ReadTemplate(reader);
  if (spec.url.empty()) reader.Refuse("url", "is empty, expected the repository's URL");
  if (auto status = reader.Finish(UnknownMembers::kIgnore); !status) {
    return Fail(std::move(status.error()));
  }
  return spec;
}

ObservedRepositoryStatus ParseStatus(const json& value) {
  ObservedRepositoryStatus status;
  status.observed_generation = kube::IntAt(value, "observedGeneration");
  status.conditions = ParseConditions(kube::ArrayAt(value, "conditions"));
  status.last_poll_time = kube::TimeAt(value, "lastPollTime");
  status.last_webhook_time = kube::TimeAt(value, "lastWebhookTime");
  status.missed_webhook_count = kube::IntAt(value, "missedWebhookCount");
  status.last_commit = kube::StringAt(value, "lastCommit");
  status.running = kube::IntAt(value, "running");
  status.queued = kube::IntAt(value, "queued");
  const json& refs = kube::ArrayAt(value, "refs");
  status.refs.reserve(refs.size());
  for (const json& ref : refs) {
    status.refs.push_back({kube::StringAt(ref, "name"), kube::StringAt(ref, "lastSeenCommit"),
                           kube::StringAt(ref, "lastTestName"),
                           kube::IntAt(ref, "skippedCommits")});
  }
  return status;
}

json ToJson(const RefStatus& ref) {
  json value = {{"name", ref.name}, {"lastSeenCommit", ref.last_seen_commit}};
  if (!ref.last_test_name.empty()) value["lastTestName"] = ref.last_test_name;
  if (ref.skipped_commits != 0) value["skippedCommits"] = ref.skipped_commits;
  return value;
}

}  // namespace

const kube::ResourceType& ObservedRepositoryType() {
  static const kube::ResourceType kType{"committest.dev", "v1alpha1", "observedrepositories",
                                        "ObservedRepository"};
  return kType;
}

std::string_view CommitPolicyName(CommitPolicy policy) {
  return policy == CommitPolicy::kTipOnly ? "TipOnly" : "EveryCommit";
}

std::string_view ConcurrencyPolicyName(ConcurrencyPolicy policy) {
  return policy == ConcurrencyPolicy::kCancelOlder ? "CancelOlder" : "Queue";
}

std::string_view WebhookProviderName(WebhookProvider provider) {
  switch (provider) {
    case WebhookProvider::kGitHub:
      return "GitHub";
    case WebhookProvider::kGitLab:
      return "GitLab";
    case WebhookProvider::kGitea:
      return "Gitea";
    case WebhookProvider::kGeneric:
      return "Generic";
  }
  return "Generic";
}

std::string_view ConfigFilePolicyName(ConfigFilePolicy policy) {
  return policy == ConfigFilePolicy::kIgnore ? "Ignore" : "Use";
}

std::string_view ConfigOverrideName(ConfigOverride what) {
  for (const auto& [value, name] : kOverrides) {
    if (value == what) return name;
  }
  return "Image";
}

std::string_view HistoryName(History history) {
  return history == History::kAll ? "All" : "FirstParent";
}

ObservedRepository ParseObservedRepository(const json& object) {
  ObservedRepository repository;
  if (auto meta = kube::ParseObjectMeta(object)) {
    repository.meta = std::move(*meta);
  } else {
    repository.parse_error = meta.error().message;
    return repository;
  }
  repository.status = ParseStatus(kube::ObjectAt(object, "status"));
  if (auto spec = ParseSpec(kube::ObjectAt(object, "spec"))) {
    repository.spec = std::move(*spec);
  } else {
    repository.parse_error = spec.error().message;
  }
  return repository;
}

json ToJson(const ObservedRepositoryStatus& status) {
  json value = json::object();
  if (status.observed_generation != 0) value["observedGeneration"] = status.observed_generation;
  if (!status.conditions.empty()) value["conditions"] = ToJson(status.conditions);
  if (status.last_poll_time) value["lastPollTime"] = FormatTime(*status.last_poll_time);
  if (status.last_webhook_time) value["lastWebhookTime"] = FormatTime(*status.last_webhook_time);
  if (status.missed_webhook_count != 0) value["missedWebhookCount"] = status.missed_webhook_count;
  if (!status.last_commit.empty()) value["lastCommit"] = status.last_commit;
  for (const RefStatus& ref : status.refs) value["refs"].push_back(ToJson(ref));
  if (status.running != 0) value["running"] = status.running;
  if (status.queued != 0) value["queued"] = status.queued;
  return value;
}

json ToJson(const ObservedRepositorySpec& spec) {
  json value = {
      {"url", spec.url},
      {"pollPeriodSeconds", spec.poll_period_seconds},
      {"pollPeriodWithWebhookSeconds", spec.poll_period_with_webhook_seconds},
      {"commitPolicy", CommitPolicyName(spec.commit_policy)},
      {"history", HistoryName(spec.history)},
      {"maxBackfill", spec.max_backfill},
      {"initialCommits", spec.initial_commits},
      {"concurrency",
       {{"max", spec.concurrency.max}, {"policy", ConcurrencyPolicyName(spec.concurrency.policy)}}},
      {"retention",
       {{"maxCount", spec.retention.max_count},
        {"keepLastPerRef", spec.retention.keep_last_per_ref}}},
      {"template",
       {{"tests", ToJson(spec.template_->tests)},
        {"execution", ToJson(spec.template_->execution)},
        {"retry", ToJson(spec.template_->retry)},
        {"sharding", ToJson(spec.template_->sharding)},
        {"ttlSecondsAfterFinished", spec.template_->ttl_seconds_after_finished}}}};
  if (!spec.paths.empty()) value["paths"] = spec.paths;
  if (!spec.paths_ignore.empty()) value["pathsIgnore"] = spec.paths_ignore;
  value["configFile"] = {{"policy", ConfigFilePolicyName(spec.config_file.policy)}};
  for (const ConfigOverride what : spec.config_file.allowed_overrides) {
    value["configFile"]["allowedOverrides"].push_back(ConfigOverrideName(what));
  }
  if (!spec.refs.empty()) value["refs"] = spec.refs;
  if (!spec.credentials_secret_name.empty()) {
    value["credentialsSecretName"] = spec.credentials_secret_name;
  }
  if (spec.webhook) {
    value["webhook"] = {{"provider", WebhookProviderName(spec.webhook->provider)},
                        {"secretName", spec.webhook->secret_name}};
  }
  if (spec.suspend) value["suspend"] = true;
  return value;
}

}  // namespace committest::api
