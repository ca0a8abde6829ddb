#include "common/git/ssh.h"

#include <algorithm>
#include <initializer_list>
#include <utility>

#include "common/api/reasons.h"
#include "common/base/strings.h"

namespace committest::git {
namespace {

constexpr std::uint16_t kSshPort = 22;

// For the shell at the other end, as git itself quotes: csh takes '!' even between quotes.
std::string Quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'' || c == '!') {
      out.append("'\\").append(1, c).append("'");
    } else {
      out.push_back(c);
    }
  }
  return out.append("'");
}

bool ContainsAny(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::ranges::any_of(
      words, [&](std::string_view word) { return text.find(word) != std::string_view::npos; });
}

// The last line that is not git's own "Could not read from remote repository" and its advice.
std::string LastLine(std::string_view errors) {
  std::string chosen = "ssh ended without a word";
  for (const std::string& line : Split(errors, '\n')) {
    const std::string text = OneLine(line);
    if (text.empty() || text.starts_with("fatal: Could not read from remote") ||
        text.starts_with("Please make sure") || text.starts_with("and the repository exists")) {
      continue;
    }
    chosen = text;
  }
  return "ssh: " + Truncate(Redact(chosen), 300);
}

}  // namespace

Result<SshSession> SshSession::Open(const SshCredentials& credentials) {
  auto key = MemoryFile::Make(credentials.private_key.Reveal());
  if (!key) return Fail(std::move(key.error()));
  auto known_hosts = MemoryFile::Make(credentials.known_hosts);
  if (!known_hosts) return Fail(std::move(known_hosts.error()));
  return SshSession(std::move(*key), std::move(*known_hosts));
}

std::vector<std::string> SshSession::Options(const GitUrl& url, const std::string& address,
                                             std::chrono::seconds connect_timeout) const {
  // As known_hosts writes it; an alias is looked up as it is.
  const std::string known =
      url.port == kSshPort ? url.host : "[" + url.host + "]:" + std::to_string(url.port);
  std::vector<std::string> options = {"-F", "none", "-T"};
  for (const std::string& option : {"HostName=" + address,
                                    "HostKeyAlias=" + known,
                                    "IdentityFile=" + key_.Path(),
                                    std::string("IdentitiesOnly=yes"),
                                    std::string("IdentityAgent=none"),
                                    std::string("PreferredAuthentications=publickey"),
                                    std::string("BatchMode=yes"),
                                    "UserKnownHostsFile=" + known_hosts_.Path(),
                                    std::string("GlobalKnownHostsFile=/dev/null"),
                                    std::string("StrictHostKeyChecking=yes"),
                                    std::string("UpdateHostKeys=no"),
                                    std::string("VerifyHostKeyDNS=no"),
                                    std::string("ClearAllForwardings=yes"),
                                    std::string("ForwardAgent=no"),
                                    std::string("ForwardX11=no"),
                                    std::string("PermitLocalCommand=no"),
                                    std::string("ProxyCommand=none"),
                                    std::string("ControlMaster=no"),
                                    std::string("ControlPath=none"),
                                    std::string("Tunnel=no"),
                                    std::string("EscapeChar=none"),
                                    std::string("LogLevel=ERROR"),
                                    std::string("ServerAliveInterval=10"),
                                    std::string("ServerAliveCountMax=2"),
                                    "ConnectTimeout=" + std::to_string(connect_timeout.count())}) {
    options.insert(options.end(), {"-o", option});
  }
  return options;
}

std::vector<std::string> SshTarget(const GitUrl& url) {
  std::vector<std::string> arguments;
  if (url.port != kSshPort) arguments = {"-p", std::to_string(url.port)};
  // "/~user/…" is a home folder of the other side.
  std::string_view path = url.path;
  if (path.starts_with("/~")) path.remove_prefix(1);
  arguments.insert(arguments.end(),
                   {"--", url.user + "@" + url.host, "git-upload-pack " + Quoted(path)});
  return arguments;
}

std::optional<Error> SshFailure(std::string_view secret_name, std::string_view errors) {
  const auto error = [](ErrorCode code, std::string message, const char* reason = "") {
    return Error{code, std::move(message), reason, std::nullopt};
  };
  if (ContainsAny(errors, {"Host key verification failed", "HOST IDENTIFICATION HAS CHANGED",
                           "host key is known for", "no matching host key type"})) {
    return error(ErrorCode::kPermissionDenied,
                 "the SSH server is not the one that known_hosts knows, or known_hosts does not "
                 "name it as the repository's URL does",
                 api::reason::kHostKeyRefused);
  }
  if (ContainsAny(errors, {"Load key "})) {
    return error(ErrorCode::kInvalidArgument,
                 "Secret " + std::string(secret_name) +
                     " key ssh-privatekey is no key that ssh can read without a passphrase",
                 api::reason::kCredentialsInvalid);
  }
  if (ContainsAny(errors, {"Permission denied (", "Too many authentication failures"})) {
    return error(ErrorCode::kUnauthenticated, "the SSH server refuses the key");
  }
  if (ContainsAny(errors, {"timed out", "not responding"})) {
    return error(ErrorCode::kDeadlineExceeded, "the SSH server did not answer in time");
  }
  if (ContainsAny(errors, {"not appear to be a git repository", "epository not found",
                           "could not be found", "No such file or directory"})) {
    return error(ErrorCode::kNotFound, "the SSH server has no such repository");
  }
  if (ContainsAny(errors, {"ssh:", "Connection closed", "Connection reset", "kex_exchange",
                           "Unable to negotiate", "banner exchange"})) {
    return error(ErrorCode::kUnavailable, LastLine(errors));
  }
  return std::nullopt;
}

}  // namespace committest::git
