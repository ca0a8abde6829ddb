#include "observer/path_filter.h"

#include <algorithm>

#include "common/base/strings.h"

namespace committest::observer {
namespace {

bool AnyMatches(const std::vector<std::string>& globs, std::string_view path) {
  return std::ranges::any_of(globs,
                             [path](const std::string& glob) { return GlobMatches(glob, path); });
}

// Two globs that cover one half each are not seen to cover all; that costs a look, no more.
GlobCover CoverOf(const std::vector<std::string>& globs, std::string_view folder) {
  GlobCover cover = GlobCover::kNone;
  for (const std::string& glob : globs) cover = std::max(cover, GlobCoversBelow(glob, folder));
  return cover;
}

bool IsBelow(std::string_view path, std::string_view folder) {
  return folder.empty() ||
         (path.starts_with(folder) && path.size() > folder.size() && path[folder.size()] == '/');
}

}  // namespace

bool PathFilter::Counts(std::string_view path) const {
  if (std::ranges::find(always_, path) != always_.end()) return true;
  return (paths_.empty() || AnyMatches(paths_, path)) && !AnyMatches(ignored_, path);
}

GlobCover PathFilter::CountsBelow(std::string_view folder) const {
  const GlobCover wanted = paths_.empty() ? GlobCover::kAll : CoverOf(paths_, folder);
  const GlobCover ignored = CoverOf(ignored_, folder);
  if (wanted == GlobCover::kAll && ignored == GlobCover::kNone) return GlobCover::kAll;
  const bool some_always = std::ranges::any_of(
      always_, [folder](const std::string& path) { return IsBelow(path, folder); });
  const bool none = wanted == GlobCover::kNone || ignored == GlobCover::kAll;
  return none && !some_always ? GlobCover::kNone : GlobCover::kSome;
}

PathFilter FilterOf(const api::ObservedRepositorySpec& spec) {
  std::vector<std::string> always;
  if (spec.config_file.policy == api::ConfigFilePolicy::kUse) {
    always.emplace_back(api::kConfigFileName);
  }
  return {spec.paths, spec.paths_ignore, std::move(always)};
}

std::string PathFilter::Describe() const {
  std::vector<std::string> parts;
  if (!paths_.empty()) parts.push_back("paths " + Join(paths_, ", "));
  if (!ignored_.empty()) parts.push_back("pathsIgnore " + Join(ignored_, ", "));
  return Join(parts, "; ");
}

}  // namespace committest::observer
