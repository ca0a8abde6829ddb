#pragma once

#include <filesystem>
#include <string>

#include "common/base/result.h"
#include "runner-image/discover.h"

namespace committest::runner {

/// Looks at the checkout for `MakePlan`; `path` is `tests.path`. At most 50,000 entries and the
/// first 256 KiB of each configuration file are read; symbolic links below `path` are not followed.
///
/// kNotFound: `path` is a symbolic link that leaves the checkout. kInternal: it cannot be read.
Result<Listing> ListCheckout(const std::filesystem::path& checkout, const std::string& path);

}  // namespace committest::runner
