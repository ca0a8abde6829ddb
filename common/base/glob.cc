#include "common/base/glob.h"

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "common/base/strings.h"
#include "common/base/utf8.h"

namespace committest {
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

GlobCover GlobCoversBelow(std::string_view pattern, std::string_view folder) {
  const auto p = Parts(pattern);
  // Whether the elements before i can match what was seen so far of the folder.
  std::vector<bool> can_be_at(p.size() + 1, false);
  const auto pass_stars = [&p](std::vector<bool>& at) {
    for (std::size_t i = 0; i < p.size(); ++i) {
      if (at[i] && p[i] == "**") at[i + 1] = true;
    }
  };
  can_be_at[0] = true;
  pass_stars(can_be_at);
  for (const std::string& part : Parts(folder)) {
    std::vector<bool> next(p.size() + 1, false);
    for (std::size_t i = 0; i < p.size(); ++i) {
      if (!can_be_at[i]) continue;
      if (p[i] == "**") {
        next[i] = true;
      } else if (PartMatches(p[i], part)) {
        next[i + 1] = true;
      }
    }
    can_be_at = std::move(next);
    pass_stars(can_be_at);
  }
  GlobCover cover = GlobCover::kNone;
  bool only_stars_follow = true;
  for (std::size_t i = p.size(); i-- > 0;) {
    only_stars_follow = only_stars_follow && p[i] == "**";
    if (!can_be_at[i]) continue;
    if (only_stars_follow) return GlobCover::kAll;
    cover = GlobCover::kSome;
  }
  return cover;
}

Status CheckGlob(std::string_view pattern) {
  const std::string shown = OneLine(Truncate(pattern, 80));
  if (Parts(pattern).empty()) {
    return Fail(ErrorCode::kInvalidArgument, "'" + shown + "' names nothing");
  }
  if (pattern.front() == '/') {
    return Fail(ErrorCode::kInvalidArgument,
                "'" + shown + "' is absolute, expected a relative one");
  }
  for (const std::string& part : Parts(pattern)) {
    if (part == "..") {
      return Fail(ErrorCode::kInvalidArgument, "'" + shown + "' leaves its folder");
    }
  }
  return {};
}

}  // namespace committest
