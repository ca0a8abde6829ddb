#pragma once

#include <string>
#include <string_view>

namespace committest::observer {

/// The words in a commit's message that ask for no tests, as they stand there; empty if there are
/// none. In any case of letters:
///
/// | words                             | where        | documented by                   |
/// |-----------------------------------|--------------|---------------------------------|
/// | `[skip ci]`, `[ci skip]`          | anywhere     | GitHub, GitLab, Gitea, Forgejo  |
/// | `[no ci]`                         | anywhere     | GitHub, Gitea                   |
/// | `***NO_CI***`                     | anywhere     | Azure DevOps                    |
/// | `skip-checks: true`, blanks or no | a line of    | GitHub, Azure DevOps            |
/// |   blanks after the colon          |   the last   |                                 |
/// |                                   |   paragraph  |                                 |
///
/// Words that are for one service alone (`[skip actions]`, `[skip travis]`) are none for us. Takes
/// time and memory proportional to the message.
std::string FindSkipRequest(std::string_view message);

}  // namespace committest::observer
