#pragma once

#include <string_view>

#include "common/base/result.h"

namespace committest {

/// Whether `path` (relative, '/' between its parts, no "." or "..") matches `pattern`: `?` is one
/// character of a part, `*` any number of them, and a part that is exactly `**` any number of whole
/// parts, also none. Everything else stands for itself. Linear in memory; time is at most the
/// product of both lengths, whatever the pattern.
bool GlobMatches(std::string_view pattern, std::string_view path);

enum class GlobCover {
  kNone,  ///< No path can match.
  kSome,  ///< Some may.
  kAll,   ///< Each one matches.
};
/// What `pattern` says of the paths below `folder`, which itself is not one of them.
GlobCover GlobCoversBelow(std::string_view pattern, std::string_view folder);

/// Whether `pattern` can only name files inside the folder it is relative to: kInvalidArgument for
/// an empty or absolute pattern and for one with a part "..".
Status CheckGlob(std::string_view pattern);

}  // namespace committest
