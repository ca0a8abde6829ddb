#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "common/api/commit_test.h"
#include "plugin/palette.h"

namespace committest::plugin {

// What `why` says of a CommitTest. Pure. `page` is docs/operations.md, the one source of what a reason
// means and what to do about it.

/// For people: what it is and how far; the conditions in their order with their messages, which are
/// the scheduler's and kubelet's own words; attempts that were lost; the first failures; what to do.
std::string Explanation(const api::CommitTest& test, std::string_view page, WallTime now,
                        const Palette& palette);

/// The same as an object.
nlohmann::json ExplanationJson(const api::CommitTest& test, std::string_view page);

}  // namespace committest::plugin
