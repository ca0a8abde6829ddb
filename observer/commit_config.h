#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "common/api/commit_test.h"
#include "common/api/observed_repository.h"
#include "common/base/result.h"

namespace committest::observer {

/// How a commit is tested.
struct CommitConfig {
  api::TestsSpec tests;
  api::ExecutionSpec execution;

  bool operator==(const CommitConfig&) const = default;
};

/// The largest `.committest.yaml`.
inline constexpr std::size_t kMaxConfigBytes = std::size_t{64} * 1024;

/// What the text of a `.committest.yaml` makes of the repository's template: pure.
///
/// | member      | effect
/// |-------------|-------
/// | absent      | the template's
/// | `tests`     | stands for the template's as a whole; what it does not name has the API's default
/// | `execution` | each member that it names; see below
///
/// | of `execution`         | without being allowed            | allowed by          | then
/// |------------------------|----------------------------------|---------------------|-----
/// | the three times        | at most the template's           | Timeouts            | the file's
/// | `resources`            | those that the template names,   | Resources           | added to the
/// |                        | at most as much                  |                     | template's
/// | `env`                  | as in the template               | Env                 | added, by name
/// | `image`, `nodeSelector`, `tolerations`, `runtimeClassName`                       | |
/// |                        | as in the template               | their own name      | the file's
///
/// What comes out is fit for the API: the CRD's bounds hold.
/// kInvalidArgument: ".committest.yaml, line 3, column 5: tests.framework is 'X', expected ...".
/// The message quotes a stranger's text: one line, redacted, at most a kilobyte.
Result<CommitConfig> ParseCommitConfig(std::string_view text,
                                       const api::CommitTestTemplate& inherited,
                                       const api::ConfigFileSpec& rules);

}  // namespace committest::observer
