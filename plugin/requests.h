#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "common/api/commit_test.h"

namespace committest::plugin {

// The objects that the plugin creates. Pure.

/// A CommitTest of `spec`, triggered by hand. Without a `name` the API server makes one of
/// `<repository>-<commit 12>-`.
nlohmann::json NewCommitTest(const api::CommitTestSpec& spec, const std::string& namespace_,
                             const std::string& name);

/// `<old>-r<number>`; of what is a rerun itself, its own "-r<N>" is replaced. At most 253 characters.
std::string RerunName(std::string_view old_name, bool is_rerun, int number);

/// A CommitTest that runs `old` again under `name`: the same spec, members that this program does not
/// know included, without what keeps it from running (notRun, suspend, cancelRequested), and the
/// product's labels and annotations.
nlohmann::json RerunOf(const nlohmann::json& old, const std::string& name);

}  // namespace committest::plugin
