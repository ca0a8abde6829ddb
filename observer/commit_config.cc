#include "observer/commit_config.h"

#include <algorithm>
#include <set>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/api/quantity.h"
#include "common/api/strict_reader.h"
#include "common/base/glob.h"
#include "common/base/strings.h"
#include "observer/config_yaml.h"

namespace committest::observer {
namespace {

using api::ConfigOverride;
using nlohmann::json;

constexpr std::size_t kMaxProblemBytes = 700;
constexpr std::size_t kMaxValueBytes = 4096;

tl::unexpected<Error> Refused(const std::string& field, const std::string& problem) {
  return Fail(ErrorCode::kInvalidArgument, field + " " + problem);
}

std::string Shown(std::string_view text) { return "'" + Truncate(Redact(OneLine(text)), 80) + "'"; }

// What the words at the beginning of a message name, or what is around it: "tests.path is ...".
TextPlace PlaceOfProblem(const YamlText& yaml, std::string_view message) {
  std::size_t longest = 0;
  TextPlace place;
  for (const auto& [path, where] : yaml.places) {
    if (path.size() < longest || !message.starts_with(path)) continue;
    const std::string_view rest = message.substr(path.size());
    if (rest.empty() || std::string_view(" .[").find(rest.front()) == std::string_view::npos) {
      continue;
    }
    longest = path.size();
    place = where;
  }
  return place;
}

// The bounds of the API that the readers of common/api leave to its schema.

Status CheckTests(const api::TestsSpec& tests) {
  if (tests.report_paths.empty()) return Refused("tests.reportPaths", "is empty, expected a glob");
  for (const std::string& glob : tests.report_paths) {
    if (const auto status = CheckGlob(glob); !status) {
      return Refused("tests.reportPaths", "has " + status.error().message);
    }
  }
  return {};
}

bool IsPrintable(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= '!' && c <= '~'; });
}

// A DNS name, or empty.
bool IsObjectName(std::string_view name) {
  const auto is_plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  const bool inside =
      std::ranges::all_of(name, [&](char c) { return is_plain(c) || c == '-' || c == '.'; });
  return name.empty() || (inside && is_plain(name.front()) && is_plain(name.back()));
}

// cpu, memory, ephemeral-storage, or "domain/name" of an extended resource.
bool IsResourceName(std::string_view name) {
  static const std::set<std::string_view> kOwn{"cpu", "memory", "ephemeral-storage"};
  if (kOwn.contains(name)) return true;
  const std::size_t slash = name.find('/');
  if (slash == std::string_view::npos) return false;
  const auto is_low = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  const std::string_view domain = name.substr(0, slash);
  const std::string_view rest = name.substr(slash + 1);
  return !domain.empty() && domain.size() <= 120 && !rest.empty() && rest.size() <= 63 &&
         std::ranges::all_of(domain, [&](char c) { return is_low(c) || c == '.' || c == '-'; }) &&
         std::ranges::all_of(rest, [&](char c) {
           return is_low(c) || (c >= 'A' && c <= 'Z') || c == '.' || c == '_' || c == '-';
         });
}

Status CheckResources(const api::ExecutionSpec& execution) {
  if (execution.resources.size() > 8) {
    return Refused("execution.resources", "has more than 8 resources");
  }
  for (const auto& [name, text] : execution.resources) {
    if (!IsResourceName(name)) {
      return Refused("execution.resources",
                     "has " + Shown(name) +
                         ", expected cpu, memory, ephemeral-storage or an extended resource such "
                         "as example.com/gpu");
    }
    if (const auto quantity = api::Quantity::Parse(text); !quantity) {
      return Refused("execution.resources." + name, quantity.error().message);
    }
  }
  return {};
}

Status CheckNodes(const api::ExecutionSpec& execution) {
  if (execution.node_selector.size() > 16) {
    return Refused("execution.nodeSelector", "has more than 16 labels");
  }
  for (const auto& [name, value] : execution.node_selector) {
    if (value.size() > 63 || name.size() > 317) {
      return Refused("execution.nodeSelector", "has a label that is too long");
    }
  }
  static const std::set<std::string_view> kOperators{"", "Equal", "Exists"};
  static const std::set<std::string_view> kEffects{"", "NoSchedule", "PreferNoSchedule",
                                                   "NoExecute"};
  for (std::size_t i = 0; i < execution.tolerations.size(); ++i) {
    const std::string path = "execution.tolerations[" + std::to_string(i) + "]";
    const api::Toleration& toleration = execution.tolerations[i];
    if (!kOperators.contains(toleration.operator_)) {
      return Refused(path + ".operator",
                     "is " + Shown(toleration.operator_) + ", expected Equal or Exists");
    }
    if (!kEffects.contains(toleration.effect)) {
      return Refused(path + ".effect", "is " + Shown(toleration.effect) +
                                           ", expected NoSchedule, PreferNoSchedule or NoExecute");
    }
  }
  return {};
}

Status CheckExecution(const api::ExecutionSpec& execution) {
  if (!IsPrintable(execution.image)) {
    return Refused("execution.image", "is " + Shown(execution.image) + ", expected an image");
  }
  if (!IsObjectName(execution.runtime_class_name)) {
    return Refused("execution.runtimeClassName", "is " + Shown(execution.runtime_class_name) +
                                                     ", expected the name of a RuntimeClass");
  }
  for (const api::EnvVar& variable : execution.env) {
    if (variable.value.size() <= kMaxValueBytes) continue;
    return Refused("execution.env", "has a value of more than " + std::to_string(kMaxValueBytes) +
                                        " bytes for " + Shown(variable.name));
  }
  if (auto status = CheckResources(execution); !status) return status;
  return CheckNodes(execution);
}

// What the file may do to the template.
class Overrides {
 public:
  Overrides(const api::ExecutionSpec& before, const api::ConfigFileSpec& rules)
      : before_(before), rules_(rules) {}

  // The template's execution with the file's members put in.
  json Merge(const json& file) const {
    json merged = api::ToJson(before_);
    for (const auto& [key, value] : file.items()) {
      if (value.is_null()) continue;
      if (key == "env" && value.is_array()) {
        merged[key] = MergeEnv(value);
      } else if (key == "resources" && value.is_object()) {
        merged[key].update(value);
      } else {
        merged[key] = value;
      }
    }
    return merged;
  }

  Status Check(const api::ExecutionSpec& after) const {
    if (auto status = CheckTimes(after); !status) return status;
    if (auto status = CheckResources(after); !status) return status;
    const auto same = [&](ConfigOverride what, const char* field, bool is_same) -> Status {
      if (is_same || Allows(what)) return {};
      return Refused(field, "is not what the repository's template says, expected nothing else: " +
                                NotAllowed(what));
    };
    auto status = same(ConfigOverride::kImage, "execution.image", after.image == before_.image);
    if (status) status = same(ConfigOverride::kEnv, "execution.env", after.env == before_.env);
    if (status) {
      status = same(ConfigOverride::kRuntimeClass, "execution.runtimeClassName",
                    after.runtime_class_name == before_.runtime_class_name);
    }
    if (status) {
      status = same(ConfigOverride::kNodeSelector, "execution.nodeSelector",
                    after.node_selector == before_.node_selector);
    }
    if (status) {
      status = same(ConfigOverride::kTolerations, "execution.tolerations",
                    after.tolerations == before_.tolerations);
    }
    return status;
  }

 private:
  bool Allows(ConfigOverride what) const {
    const auto& allowed = rules_.allowed_overrides;
    return std::ranges::find(allowed, what) != allowed.end();
  }

  static std::string NotAllowed(ConfigOverride what) {
    return "spec.configFile.allowedOverrides of the ObservedRepository does not hold " +
           std::string(api::ConfigOverrideName(what));
  }

  // The file's variables as they stand there, because errors are told by their places, and then
  // those of the template that it does not replace.
  json MergeEnv(const json& file) const {
    json merged = file;
    for (const api::EnvVar& variable : before_.env) {
      const bool replaced = std::ranges::any_of(file, [&](const json& item) {
        return item.is_object() && item.value("name", json()) == variable.name;
      });
      if (replaced) continue;
      merged.push_back({{"name", variable.name}, {"value", variable.value}});
    }
    return merged;
  }

  Status CheckTimes(const api::ExecutionSpec& after) const {
    const auto at_most = [&](const char* field, std::int64_t now, std::int64_t most) -> Status {
      if (now <= most || Allows(ConfigOverride::kTimeouts)) return {};
      return Refused(field, "is " + std::to_string(now) + ", expected at most " +
                                std::to_string(most) + ": " +
                                NotAllowed(ConfigOverride::kTimeouts));
    };
    auto status =
        at_most("execution.timeoutSeconds", after.timeout_seconds, before_.timeout_seconds);
    if (status) {
      status = at_most("execution.scheduleTimeoutSeconds", after.schedule_timeout_seconds,
                       before_.schedule_timeout_seconds);
    }
    if (status) {
      status = at_most("execution.startTimeoutSeconds", after.start_timeout_seconds,
                       before_.start_timeout_seconds);
    }
    return status;
  }

  // REQUIRES: CheckExecution has passed. What the template says was checked by the API.
  Status CheckResources(const api::ExecutionSpec& after) const {
    if (Allows(ConfigOverride::kResources)) return {};
    for (const auto& [name, text] : after.resources) {
      const auto before = before_.resources.find(name);
      const std::string field = "execution.resources." + name;
      if (before == before_.resources.end()) {
        return Refused(field, "is not in the repository's template: " +
                                  NotAllowed(ConfigOverride::kResources));
      }
      if (before->second == text) continue;
      const auto most = api::Quantity::Parse(before->second);
      const auto wanted = api::Quantity::Parse(text);
      if (most && wanted && *wanted <= *most) continue;
      return Refused(field, "is " + Shown(text) + ", expected at most " + Shown(before->second) +
                                ": " + NotAllowed(ConfigOverride::kResources));
    }
    return {};
  }

  const api::ExecutionSpec& before_;
  const api::ConfigFileSpec& rules_;
};

Result<api::ExecutionSpec> ReadExecution(const json& file, const api::ExecutionSpec& before,
                                         const api::ConfigFileSpec& rules) {
  const Overrides overrides(before, rules);
  auto execution =
      api::ParseExecutionSpec(overrides.Merge(file), "execution", api::UnknownMembers::kRefuse);
  if (!execution) return execution;
  if (auto status = CheckExecution(*execution); !status) return Fail(std::move(status.error()));
  if (auto status = overrides.Check(*execution); !status) return Fail(std::move(status.error()));
  return execution;
}

Result<CommitConfig> ReadConfig(const json& value, const api::CommitTestTemplate& inherited,
                                const api::ConfigFileSpec& rules) {
  CommitConfig config{inherited.tests, inherited.execution};
  if (value.is_null()) return config;
  if (!value.is_object()) {
    return Fail(ErrorCode::kInvalidArgument,
                "the file is no map, expected the members tests and execution");
  }
  api::StrictReader reader(value, "");
  if (const json* tests = reader.Object("tests")) {
    auto parsed = api::ParseTestsSpec(*tests, "tests", api::UnknownMembers::kRefuse);
    if (!parsed) return Fail(std::move(parsed.error()));
    if (auto status = CheckTests(*parsed); !status) return Fail(std::move(status.error()));
    config.tests = std::move(*parsed);
  }
  if (const json* execution = reader.Object("execution")) {
    auto parsed = ReadExecution(*execution, inherited.execution, rules);
    if (!parsed) return Fail(std::move(parsed.error()));
    config.execution = std::move(*parsed);
  }
  if (auto status = reader.Finish(api::UnknownMembers::kRefuse); !status) {
    return Fail(std::move(status.error()));
  }
  return config;
}

tl::unexpected<Error> InFile(const std::string& problem) {
  return Fail(ErrorCode::kInvalidArgument,
              std::string(api::kConfigFileName) + ", " +
                  Truncate(Redact(OneLine(problem)), kMaxProblemBytes));
}

}  // namespace

Result<CommitConfig> ParseCommitConfig(std::string_view text,
                                       const api::CommitTestTemplate& inherited,
                                       const api::ConfigFileSpec& rules) {
  if (text.size() > kMaxConfigBytes) {
    return InFile("line 1, column 1: the file has " + std::to_string(text.size()) +
                  " bytes, expected at most " + std::to_string(kMaxConfigBytes));
  }
  const auto yaml = ReadYaml(text);
  if (!yaml) return InFile(yaml.error().message);
  auto config = ReadConfig(yaml->value, inherited, rules);
  if (config) return config;
  const std::string& problem = config.error().message;
  return InFile(Describe(PlaceOfProblem(*yaml, problem)) + ": " + problem);
}

}  // namespace committest::observer
