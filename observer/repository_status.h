#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "common/api/observed_repository.h"
#include "common/base/clock.h"
#include "common/base/result.h"

namespace committest::observer {

// What an ObservedRepository's status is to say: pure.

/// What a look that went well has left out.
struct LookNotes {
  std::size_t observed = 0;         ///< Refs that are observed.
  std::size_t omitted = 0;          ///< Refs beyond the limit.
  std::size_t refused = 0;          ///< Refs whose names are not allowed.
  std::vector<std::string> unread;  ///< Refs whose commits could not be had.
};

/// The status of `repository` after ...; each starts from the status as it is, so that what has not
/// changed stays equal, down to the times.
/// ... its spec was found wrong; `message` names field, value and what was expected.
api::ObservedRepositoryStatus AfterInvalidSpec(const api::ObservedRepository& repository,
                                               const std::string& message, WallTime now);
/// ... it was found suspended.
api::ObservedRepositoryStatus AfterSuspend(const api::ObservedRepository& repository, WallTime now);
/// ... the Git server could not be asked. Texts are redacted and bounded. kInternal is our fault, the
/// reasons CredentialsInvalid and CredentialsUnavailable are a Secret's; neither says anything of
/// the server.
api::ObservedRepositoryStatus AfterFailedLook(const api::ObservedRepository& repository,
                                              const Error& error, WallTime now);
/// ... a look that went well; the caller sets refs and last commit.
api::ObservedRepositoryStatus AfterLook(const api::ObservedRepository& repository,
                                        const LookNotes& notes, WallTime now);
/// `status` if commits could not be looked into because of `error`, so that the cursors of their
/// refs stay.
api::ObservedRepositoryStatus WithUnreadCommits(api::ObservedRepositoryStatus status,
                                                const Error& error, WallTime now);
/// `status` if creating a CommitTest has failed with `error` as well.
api::ObservedRepositoryStatus WithCreateFailure(api::ObservedRepositoryStatus status,
                                                const Error& error, WallTime now);

}  // namespace committest::observer
