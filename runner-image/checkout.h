#pragma once

#include <chrono>
#include <string>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "runner-image/checkout_access.h"
#include "runner-image/environment.h"
#include "runner-image/process.h"

namespace committest::runner {

/// What to check out, and where. REQUIRES: git::CheckUrl(url), CheckRef(ref), IsCommitId(commit).
struct CheckoutRequest {
  std::string url;
  std::string commit;
  std::string ref;        ///< For servers that refuse commits by name; empty: the remote's HEAD.
  std::string directory;  ///< Does not exist yet, or is empty.
};

/// Brings one commit, and nothing else of its repository, into a folder.
///
/// Flow: init; fetch exactly the commit at depth 1; when the server serves only what its refs point
/// to, fetch the ref instead, first shallow and then whole, and look whether the commit is in it;
/// check it out; ask git which commit that is.
///
/// Guarantees: nothing of the repository is executed (no hook, filter, submodule or file-system
/// monitor), no prompt, no redirect, no transport but the URL's, no configuration but the runner's
/// own; what is checked out is the commit that was asked for. No credential is written anywhere, or
/// is in a message.
class Checkout {
 public:
  /// `git_environment` without what `access` adds. `access` must outlive this.
  Checkout(ProcessRunner& processes, const Clock& clock, const Environment& git_environment,
           const CheckoutAccess& access)
      : processes_(processes),
        clock_(clock),
        environment_(access.Added(git_environment)),
        access_(access.access) {}

  /// The id that `git rev-parse HEAD` prints.
  ///
  /// kNotFound: the server answered and does not have the commit. kUnauthenticated: it asks for
  /// credentials, or refuses those that there are. kInvalidArgument, kPermissionDenied: ssh cannot
  /// use the key, or the host is not the one that is known. kCancelled: the runner was told to end.
  /// Anything else (kUnavailable, kDeadlineExceeded, kInternal): the checkout failed, with git's own
  /// redacted words.
  Result<std::string> Run(const CheckoutRequest& request, std::chrono::milliseconds limit);

 private:
  Status Init(const CheckoutRequest& request);
  Status Fetch(const CheckoutRequest& request);
  Status FetchByRef(const CheckoutRequest& request);
  Error Unauthenticated(const std::string& words) const;
  Result<std::string> CheckOut(const CheckoutRequest& request);
  /// git's output; on failure its words as the message, and the whole text in `output_`.
  Result<std::string> Git(const std::string& directory, std::vector<std::string> arguments);

  ProcessRunner& processes_;
  const Clock& clock_;
  Environment environment_;
  const git::Access& access_;
  MonotonicTime deadline_;
  std::string output_;
};

}  // namespace committest::runner
