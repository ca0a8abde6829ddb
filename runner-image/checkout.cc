#include "runner-image/checkout.h"

#include <optional>
#include <utility>
#include <vector>

#include "common/base/strings.h"
#include "common/base/time_format.h"
#include "runner-image/git_errors.h"

namespace committest::runner {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kMaxOutputBytes = std::size_t{64} * 1024;
constexpr milliseconds kGitGrace{1000};
// Most commits are tested while they are still near the tip of their branch.
constexpr const char* kFirstDepth = "--depth=64";
// git's own word for "everything", as `git fetch --unshallow` uses it.
constexpr const char* kWholeHistory = "--depth=2147483647";

// Settings of every call. They stand on the command line because nothing overrides it. What each
// keeps out: hooks; local transports; objects that would attack a later reader; credentials for
// another host; helpers that run at checkout; a second process after the fetch; waiting for a disk,
// because nobody needs the checkout after a crash.
std::vector<std::string> GitCommand() {
  std::vector<std::string> argv = {"git"};
  for (const char* setting :
       {"core.hooksPath=/dev/null", "core.fsmonitor=false", "core.symlinks=true",
        "core.protectHFS=true", "core.protectNTFS=true", "core.logAllRefUpdates=false",
        "protocol.version=2", "protocol.allow=never", "protocol.file.allow=never",
        "http.followRedirects=false", "transfer.fsckObjects=true", "transfer.bundleURI=false",
        "submodule.recurse=false", "credential.helper=", "advice.detachedHead=false", "gc.auto=0",
        "maintenance.auto=false", "core.fsync=none"}) {
    argv.emplace_back("-c");
    argv.emplace_back(setting);
  }
  return argv;
}

std::vector<std::string> FetchArguments(const std::string& depth, const CheckoutRequest& request,
                                        const std::string& what) {
  return {"fetch", "--quiet",          "--no-tags", "--no-recurse-submodules",
          depth,   "--end-of-options", request.url, what};
}

}  // namespace

Result<std::string> Checkout::Run(const CheckoutRequest& request, milliseconds limit) {
  deadline_ = clock_.Monotonic() + limit;
  if (Status status = Init(request); !status) return Fail(std::move(status.error()));
  if (Status status = Fetch(request); !status) return Fail(std::move(status.error()));
  return CheckOut(request);
}

Status Checkout::Init(const CheckoutRequest& request) {
  const char* format =
      request.commit.size() == 64 ? "--object-format=sha256" : "--object-format=sha1";
  const auto done = Git(
      "/", {"init", "--quiet", "--template=", "--initial-branch=main", format, request.directory});
  if (!done) return Fail(Context("git init", done.error()));
  return {};
}

Status Checkout::Fetch(const CheckoutRequest& request) {
  const auto done = Git(request.directory, FetchArguments("--depth=1", request, request.commit));
  if (done) return {};
  if (done.error().code != ErrorCode::kUnavailable) return Fail(done.error());
  if (access_.ssh) {
    if (auto failure = git::SshFailure(access_.secret_name, output_)) {
      return Fail(std::move(*failure));
    }
  }
  switch (ClassifyFetchFailure(output_)) {
    case FetchFailure::kShaRefused:
      return FetchByRef(request);
    case FetchFailure::kGone:
      return Fail(ErrorCode::kNotFound,
                  "the repository no longer has the commit: " + done.error().message);
    case FetchFailure::kUnauthenticated:
      return Fail(Unauthenticated(done.error().message));
    case FetchFailure::kFailed:
      break;
  }
  return Fail(done.error());
}

Error Checkout::Unauthenticated(const std::string& words) const {
  const std::string what =
      access_.secret_name.empty()
          ? "the Git host asks for credentials, expected spec.credentialsSecretName with a Secret "
            "that may read the repository"
          : "the Git host refuses the credentials of Secret " + access_.secret_name;
  return {ErrorCode::kUnauthenticated, what + " (" + words + ")", {}, std::nullopt};
}

Status Checkout::FetchByRef(const CheckoutRequest& request) {
  const std::string ref = request.ref.empty() ? "HEAD" : request.ref;
  for (const char* depth : {kFirstDepth, kWholeHistory}) {
    const auto fetched = Git(request.directory, FetchArguments(depth, request, ref));
    if (!fetched) {
      const bool gone = fetched.error().code == ErrorCode::kUnavailable &&
                        ClassifyFetchFailure(output_) == FetchFailure::kGone;
      return Fail(gone ? ErrorCode::kNotFound : fetched.error().code, fetched.error().message);
    }
    // The repository was empty: a commit that is in it now came with the ref's history.
    const auto present = Git(request.directory, {"cat-file", "-e", request.commit + "^{commit}"});
    if (present) return {};
    if (present.error().code != ErrorCode::kUnavailable) return Fail(present.error());
  }
  return Fail(ErrorCode::kNotFound,
              "the server serves only its refs, and the commit is not in the "
              "history of " +
                  ref);
}

Result<std::string> Checkout::CheckOut(const CheckoutRequest& request) {
  const auto done = Git(request.directory, {"checkout", "--quiet", "--force", "--detach",
                                            "--no-recurse-submodules", request.commit, "--"});
  if (!done) return Fail(Context("git checkout", done.error()));
  const auto head = Git(request.directory, {"rev-parse", "--verify", "HEAD"});
  if (!head) return Fail(Context("git rev-parse", head.error()));
  std::string commit(Trim(*head));
  if (commit != request.commit) {
    return Fail(ErrorCode::kInternal, "git checked out " + OneLine(Truncate(commit, 80)));
  }
  return commit;
}

Result<std::string> Checkout::Git(const std::string& directory,
                                  std::vector<std::string> arguments) {
  if (processes_.Terminated()) return Fail(ErrorCode::kCancelled, "the runner was told to end");
  std::vector<std::string> argv = GitCommand();
  argv.insert(argv.end(), std::make_move_iterator(arguments.begin()),
              std::make_move_iterator(arguments.end()));
  const auto left = std::chrono::duration_cast<milliseconds>(deadline_ - clock_.Monotonic());
  CapturedOutput output(kMaxOutputBytes);
  const ProcessEnd end =
      processes_.Run({std::move(argv), FormatEnvironment(environment_), directory},
                     {std::max(left, milliseconds(0)), kGitGrace}, output);
  output_ = access_.Scrub(output.Text());
  if (end.exit_code == 0) return output_;
  if (!end.Started()) return Fail(ErrorCode::kInternal, end.start_error);
  if (end.terminated) return Fail(ErrorCode::kCancelled, "the runner was told to end");
  if (end.timed_out) {
    return Fail(ErrorCode::kDeadlineExceeded,
                "git did not end in time; the limit of the whole "
                "checkout was reached");
  }
  if (!end.exit_code) return Fail(ErrorCode::kInternal, "git ended with " + DescribeEnd(end));
  return Fail(ErrorCode::kUnavailable, LastWords(output_));
}

}  // namespace committest::runner
