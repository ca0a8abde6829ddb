#include "observer/ref_pattern.h"

#include <algorithm>
#include <utility>

#include "common/base/strings.h"

namespace committest::observer {
namespace {

bool IsRefCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("._/+@#=-").find(c) != std::string_view::npos;
}

bool IsAllowedComponent(std::string_view component) {
  return !component.empty() && component.front() != '.' && component.front() != '-' &&
         component.back() != '.' && !component.ends_with(".lock");
}

// The rules that names and globs share; `is_allowed` judges one character.
template <typename Predicate>
bool IsWellFormed(std::string_view text, Predicate is_allowed) {
  if (text.size() > kMaxRefBytes || !text.starts_with("refs/")) return false;
  if (!std::ranges::all_of(text, is_allowed)) return false;
  if (text.find("..") != std::string_view::npos) return false;
  const std::vector<std::string> components = Split(text, '/');
  return std::ranges::all_of(components, IsAllowedComponent);
}

// What the wildcard at the start of `pattern` spans.
struct Star {
  std::size_t length = 1;
  bool crosses_slash = false;
};

Star ReadStar(std::string_view pattern) {
  const std::size_t end = std::min(pattern.find_first_not_of('*'), pattern.size());
  return {end, end > 1};
}

}  // namespace

bool IsAllowedRefName(std::string_view name) { return IsWellFormed(name, IsRefCharacter); }

Result<RefPattern> RefPattern::Parse(std::string_view text) {
  const bool well_formed =
      IsWellFormed(text, [](char c) { return IsRefCharacter(c) || c == '*' || c == '?'; });
  if (!well_formed) {
    return Fail(ErrorCode::kInvalidArgument,
                "is '" + Truncate(OneLine(text), 100) +
                    "', expected a full ref name such as refs/heads/main or a glob such as "
                    "refs/heads/release/*");
  }
  return RefPattern(std::string(text), std::string(text.substr(0, text.find_first_of("*?"))));
}

bool RefPattern::Matches(std::string_view ref) const {
  // One row of the edit-distance kind of table: reachable[i] says whether the pattern so far
  // matches the first i characters. Unlike backtracking, no pattern makes it explode.
  const std::string_view pattern = text_;
  std::vector<bool> reachable(ref.size() + 1, false);
  reachable[0] = true;
  for (std::size_t p = 0; p < pattern.size();) {
    if (pattern[p] == '*') {
      const Star star = ReadStar(pattern.substr(p));
      for (std::size_t i = 0; i < ref.size(); ++i) {
        if (reachable[i] && (star.crosses_slash || ref[i] != '/')) reachable[i + 1] = true;
      }
      p += star.length;
      continue;
    }
    for (std::size_t i = ref.size(); i > 0; --i) {
      const bool fits = pattern[p] == '?' ? ref[i - 1] != '/' : ref[i - 1] == pattern[p];
      reachable[i] = reachable[i - 1] && fits;
    }
    reachable[0] = false;
    ++p;
  }
  return reachable[ref.size()];
}

Result<std::vector<RefPattern>> ParseRefPatterns(const std::vector<std::string>& texts) {
  std::vector<RefPattern> patterns;
  patterns.reserve(texts.size());
  for (std::size_t i = 0; i < texts.size(); ++i) {
    auto pattern = RefPattern::Parse(texts[i]);
    if (!pattern) {
      return Fail(ErrorCode::kInvalidArgument,
                  "spec.refs[" + std::to_string(i) + "] " + pattern.error().message);
    }
    patterns.push_back(std::move(*pattern));
  }
  return patterns;
}

}  // namespace committest::observer
