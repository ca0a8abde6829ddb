#pragma once

#include <optional>
#include <string_view>

#include "common/base/result.h"
#include "operator/observed.h"

namespace committest::op {

/// What the refusal of a Job means; nullopt if it is no refusal but trouble that passes by itself.
///
/// | error                                                  | means        |
/// |--------------------------------------------------------|--------------|
/// | kPermissionDenied, reason or words NamespaceTerminating| kTerminating |
/// | kPermissionDenied, "exceeded quota"                    | kQuota       |
/// | kPermissionDenied, otherwise                           | kDenied      |
/// | kNotFound (the namespace)                              | kTerminating |
/// | kInvalidArgument, "denied the request" (by admission)  | kDenied      |
/// | kInvalidArgument, otherwise                            | kInvalid     |
/// | anything else                                          | nullopt      |
std::optional<LaunchError> ClassifyLaunchError(const Error& error);
/// Whether a refusal in these words, of a Job or of its Pod, is a ResourceQuota's.
bool IsQuotaRefusal(std::string_view words);

/// "Quota", "Denied", … for metrics.
std::string_view LaunchErrorKindName(LaunchErrorKind kind);

}  // namespace committest::op
