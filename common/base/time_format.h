#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/clock.h"

namespace committest {

/// RFC 3339 in UTC with seconds, as `metav1.Time`: "2026-11-21T08:45:00Z".
std::string FormatTime(WallTime time);

/// RFC 3339 with microseconds, as `metav1.MicroTime`: "2026-11-21T08:45:00.000000Z".
std::string FormatMicroTime(WallTime time);

/// Parses RFC 3339 in UTC, with or without a fraction; nullopt if it is anything else, or before
/// 1678 or after 2261, which `WallTime` cannot hold.
std::optional<WallTime> ParseTime(std::string_view text);

/// For people: "850ms", "37s", "2m05s", "1h02m".
std::string FormatDuration(std::chrono::milliseconds duration);

}  // namespace committest
