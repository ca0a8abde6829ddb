#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace committest::plugin {

/// Those of `names` that somebody who wrote `name` may have meant, the likeliest first, at most three:
/// ones that contain it, and ones with few letters of difference. Pure.
std::vector<std::string> SimilarNames(std::string_view name, const std::vector<std::string>& names);

}  // namespace committest::plugin
