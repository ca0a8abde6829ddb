#pragma once

#include <filesystem>
#include <string>

#include "common/base/result.h"
#include "common/git/child_access.h"
#include "common/git/url_policy.h"
#include "runner-image/environment.h"

namespace committest::runner {

/// How git reaches the repository of one run. Holds secrets; must outlive git.
struct CheckoutAccess {
  git::Access access;        ///< Without anything, unless the repository needs credentials.
  git::ChildAccess granted;  ///< The same for git's process.

  /// `environment` of git with what was granted.
  Environment Added(Environment environment) const;
};

/// Reads the credentials that the kubelet mounted at `folder` from the Secret `secret_name`; an empty
/// name is access without any. The Secret's type follows from its keys, because a mounted Secret does
/// not say it.
///
/// kInvalidArgument: the Secret is not there, or it is not for `url`, or test Pods cannot use its kind
/// (a GitHub App's key). kUnavailable: the system has no memory or descriptor left. Messages name the
/// Secret and hold no value.
Result<CheckoutAccess> ReadCheckoutAccess(const std::filesystem::path& folder,
                                          const std::string& secret_name, const git::GitUrl& url);

}  // namespace committest::runner
