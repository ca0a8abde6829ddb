#include "observer/ssh_refs.h"

#include <optional>
#include <utility>

#include "common/base/strings.h"
#include "common/git/ssh.h"
#include "common/process/child_process.h"
#include "observer/pkt_line.h"

namespace committest::observer {
namespace {

// What nearly every server is; the first question goes out before its answer.
ServerCapabilities Guess() {
  ServerCapabilities guess;
  guess.protocol = 2;
  return guess;
}

}  // namespace

Result<RemoteRefs> SshRefs::List(const git::GitUrl& url, const git::Access& access,
                                 const std::vector<RefPattern>& patterns) {
  const std::string key = url.ToString();
  ServerCapabilities server = Guess();
  {
    MutexLock lock(mutex_);
    if (const auto* known = servers_.Find(key)) server = *known;
  }
  ServerCapabilities told = server;
  auto refs = Ask(url, access, server, patterns, told);
  // A repository with SHA-256 wants to be told that one knows, and the guess did not.
  const bool again = told.object_format != server.object_format;
  if (again) refs = Ask(url, access, told, patterns, told);
  MutexLock lock(mutex_);
  if (!refs) {
    servers_.Erase(key);
    return refs;
  }
  servers_.Put(key, told);
  return refs;
}

Result<RemoteRefs> SshRefs::Ask(const git::GitUrl& url, const git::Access& access,
                                const ServerCapabilities& server,
                                const std::vector<RefPattern>& patterns, ServerCapabilities& told) {
  std::string input;
  if (server.protocol == 2) input = EncodeLsRefs(server, patterns);
  const auto output = Run(url, access, input.append(kFlushPkt));
  if (!output) return Fail(output.error());
  std::string_view rest;
  auto advertisement = DecodeAdvertisement(*output, &rest);
  if (!advertisement) return Fail(std::move(advertisement.error()));
  told = advertisement->capabilities;
  if (told.protocol != 2) return FilterRefs(std::move(advertisement->refs), patterns);
  return DecodeLsRefs(rest, patterns);
}

Result<std::string> SshRefs::Run(const git::GitUrl& url, const git::Access& access,
                                 std::string input) {
  const auto addresses = addresses_.Find(url.host, clock_.Monotonic() + options_.deadline, stop_);
  if (!addresses) return Fail(addresses.error());
  const auto session = git::SshSession::Open(*access.ssh);
  if (!session) return Fail(session.error());
  ChildSpec spec;
  spec.program = options_.program;
  spec.arguments = session->Options(url, addresses->front().ToString(),
                                    std::chrono::ceil<std::chrono::seconds>(options_.deadline));
  spec.arguments.insert(spec.arguments.end(), {"-o", "SendEnv=GIT_PROTOCOL"});
  for (std::string& argument : git::SshTarget(url)) spec.arguments.push_back(std::move(argument));
  spec.environment = {"PATH=/usr/bin:/bin", "HOME=/nonexistent", "LC_ALL=C",
                      "GIT_PROTOCOL=version=2"};
  spec.deadline = options_.deadline;
  spec.max_output_bytes = options_.max_answer_bytes + 1;
  spec.input = std::move(input);
  auto result = RunChild(spec, clock_, stop_);
  if (!result) return Fail(std::move(result.error()));
  if (result->timed_out) {
    return Fail(ErrorCode::kDeadlineExceeded, "the SSH server did not answer in time");
  }
  if (result->output.size() > options_.max_answer_bytes) {
    return Fail(ErrorCode::kResourceExhausted, "the SSH server's answer is too long");
  }
  // A server without protocol v2 sends its refs and then chokes on the question.
  if (result->Succeeded() || result->output.ends_with(kFlushPkt)) return std::move(result->output);
  const std::string errors = access.Scrub(result->errors);
  if (auto error = git::SshFailure(access.secret_name, errors)) return Fail(std::move(*error));
  return Fail(ErrorCode::kUnavailable,
              "the SSH server ended the connection: " + Truncate(Redact(OneLine(errors)), 300));
}

}  // namespace committest::observer
