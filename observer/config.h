#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/log.h"
#include "common/base/result.h"
#include "common/http/address.h"
#include "common/http/proxy.h"

namespace committest::observer {

/// How the observer was told to work. Every value is valid.
struct Config {
  /// The namespaces whose ObservedRepositories are looked at; one empty name means all.
  std::vector<std::string> namespaces = {""};
  std::string kubeconfig;  ///< Empty: as common/kube/config.h finds it.
  std::string context;
  std::string data_dir = "/var/lib/committest";
  bool allow_http = false;
  http::AddressPolicy addresses;
  /// Of the environment; for Git servers alone.
  http::ProxySettings proxies;
  /// PEM with the authorities that vouch for Git servers; empty: the system's.
  std::string ca_file;
  std::string http_host = "0.0.0.0";
  std::uint16_t http_port = 8080;
  /// Where webhooks are taken; no host means nowhere.
  std::string webhook_host;
  std::uint16_t webhook_port = 0;
  log::Level log_level = log::Level::kInfo;
  log::Format log_format = log::Format::kText;
  int workers = 32;
  std::chrono::seconds list_timeout{10};
  std::chrono::seconds fetch_timeout{60};
};

/// What a command line asks for: a configuration, or a text to print before leaving with success.
struct CommandLine {
  std::optional<Config> config;
  std::string text;  ///< Of --help or --version.
};

/// Reads the arguments (without the program's name). kInvalidArgument names the flag, its value and
/// what is expected.
Result<CommandLine> ParseCommandLine(const std::vector<std::string>& arguments);

}  // namespace committest::observer
