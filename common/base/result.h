#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <tl/expected.hpp>

namespace committest {

/// What went wrong, in terms that any caller can act on. The words are those of the canonical
/// status codes that gRPC and Abseil share, extended by the two that an API server needs.
enum class ErrorCode {
  kInvalidArgument,    ///< The input is wrong; the same input fails again.
  kNotFound,           ///< The thing does not exist.
  kAlreadyExists,      ///< The name is taken.
  kConflict,           ///< Someone else wrote first: read again, compute again.
  kGone,               ///< History was compacted: list again.
  kPermissionDenied,   ///< The caller may not do this, or a quota or policy refuses it.
  kUnauthenticated,    ///< The credentials were not accepted.
  kResourceExhausted,  ///< A limit was reached (429, or one of our own bounds).
  kUnavailable,        ///< The peer cannot answer now.
  kDeadlineExceeded,   ///< No answer in time.
  kUnknownOutcome,     ///< A write was sent and its answer was lost: it may have been applied.
  kCancelled,          ///< We were asked to stop.
  kDataLoss,           ///< The answer is malformed or truncated.
  kInternal,           ///< A bug of ours.
};

/// The name of `code` in CamelCase, for logs and metrics ("NotFound").
std::string_view ErrorCodeName(ErrorCode code);

/// What a caller does about an error; a `Controller` acts on nothing else.
enum class Disposition {
  kRetry,     ///< Try again after a back-off.
  kConflict,  ///< Read again and try at once; not worth counting as an error.
  kTerminal,  ///< Do not retry until the input changes.
};

/// Total: every code has one disposition.
Disposition DispositionOf(ErrorCode code);

/// An error as a value. Cheap to move; never holds a secret (callers redact, see strings.h).
struct Error {
  ErrorCode code = ErrorCode::kInternal;
  /// A sentence without a full stop; callers add context in front with `Context`.
  std::string message;
  /// A CamelCase word by the peer ("AlreadyExists", "NamespaceTerminating"), or empty.
  std::string reason;
  /// How long the peer asked us to wait, if it did.
  std::optional<std::chrono::milliseconds> retry_after;
};

template <typename T>
using Result = tl::expected<T, Error>;
using Status = Result<void>;

/// Makes the error half of a `Result`.
inline tl::unexpected<Error> Fail(ErrorCode code, std::string message, std::string reason = {}) {
  return tl::unexpected<Error>(Error{code, std::move(message), std::move(reason), std::nullopt});
}
inline tl::unexpected<Error> Fail(Error error) { return tl::unexpected<Error>(std::move(error)); }

/// `error` with "`where`: " in front of its message, for the way up.
Error Context(std::string_view where, Error error);

}  // namespace committest
