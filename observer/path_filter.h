#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/api/observed_repository.h"
#include "common/base/glob.h"

namespace committest::observer {

/// Which changed paths make a commit worth testing: those that match one of `paths`, or any if
/// there are none, but not those that match one of `ignored`. What is in `always` counts whatever
/// the globs say. A default one lets everything count.
class PathFilter {
 public:
  PathFilter() = default;
  PathFilter(std::vector<std::string> paths, std::vector<std::string> ignored,
             std::vector<std::string> always = {})
      : paths_(std::move(paths)), ignored_(std::move(ignored)), always_(std::move(always)) {}

  bool HasGlobs() const { return !paths_.empty() || !ignored_.empty(); }
  bool Counts(std::string_view path) const;
  /// What can be said of all paths below `folder` without looking at them: so a folder that
  /// matters, or does not, need not be fetched.
  GlobCover CountsBelow(std::string_view folder) const;
  /// The globs, for people: "paths src/**; pathsIgnore **/*.md".
  std::string Describe() const;

  bool operator==(const PathFilter&) const = default;

 private:
  std::vector<std::string> paths_;
  std::vector<std::string> ignored_;
  std::vector<std::string> always_;
};

/// The filter of a repository. `.committest.yaml` counts whatever the globs say, if it is used.
PathFilter FilterOf(const api::ObservedRepositorySpec& spec);

}  // namespace committest::observer
