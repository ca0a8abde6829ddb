#pragma once

#include <string_view>

#include "common/base/result.h"

namespace committest::runner {

/// Whether `ref` is a full ref name ("refs/…") that git's own rules (git-check-ref-format(1)) allow
/// and that cannot be mistaken for an option or a refspec; at most 255 bytes. Empty is allowed.
Status CheckRef(std::string_view ref);

}  // namespace committest::runner
