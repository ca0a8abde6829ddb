#include "operator/validate.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "common/api/names.h"
#include "common/base/strings.h"
#include "operator/run_shape.h"

namespace committest::op {
namespace {

constexpr std::array<std::string_view, 3> kResourceNames{"cpu", "memory", "ephemeral-storage"};
/// Linux takes no environment variable above 128 KiB, and the command travels in one, as JSON.
constexpr std::size_t kMaxCommandBytes = std::size_t{32} * 1024;
constexpr std::string_view kReservedPrefix = "COMMITTEST_";
constexpr std::string_view kIndexVariable = "JOB_COMPLETION_INDEX";

std::string Quoted(std::string_view text) {
  return "'" + Truncate(Redact(OneLine(text)), 200) + "'";
}

std::string SourceProblem(const api::Source& source) {
  if (source.url.empty() || source.url.front() == '-') {
    return "spec.source.url is " + Quoted(source.url) + ", expected the URL of a Git repository";
  }
  if (!api::IsCommitId(source.commit)) {
    return "spec.source.commit is " + Quoted(source.commit) +
           ", expected 40 or 64 lower-case hexadecimal digits";
  }
  return {};
}

std::string EnvProblem(const api::CommitTestSpec& spec) {
  for (const api::EnvVar& variable : spec.execution.env) {
    if (!api::IsEnvName(variable.name)) {
      return "spec.execution.env: " + Quoted(variable.name) +
             " is no name of a variable, expected letters, digits and _";
    }
    if (variable.name.starts_with(kReservedPrefix)) {
      return "spec.execution.env: " + Quoted(variable.name) +
             " is reserved, expected a name that does not start with COMMITTEST_";
    }
    // The Job controller leaves one that is there as it is.
    if (IsSharded(spec) && variable.name == kIndexVariable) {
      return "spec.execution.env: " + Quoted(variable.name) +
             " is reserved where spec.sharding.count is more than 1, for the index of the shard";
    }
  }
  return {};
}

std::string ResourcesProblem(const api::ExecutionSpec& execution) {
  for (const auto& [name, quantity] : execution.resources) {
    const bool is_extended = name.find('/') != std::string::npos;
    if (!is_extended && std::ranges::find(kResourceNames, name) == kResourceNames.end()) {
      return "spec.execution.resources: " + Quoted(name) +
             " is not allowed, expected cpu, memory, ephemeral-storage or an extended resource "
             "such as example.com/gpu";
    }
    if (quantity.empty()) return "spec.execution.resources." + name + " is empty";
  }
  return {};
}

std::string TestsProblem(const api::TestsSpec& tests) {
  if (tests.framework == api::Framework::kCommand && tests.command.empty()) {
    return "spec.tests.command is empty, expected a program and its arguments for framework "
           "Command";
  }
  std::size_t bytes = 0;
  for (const std::string& word : tests.command) bytes += word.size();
  if (bytes > kMaxCommandBytes) {
    return "spec.tests.command has " + std::to_string(bytes) + " bytes, expected at most " +
           std::to_string(kMaxCommandBytes) + "; put a long script into the repository";
  }
  return {};
}

}  // namespace

std::string SpecProblem(const api::CommitTestSpec& spec) {
  for (const std::string& problem : {SourceProblem(spec.source), EnvProblem(spec),
                                     ResourcesProblem(spec.execution), TestsProblem(spec.tests)}) {
    if (!problem.empty()) return problem;
  }
  return {};
}

}  // namespace committest::op
