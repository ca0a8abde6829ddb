#include "plugin/similar.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace committest::plugin {
namespace {

constexpr std::size_t kMost = 3;

// Levenshtein's distance, one row at a time.
std::size_t Distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, diagonal + 1, row[j] + 1});
    }
  }
  return row.back();
}

}  // namespace

std::vector<std::string> SimilarNames(std::string_view name,
                                      const std::vector<std::string>& names) {
  std::vector<std::pair<std::size_t, std::string>> found;
  for (const std::string& candidate : names) {
    const bool contains = candidate.find(name) != std::string::npos;
    const std::size_t distance = contains ? 0 : Distance(name, candidate);
    if (distance <= std::max<std::size_t>(2, name.size() / 4)) {
      found.emplace_back(distance, candidate);
    }
  }
  std::ranges::sort(found);
  if (found.size() > kMost) found.resize(kMost);
  std::vector<std::string> similar;
  similar.reserve(found.size());
  for (auto& [distance, candidate] : found) similar.push_back(std::move(candidate));
  return similar;
}

}  // namespace committest::plugin
