#pragma once

#include <memory>
#include <string>

#include "common/base/result.h"
#include "observer/commit_details.h"

namespace committest::observer {

/// The folders and files of a repository with SHA-1, by libgit2. REQUIRES: a `HistoryReader` lives.
/// kDataLoss: the repository cannot be opened.
Result<std::unique_ptr<TreeSource>> OpenLibgit2Trees(const std::string& path);

}  // namespace committest::observer
