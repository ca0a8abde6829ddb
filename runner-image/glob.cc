#include "runner-image/glob.h"

#include <string>
#include <vector>

#include "common/base/strings.h"
#include "common/base/utf8.h"

namespace committest::runner {
namespace {

// Matches with at most one point to go back to: after a second star the first one need never be
// tried again, because whatever it could still take the second can take as well. `is_star(p)` says
// whether pattern element p is a star; `same(p, t)` compares one element with one of the text.
template <typename IsStar, typename Same>
bool WildcardMatch(std::size_t pattern_size, std::size_t text_size, IsStar is_star, Same same) {
  std::size_t p = 0;
  std::size_t t = 0;
  std::size_t star = pattern_size;
  std::size_t star_text = 0;
  while (t < text_size) {
    if (p < pattern_size && is_star(p)) {
      star = p++;
      star_text = t;
    } else if (p < pattern_size && same(p, t)) {
      ++p;
      ++t;
    } else if (star < pattern_size) {
      p = star + 1;
      t = ++star_text;
    } else {
      return false;
    }
  }
  while (p < pattern_size && is_star(p)) ++p;
  return p == pattern_size;
}

// A file name need not be UTF-8: an invalid byte is a character of its own.
std::vector<std::string_view> Characters(std::string_view text) {
  std::vector<std::string_view> characters;
  while (!text.empty()) {
    const std::size_t length = DecodeUtf8(text).length;
    characters.push_back(text.substr(0, length));
    text.remove_prefix(length);
  }
  return characters;
}

bool PartMatches(std::string_view pattern, std::string_view part) {
  const auto p = Characters(pattern);
  const auto t = Characters(part);
  return WildcardMatch(
      p.size(), t.size(), [&](std::size_t i) { return p[i] == "*"; },
      [&](std::size_t i, std::size_t j) { return p[i] == "?" || p[i] == t[j]; });
}

std::vector<std::string> Parts(std::string_view text) {
  std::vector<std::string> parts;
  for (std::string& part : Split(text, '/')) {
    if (!part.empty() && part != ".") parts.push_back(std::move(part));
  }
  return parts;
}

}  // namespace

bool GlobMatches(std::string_view pattern, std::string_view path) {
  const auto p = Parts(pattern);
  const auto t = Parts(path);
  return WildcardMatch(
      p.size(), t.size(), [&](std::size_t i) { return p[i] == "**"; },
      [&](std::size_t i, std::size_t j) { return PartMatches(p[i], t[j]); });
}

Status CheckGlob(std::string_view pattern) {
  const std::string shown = OneLine(Truncate(pattern, 80));
  if (Parts(pattern).empty()) {
    return Fail(ErrorCode::kInvalidArgument, "report path '" + shown + "' names nothing");
  }
  if (pattern.front() == '/') {
    return Fail(ErrorCode::kInvalidArgument,
                "report path '" + shown + "' is absolute, expected one relative to the checkout");
  }
  for (const std::string& part : Parts(pattern)) {
    if (part == "..") {
      return Fail(ErrorCode::kInvalidArgument, "report path '" + shown + "' leaves the checkout");
    }
  }
  return {};
}

}  // namespace committest::runner
