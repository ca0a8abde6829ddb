#include "observer/skip_request.h"

#include <array>
#include <cstddef>

#include "common/base/strings.h"

namespace committest::observer {
namespace {

// In lower case. The header says who documents them.
constexpr std::array<std::string_view, 12> kAnywhere{"[skip ci]",
                                                     "[ci skip]",
                                                     "[no ci]",
                                                     "***no_ci***",
                                                     "[skip actions]",
                                                     "[actions skip]",
                                                     "[skip azp]",
                                                     "[azp skip]",
                                                     "[skip azpipelines]",
                                                     "[azpipelines skip]",
                                                     "[skip azurepipelines]",
                                                     "[azurepipelines skip]"};
constexpr std::string_view kTrailer = "skip-checks:";

bool IsTrailer(std::string_view line) {
  return line.starts_with(kTrailer) && Trim(line.substr(kTrailer.size())) == "true";
}

}  // namespace

std::string FindSkipRequest(std::string_view message) {
  const std::string lower = Lower(message);
  for (const std::string_view words : kAnywhere) {
    const std::size_t at = lower.find(words);
    if (at != std::string::npos) return std::string(message.substr(at, words.size()));
  }
  // From the end: lines of the last paragraph.
  std::string_view rest = lower;
  while (!rest.empty() && Trim(rest.substr(rest.size() - 1)).empty()) rest.remove_suffix(1);
  while (!rest.empty()) {
    const std::size_t begin = rest.rfind('\n') + 1;
    const std::string_view line = Trim(rest.substr(begin));
    if (line.empty()) break;
    if (IsTrailer(line)) return std::string(Trim(message.substr(begin, rest.size() - begin)));
    rest = rest.substr(0, begin == 0 ? 0 : begin - 1);
  }
  return {};
}

}  // namespace committest::observer
