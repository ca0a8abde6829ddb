#pragma once

#include <functional>
#include <string>
#include <vector>

#include "plugin/arguments.h"

namespace committest::plugin {

/// Gives the CommitTests that a NAME may be, for the words so far.
using NameLister = std::function<std::vector<Word>(const std::vector<std::string>& words)>;

/// What may stand in place of the last of `words`, as kubectl asks its plugins: one suggestion a line,
/// with its meaning behind a tab, and the directive ":4" (no file names) in the last line. Pure but
/// for `list_names`, which is called only where a name may stand.
std::string Complete(const std::vector<std::string>& words, const NameLister& list_names);

}  // namespace committest::plugin
