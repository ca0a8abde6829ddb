#pragma once

#include <string>
#include <string_view>

namespace committest::observer {

/// The words in a commit's message that ask for no tests, as they stand there; empty if there are
/// none. In any case of letters:
///
/// | words                                           | where      | documented by
/// |-------------------------------------------------|------------|------------------------------
/// | `[skip ci]`, `[ci skip]`                        | anywhere   | (1) (2) (3) (4) (5)
/// | `[no ci]`, `[skip actions]`, `[actions skip]`   | anywhere   | (1) (3)
/// | `***NO_CI***`, `[skip azp]`, `[azp skip]`, and  | anywhere   | (4)
/// |   both with `azpipelines` and `azurepipelines`  |            |
/// | `skip-checks: true`, blanks or no blanks after  | a line of  | (1) (4)
/// |   the colon                                     |   the last |
/// |                                                 |   paragraph|
///
/// (1) GitHub, "Skipping workflow runs". (2) GitLab, "CI/CD pipelines", "Skip a pipeline". (3) Gitea
/// and Forgejo, "Configuration Cheat Sheet", `[actions] SKIP_WORKFLOW_STRINGS`. (4) Azure DevOps,
/// "Build Azure Repos Git repositories", "Skipping CI for individual pushes". (5) Bitbucket, "How to
/// skip triggering an automatic pipeline build using Skip CI label", which also says that
/// `[skip-ci]` is none.
///
/// Words of services that host no repositories (`[skip travis]`) are none for us. What does not stand
/// in the commit, such as GitLab's push option `ci.skip`, cannot be seen. Takes time and memory
/// proportional to the message.
std::string FindSkipRequest(std::string_view message);

}  // namespace committest::observer
