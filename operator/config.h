#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/log.h"
#include "common/base/result.h"
#include "operator/observed.h"
#include "operator/runner_defaults.h"

namespace committest::op {

/// How the operator was told to work. Every value is valid.
struct Config {
  /// The namespaces to work in; one empty name means all.
  std::vector<std::string> namespaces = {""};
  std::string kubeconfig;  ///< Empty: as common/kube/config.h finds it.
  std::string context;
  RunnerDefaults runner;
  Policy policy;
  std::int64_t max_running = 100;  ///< 0: no limit.
  bool leader_elect = false;
  std::string lease_namespace;  ///< Empty: the operator's own.
  std::string lease_name = "committest-operator";
  std::string http_host = "0.0.0.0";
  int http_port = 8080;
  log::Level log_level = log::Level::kInfo;
  log::Format log_format = log::Format::kText;
  int workers = 4;
};

/// What a command line asks for: a configuration, or a text to print before leaving with success.
struct CommandLine {
  std::optional<Config> config;
  std::string text;  ///< Of --help or --version.
};

/// Reads the arguments (without the program's name), and the file that `--config` names, whose
/// members are called like the flags; a flag counts more than the file. kInvalidArgument names flag
/// or member, its value and what is expected.
Result<CommandLine> ParseCommandLine(const std::vector<std::string>& arguments);

/// The values of the settings by name, before they are understood.
using Settings = std::map<std::string, std::vector<std::string>>;

/// Reads a configuration file's text. Pure; `file` is for messages. Unknown and repeated members
/// are errors.
Result<Settings> ParseSettingsFile(std::string_view text, std::string_view file);

/// Understands settings. Pure.
Result<Config> MakeConfig(const Settings& settings);

}  // namespace committest::op
