#include "plugin/exec_program.h"

#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

#include "common/base/strings.h"
#include "common/kube/credentials.h"
#include "common/process/child_process.h"
#include "plugin/exec_credential.h"

namespace committest::plugin {
namespace {

// Somebody may have to confirm a login in a browser.
constexpr std::chrono::minutes kDeadline(2);
constexpr std::size_t kMaxOutputBytes = std::size_t{256} * 1024;

std::optional<std::string> FindProgram(const std::string& command, const std::string& path) {
  if (command.find('/') != std::string::npos) return command;
  for (const std::string& folder : Split(path, ':')) {
    if (folder.empty()) continue;
    std::string file = std::filesystem::path(folder) / command;
    if (access(file.c_str(), X_OK) == 0 && std::filesystem::is_regular_file(file)) {
      return file;
    }
  }
  return std::nullopt;
}

Error Failure(const kube::ExecProvider& provider, ErrorCode code, const std::string& what) {
  std::string message = "kubeconfig: exec program " + provider.command + ": " + what;
  if (!provider.install_hint.empty()) message += "\n" + provider.install_hint;
  return {code, std::move(message), {}, std::nullopt};
}

std::vector<std::string> Environment(const kube::ExecProvider& provider, const std::string& info) {
  std::map<std::string, std::string> variables;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string variable = *entry;
    const auto equals = variable.find('=');
    if (equals != std::string::npos) {
      variables[variable.substr(0, equals)] = variable.substr(equals + 1);
    }
  }
  for (const auto& [name, value] : provider.environment) variables[name] = value;
  variables["KUBERNETES_EXEC_INFO"] = info;
  std::vector<std::string> entries;
  entries.reserve(variables.size());
  for (const auto& [name, value] : variables) {
    entries.emplace_back(name).append("=").append(value);
  }
  return entries;
}

Result<ExecCredential> Ask(const kube::ExecProvider& provider, const ChildSpec& spec,
                           const Clock& clock) {
  const auto result = RunChild(spec, clock, {});
  if (!result) return Fail(Failure(provider, ErrorCode::kUnauthenticated, result.error().message));
  if (!result->Succeeded()) {
    const std::string how = result->timed_out ? "did not end within two minutes"
                            : result->signal > 0
                                ? "was ended by signal " + std::to_string(result->signal)
                                : "ended with exit code " + std::to_string(result->exit_code);
    return Fail(Failure(provider, ErrorCode::kUnauthenticated, how));
  }
  auto credential = ParseExecCredential(result->output, provider.api_version);
  if (!credential) {
    return Fail(Failure(provider, ErrorCode::kUnauthenticated, credential.error().message));
  }
  return credential;
}

Result<ChildSpec> MakeSpec(const kube::ClusterConfig& config, const kube::ConfigSources& sources) {
  const kube::ExecProvider& provider = *config.exec;
  const auto program =
      FindProgram(provider.command, sources.environment("PATH").value_or("/usr/bin:/bin"));
  if (!program) return Fail(Failure(provider, ErrorCode::kNotFound, "not found in PATH"));
  const auto ca = kube::ReadMaterial(config.ca);
  if (!ca) return Fail(Context("CA", ca.error()));
  ChildSpec spec;
  spec.program = *program;
  spec.arguments = provider.arguments;
  spec.environment =
      Environment(provider, ExecInfo(provider, config.server + config.base_path, *ca));
  std::error_code error;
  if (const auto here = std::filesystem::current_path(error); !error) {
    spec.working_directory = here;
  }
  spec.deadline = kDeadline;
  spec.max_output_bytes = kMaxOutputBytes;
  spec.shows_errors = true;
  return spec;
}

}  // namespace

Status TakeExecCredential(kube::ClusterConfig& config, const kube::ConfigSources& sources,
                          const Clock& clock) {
  auto spec = MakeSpec(config, sources);
  if (!spec) return Fail(std::move(spec.error()));
  auto first = Ask(*config.exec, *spec, clock);
  if (!first) return Fail(std::move(first.error()));
  if (!first->client_certificate.empty()) {
    config.client_certificate = {first->client_certificate, ""};
    config.client_key = {first->client_key.Reveal(), ""};
  }
  if (first->token.IsEmpty()) return {};
  // The first request needs no second run.
  const auto unused = std::make_shared<SecretText>(std::move(first->token));
  const auto ask = [unused, provider = *config.exec, spec = *std::move(spec),
                    &clock]() -> Result<std::string> {
    if (!unused->IsEmpty()) return std::exchange(*unused, SecretText()).Reveal();
    const auto credential = Ask(provider, spec, clock);
    if (!credential) return Fail(credential.error());
    return credential->token.Reveal();
  };
  config.token = {"", "", ask};
  return {};
}

}  // namespace committest::plugin
