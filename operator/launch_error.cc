#include "operator/launch_error.h"

namespace committest::op {
namespace {

bool Says(const Error& error, std::string_view words) {
  return error.message.find(words) != std::string::npos;
}

LaunchErrorKind KindOfDenial(const Error& error) {
  if (error.reason == "NamespaceTerminating" || Says(error, "because it is being terminated")) {
    return LaunchErrorKind::kTerminating;
  }
  return IsQuotaRefusal(error.message) ? LaunchErrorKind::kQuota : LaunchErrorKind::kDenied;
}

/// A webhook may refuse with any code, and a ValidatingAdmissionPolicy does with 422.
bool IsAdmission(const Error& error) {
  return Says(error, "denied the request") || Says(error, "denied request");
}

}  // namespace

bool IsQuotaRefusal(std::string_view words) {
  return words.find("exceeded quota") != std::string_view::npos ||
         words.find("failed quota") != std::string_view::npos;
}

std::optional<LaunchError> ClassifyLaunchError(const Error& error) {
  if (error.code == ErrorCode::kPermissionDenied) {
    return LaunchError{KindOfDenial(error), error.message};
  }
  if (error.code == ErrorCode::kNotFound) {
    return LaunchError{LaunchErrorKind::kTerminating, error.message};
  }
  if (error.code == ErrorCode::kInvalidArgument) {
    return LaunchError{IsAdmission(error) ? LaunchErrorKind::kDenied : LaunchErrorKind::kInvalid,
                       error.message};
  }
  return std::nullopt;
}

std::string_view LaunchErrorKindName(LaunchErrorKind kind) {
  switch (kind) {
    case LaunchErrorKind::kQuota:
      return "Quota";
    case LaunchErrorKind::kDenied:
      return "Denied";
    case LaunchErrorKind::kInvalid:
      return "Invalid";
    case LaunchErrorKind::kTerminating:
      return "Terminating";
  }
  return "Denied";
}

}  // namespace committest::op
