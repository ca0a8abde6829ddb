#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace committest::observer {

/// The longest ref name that is observed, in bytes (the CRD's limit).
inline constexpr std::size_t kMaxRefBytes = 250;

/// Whether a ref name that a server sent may be used: "refs/" and then [A-Za-z0-9._/+@#=-], no
/// "..", "//" or "@{", no component that begins with '.' or '-' or ends with ".lock" or '.', no '/'
/// at the end, at most `kMaxRefBytes`. Narrower than `git check-ref-format`, so that a name is safe
/// in logs, labels, file names and arguments (security rule S6).
bool IsAllowedRefName(std::string_view name);

/// One entry of `spec.refs`: a full ref name or a glob. In a glob '*' stands for any characters but
/// '/', '?' for one of them, and "**" for any characters at all.
class RefPattern {
 public:
  /// kInvalidArgument says what is wrong with `text` and what was expected.
  static Result<RefPattern> Parse(std::string_view text);

  /// Takes time proportional to the product of the lengths at worst, whatever the pattern.
  bool Matches(std::string_view ref) const;

  /// The part before the first wildcard: what a server is asked for.
  const std::string& LiteralPrefix() const { return prefix_; }
  const std::string& Text() const { return text_; }

  bool operator==(const RefPattern&) const = default;

 private:
  RefPattern(std::string text, std::string prefix)
      : text_(std::move(text)), prefix_(std::move(prefix)) {}

  std::string text_;
  std::string prefix_;
};

/// All of `texts`; kInvalidArgument names the index of the first that is wrong ("spec.refs[1]").
Result<std::vector<RefPattern>> ParseRefPatterns(const std::vector<std::string>& texts);

}  // namespace committest::observer
