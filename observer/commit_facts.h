#pragma once

#include <vector>

#include "common/api/observed_repository.h"
#include "observer/git_remote.h"
#include "observer/plan.h"

namespace committest::observer {

/// What follows from what the commits hold: pure. The first row that matches counts.
///
/// | the commit                                          | facts
/// |-----------------------------------------------------|------
/// | changes nothing that the repository's globs let     | not run: PathsUnaffected
/// |   count                                             |
/// | has no `.committest.yaml`, or it is not used        | the template's
/// | has something of that name that is no file, is      | not run: ConfigurationError, the message
/// |   larger than 64 KB, or cannot be understood        |   says where and what is wrong
/// | has one                                             | what the file makes of the template
FactsByCommit FactsOf(const api::ObservedRepositorySpec& spec,
                      const std::vector<CommitDetails>& details);

}  // namespace committest::observer
