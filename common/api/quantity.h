#pragma once

#include <compare>
#include <cstdint>
#include <string_view>

#include "common/base/result.h"

namespace committest::api {

/// A quantity of Kubernetes, such as "500m", "1.5", "2Gi" or "1e3": an exact number of billionths.
class Quantity {
 public:
  /// kInvalidArgument for anything else, for what is not above 0, and beyond 10^28 billionths.
  static Result<Quantity> Parse(std::string_view text);

  auto operator<=>(const Quantity&) const = default;

  /// In whole units, rounded up; at most INT64_MAX.
  std::int64_t Ceiling() const;

 private:
  __extension__ using Billionths = unsigned __int128;

  explicit Quantity(Billionths value) : value_(value) {}

  Billionths value_;
};

}  // namespace committest::api
