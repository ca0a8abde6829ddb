#include "observer/git_fetch.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "common/base/strings.h"
#include "common/git/child_access.h"
#include "common/git/ssh.h"
#include "common/process/child_process.h"

namespace committest::observer {
namespace {

using std::chrono::milliseconds;

bool ContainsAny(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::ranges::any_of(
      words, [&](std::string_view word) { return text.find(word) != std::string_view::npos; });
}

// The line that says why, of all that git wrote.
std::string FailureLine(std::string_view errors) {
  std::string chosen;
  for (const std::string& line : Split(errors, '\n')) {
    const bool explains =
        line.starts_with("fatal:") || line.starts_with("error:") || line.starts_with("remote:");
    if (explains && (chosen.empty() || line.starts_with("fatal:"))) chosen = line;
  }
  if (chosen.empty()) return "git fetch failed without a word";
  return "git fetch: " + Truncate(Redact(OneLine(chosen)), 300);
}

bool RefusesFilter(std::string_view errors) {
  return ContainsAny(errors, {"filter '", "filtering not", "does not support filter", "filter-spec",
                              "tree filter allows"});
}

// The git setting that makes it connect to the addresses that were just judged, and to no other;
// empty when the URL holds the address itself, or a proxy resolves the name.
std::string HttpPin(const git::GitUrl& url, const std::vector<http::IpAddress>& addresses) {
  if (url.scheme == "ssh" || addresses.empty() || http::ParseIpAddress(url.host)) return {};
  std::vector<std::string> texts;
  texts.reserve(addresses.size());
  for (const http::IpAddress& address : addresses) {
    texts.push_back(address.is_v4 ? address.ToString() : "[" + address.ToString() + "]");
  }
  return "http.curloptResolve=" + url.host + ":" + std::to_string(url.port) + ":" +
         Join(texts, ",");
}

std::vector<std::string> FetchArguments(const std::filesystem::path& mirror, const std::string& pin,
                                        const FetchRequest& request) {
  std::vector<std::string> arguments;
  for (const char* setting :
       {"core.hooksPath=/dev/null", "core.fsmonitor=false", "protocol.version=2",
        "protocol.file.allow=never", "transfer.bundleURI=false", "http.followRedirects=false",
        "http.lowSpeedLimit=100", "http.lowSpeedTime=20",
        "credential.helper=", "gc.autoDetach=false",
        // One thread, and files in pieces: commits alone are wanted, and memory is limited.
        "pack.threads=1", "core.bigFileThreshold=1m", "core.deltaBaseCacheLimit=16m"}) {
    arguments.insert(arguments.end(), {"-c", setting});
  }
  arguments.insert(arguments.end(), {"-c", request.checked ? "transfer.fsckObjects=true"
                                                           : "transfer.fsckObjects=false"});
  if (request.single_objects) {
    arguments.insert(arguments.end(), {"-c", "fetch.negotiationAlgorithm=noop"});
  }
  if (!pin.empty()) arguments.insert(arguments.end(), {"-c", pin});
  arguments.push_back("--git-dir=" + mirror.string());
  arguments.insert(arguments.end(),
                   {"fetch", "--quiet", "--force", "--no-tags", "--no-recurse-submodules",
                    "--no-write-fetch-head", "--update-shallow"});
  if (!request.may_repack) arguments.emplace_back("--no-auto-maintenance");
  if (request.again) arguments.emplace_back("--refetch");
  arguments.push_back(request.filter.empty() ? "--no-filter" : "--filter=" + request.filter);
  arguments.insert(arguments.end(), {"--end-of-options", "origin"});
  arguments.insert(arguments.end(), request.refspecs.begin(), request.refspecs.end());
  return arguments;
}

// Only the user of the child can read its environment; arguments and files others may.
Result<git::ChildAccess> GrantAccess(const GitFetchOptions& options, const git::GitUrl& url,
                                     const git::Access& access,
                                     const std::vector<http::IpAddress>& addresses) {
  git::ChildAccessOptions common;
  common.ca_file = options.ca_file;
  common.ssh_wrapper = options.ssh_wrapper;
  if (access.ssh) common.ssh_address = addresses.front().ToString();
  return git::GrantAccess(common, url, access);
}

std::vector<std::string> FetchEnvironment(const git::ChildAccess& access) {
  std::vector<std::string> environment = {
      "PATH=/usr/bin:/bin",    "HOME=/nonexistent",     "LC_ALL=C",
      "GIT_TERMINAL_PROMPT=0", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null",
      "GIT_NO_LAZY_FETCH=1",   "GIT_PROTOCOL=version=2"};
  environment.insert(environment.end(), access.environment.begin(), access.environment.end());
  return environment;
}

Error FailureOf(const ChildResult& result, const std::string& errors, const git::Access& access) {
  if (result.timed_out) {
    return {ErrorCode::kDeadlineExceeded, "git fetch did not end in time", {}, std::nullopt};
  }
  if (result.signal != 0) {
    return {ErrorCode::kResourceExhausted,
            "git fetch was ended by signal " + std::to_string(result.signal),
            {},
            std::nullopt};
  }
  // SIGXFSZ, of a child of its own.
  if (ContainsAny(errors, {"died of signal 25", "File too large"})) {
    return {
        ErrorCode::kResourceExhausted, "git fetch: more data than is allowed", {}, std::nullopt};
  }
  if (access.ssh) {
    if (auto error = git::SshFailure(access.secret_name, errors)) return std::move(*error);
  }
  return ClassifyFetchFailure(errors);
}

}  // namespace

Error ClassifyFetchFailure(std::string_view errors) {
  const std::string line = FailureLine(errors);
  ErrorCode code = ErrorCode::kUnavailable;
  if (ContainsAny(errors, {"not our ref", "unadvertised object", "couldn't find remote ref"})) {
    code = ErrorCode::kNotFound;
  } else if (ContainsAny(errors, {"Authentication failed", "could not read Username",
                                  "terminal prompts disabled", "unable to read askpass"})) {
    code = ErrorCode::kUnauthenticated;
  } else if (ContainsAny(errors, {"not a git repository", "bad object", "loose object", "corrupt",
                                  "index-pack", "unpack-objects", "invalid pack", "fsck error",
                                  "fetch-pack: invalid", "unable to read tree",
                                  "did not send all necessary objects", "inflate"})) {
    code = ErrorCode::kDataLoss;
  }
  return {code, line, {}, std::nullopt};
}

GitFetch::GitFetch(GitFetchOptions options, const http::AddressBook& addresses, const Clock& clock,
                   std::stop_token stop)
    : options_(std::move(options)), addresses_(addresses), clock_(clock), stop_(std::move(stop)) {}

Result<std::vector<http::IpAddress>> GitFetch::JudgedAddresses(const FetchTarget& target) const {
  const std::string& host = target.url.host;
  if (target.access.proxy_url.IsEmpty()) return addresses_.Find(host, target.deadline, stop_);
  if (auto judged = addresses_.CheckUnresolved(host); !judged) {
    return Fail(std::move(judged.error()));
  }
  return std::vector<http::IpAddress>();
}

Result<FetchOutcome> GitFetch::Run(const FetchTarget& target, const FetchRequest& request) const {
  const auto addresses = JudgedAddresses(target);
  if (!addresses) return Fail(addresses.error());
  const auto access = GrantAccess(options_, target.url, target.access, *addresses);
  if (!access) return Fail(access.error());
  ChildSpec spec;
  spec.program = options_.program;
  spec.arguments = FetchArguments(target.mirror, HttpPin(target.url, *addresses), request);
  spec.environment = FetchEnvironment(*access);
  spec.deadline = std::max(milliseconds(1),
                           std::chrono::ceil<milliseconds>(target.deadline - clock_.Monotonic()));
  spec.limits.address_space_bytes = options_.address_space_bytes;
  spec.limits.data_bytes = options_.data_bytes;
  spec.limits.file_bytes = request.file_bytes;
  // Two threads of index-pack at most, and some.
  spec.limits.cpu_seconds = static_cast<std::uint64_t>(
      2 * std::chrono::ceil<std::chrono::seconds>(spec.deadline).count() + 1);
  const auto result = RunChild(spec, clock_, stop_);
  if (!result) return Fail(result.error());
  if (result->Succeeded()) return FetchOutcome::kFetched;
  const std::string errors = target.access.Scrub(result->errors);
  if (!request.filter.empty() && RefusesFilter(errors)) return FetchOutcome::kFilterRefused;
  return Fail(FailureOf(*result, errors, target.access));
}

}  // namespace committest::observer
