#pragma once

#include <string_view>

#include "common/base/result.h"

namespace committest::runner {

/// Whether git may be told to fetch from `url`: http or https, a host, no userinfo, no whitespace
/// or control character. kInvalidArgument otherwise; the message never repeats a password.
Status CheckUrl(std::string_view url);

/// Whether `ref` is a full ref name ("refs/…") that git's own rules (git-check-ref-format(1)) allow
/// and that cannot be mistaken for an option or a refspec; at most 255 bytes. Empty is allowed.
Status CheckRef(std::string_view ref);

}  // namespace committest::runner
