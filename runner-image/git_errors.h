#pragma once

#include <string>
#include <string_view>

namespace committest::runner {

/// What a failed `git fetch` means for the checkout.
enum class FetchFailure {
  kShaRefused,       ///< The server answered, but serves only what its refs point to.
  kGone,             ///< The server answered, and does not have the commit or the ref.
  kUnauthenticated,  ///< The server asks for credentials, which the runner does not have.
  kFailed,  ///< Anything else: no connection, a server that refuses or fails, a broken answer.
};

/// Reads `git fetch`'s standard error (in the C locale). Words of the server itself, which git
/// prints after "remote:", are never taken for git's.
FetchFailure ClassifyFetchFailure(std::string_view standard_error);

/// git's own last words, one redacted line of at most 300 bytes, for the summary: the "fatal:" or
/// "error:" line that names a full disk, else the last such line, else its last line. "git gave no reason" for an empty text.
std::string LastWords(std::string_view standard_error);

}  // namespace committest::runner
