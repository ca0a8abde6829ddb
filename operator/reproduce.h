#pragma once

#include <string>
#include <string_view>

#include "common/api/commit_test.h"

namespace committest::op {

/// `text` as one word for a POSIX shell, whatever it holds.
std::string ShellQuote(std::string_view text);

/// A line that a developer can paste into a shell to run the same tests on the same commit.
/// `framework` is what the runner says it ran; empty: what the spec says. Credentials in the URL
/// are left out.
std::string ReproduceCommand(const api::CommitTestSpec& spec, std::string_view framework);

}  // namespace committest::op
