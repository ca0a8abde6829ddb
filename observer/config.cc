#include "observer/config.h"

#include <algorithm>
#include <charconv>
#include <set>
#include <utility>

#include <CLI/CLI.hpp>

namespace committest::observer {
namespace {

// What CLI11 reads, before it is understood.
struct Given {
  std::vector<std::string> namespaces;
  std::vector<std::string> private_addresses;
  std::string http_address = "0.0.0.0:8080";
  std::string webhook_address;
  std::string log_level = "info";
  std::string log_format = "text";
  std::string workers = "32";
  std::string list_timeout = "10";
  std::string fetch_timeout = "60";
  Config config;
};

void Declare(CLI::App& app, Given& given) {
  app.set_version_flag("--version", COMMITTEST_VERSION);
  const auto option = [&](const char* flag, auto& target, const char* help) {
    app.add_option(flag, target, help)->allow_extra_args(false);
  };
  option("--namespace", given.namespaces,
         "A namespace to work in; may be given again. Without it: all namespaces");
  option("--kubeconfig", given.config.kubeconfig,
         "The kubeconfig file; without it $KUBECONFIG, the Pod's service account or "
         "~/.kube/config");
  option("--context", given.config.context, "The context of the kubeconfig file");
  option("--data-dir", given.config.data_dir,
         "The folder for mirrors of the repositories; may be lost at any time "
         "(/var/lib/committest)");
  app.add_flag("--allow-http", given.config.allow_http,
               "Allow repositories over http://, which anybody on the way can read and change");
  option("--allow-private-addresses", given.private_addresses,
         "Allow Git servers at addresses that are not of the Internet: a block such as "
         "10.96.0.0/12, or the word private for all of RFC 1918, 6598 and 4193; may be given "
         "again. Without it they are refused");
  option("--ca-file", given.config.ca_file,
         "PEM file with the only authorities that vouch for Git servers; read anew for each "
         "connection. Without it: the system's");
  option("--http-address", given.http_address,
         "Where /livez, /readyz and /metrics are served: host:port or :port (0.0.0.0:8080)");
  option("--webhook-address", given.webhook_address,
         "Where webhooks are taken: host:port or :port, usually :8090. Without it: nowhere");
  option("--log-level", given.log_level, "debug, info, warning or error (info)");
  option("--log-format", given.log_format, "text or json (text)");
  option("--workers", given.workers, "How many repositories are looked at at once, 1 to 256 (32)");
  option("--list-timeout", given.list_timeout,
         "Seconds for listing the refs of a repository, 1 to 300 (10)");
  option("--fetch-timeout", given.fetch_timeout,
         "Seconds for fetching new commits of a repository, 1 to 3600 (60)");
}

Result<std::int64_t> Number(const char* flag, const std::string& text, std::int64_t least,
                            std::int64_t most) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < least || value > most) {
    return Fail(ErrorCode::kInvalidArgument,
                std::string(flag) + " is '" + text + "', expected a number from " +
                    std::to_string(least) + " to " + std::to_string(most));
  }
  return value;
}

// A DNS label (RFC 1123), as namespaces are named.
bool IsNamespaceName(const std::string& name) {
  const auto is_inner = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  };
  return !name.empty() && name.size() <= 63 && std::ranges::all_of(name, is_inner) &&
         name.front() != '-' && name.back() != '-';
}

Status SetNamespaces(const std::vector<std::string>& names, Config& config) {
  if (names.empty()) return {};
  for (const std::string& name : names) {
    if (IsNamespaceName(name)) continue;
    return Fail(ErrorCode::kInvalidArgument,
                "--namespace is '" + name + "', expected the name of a namespace");
  }
  // Given twice, it is watched once.
  const std::set<std::string> unique(names.begin(), names.end());
  config.namespaces.assign(unique.begin(), unique.end());
  return {};
}

struct Address {
  std::string host;
  std::uint16_t port = 0;
};

Result<Address> ReadAddress(const char* flag, const std::string& address) {
  const auto colon = address.rfind(':');
  std::string host = address.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  const auto port = colon == std::string::npos
                        ? Result<std::int64_t>(Fail(ErrorCode::kInvalidArgument, ""))
                        : Number("port", address.substr(colon + 1), 0, 65535);
  if (!port) {
    return Fail(ErrorCode::kInvalidArgument,
                std::string(flag) + " is '" + address + "', expected host:port or :port");
  }
  return Address{host.empty() ? "0.0.0.0" : host, static_cast<std::uint16_t>(*port)};
}

Status SetAddresses(const Given& given, Config& config) {
  auto http = ReadAddress("--http-address", given.http_address);
  if (!http) return Fail(std::move(http.error()));
  config.http_host = std::move(http->host);
  config.http_port = http->port;
  if (given.webhook_address.empty()) return {};
  auto webhook = ReadAddress("--webhook-address", given.webhook_address);
  if (!webhook) return Fail(std::move(webhook.error()));
  config.webhook_host = std::move(webhook->host);
  config.webhook_port = webhook->port;
  return {};
}

Status SetNumbers(const Given& given, Config& config) {
  const auto workers = Number("--workers", given.workers, 1, 256);
  if (!workers) return Fail(workers.error());
  config.workers = static_cast<int>(*workers);
  const auto list = Number("--list-timeout", given.list_timeout, 1, 300);
  if (!list) return Fail(list.error());
  config.list_timeout = std::chrono::seconds(*list);
  const auto fetch = Number("--fetch-timeout", given.fetch_timeout, 1, 3600);
  if (!fetch) return Fail(fetch.error());
  config.fetch_timeout = std::chrono::seconds(*fetch);
  return {};
}

Result<CommandLine> Understand(const Given& given) {
  Config config = given.config;
  if (auto status = SetNamespaces(given.namespaces, config); !status) return Fail(status.error());
  if (auto status = SetAddresses(given, config); !status) return Fail(status.error());
  if (auto status = SetNumbers(given, config); !status) return Fail(status.error());
  auto addresses = http::ParseAddressPolicy(given.private_addresses);
  if (!addresses) return Fail(Context("--allow-private-addresses", std::move(addresses.error())));
  config.addresses = std::move(*addresses);
  const auto level = log::ParseLevel(given.log_level);
  if (!level) return Fail(level.error());
  config.log_level = *level;
  const auto format = log::ParseFormat(given.log_format);
  if (!format) return Fail(format.error());
  config.log_format = *format;
  if (!config.data_dir.starts_with('/')) {
    return Fail(ErrorCode::kInvalidArgument,
                "--data-dir is '" + config.data_dir + "', expected an absolute path");
  }
  if (!config.ca_file.empty() && !config.ca_file.starts_with('/')) {
    return Fail(ErrorCode::kInvalidArgument,
                "--ca-file is '" + config.ca_file + "', expected an absolute path");
  }
  return CommandLine{std::move(config), {}};
}

}  // namespace

Result<CommandLine> ParseCommandLine(const std::vector<std::string>& arguments) {
  CLI::App app("Creates a CommitTest for each new commit of the ObservedRepositories",
               "committest-observer");
  Given given;
  try {
    Declare(app, given);
    // CLI11 takes its arguments from the end.
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
    return Understand(given);
  } catch (const CLI::CallForHelp&) {
    return CommandLine{std::nullopt, app.help()};
  } catch (const CLI::CallForVersion&) {
    return CommandLine{std::nullopt,
                       std::string("committest-observer ") + COMMITTEST_VERSION + "\n"};
  } catch (const CLI::ParseError& error) {
    return Fail(ErrorCode::kInvalidArgument, error.what());
  }
}

}  // namespace committest::observer
