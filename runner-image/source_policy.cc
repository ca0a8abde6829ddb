#include "runner-image/source_policy.h"

#include <algorithm>
#include <string>

#include "common/base/strings.h"

namespace committest::runner {
namespace {

constexpr std::size_t kMaxRefBytes = 255;

bool IsControlOrSpace(char c) { return static_cast<unsigned char>(c) <= 0x20 || c == 0x7F; }

tl::unexpected<Error> Refuse(std::string_view what, std::string_view value, std::string_view why) {
  return Fail(
      ErrorCode::kInvalidArgument,
      std::string(what) + " '" + Redact(OneLine(Truncate(value, 200))) + "' " + std::string(why));
}

bool IsRefPart(std::string_view part) {
  return !part.empty() && part.front() != '.' && part.back() != '.' && !part.ends_with(".lock");
}

}  // namespace

Status CheckUrl(std::string_view url) {
  if (std::ranges::any_of(url, IsControlOrSpace)) {
    return Refuse("url", url, "has whitespace or control characters");
  }
  const std::string scheme = Lower(url.substr(0, url.find(':')));
  if (scheme == "ssh") {
    return Refuse("url", url,
                  "needs an ssh key, which test Pods do not have; expected an https:// or http:// "
                  "URL that can be read without credentials");
  }
  if ((scheme != "http" && scheme != "https") || !url.substr(scheme.size()).starts_with("://")) {
    return Refuse("url", url, "is neither http:// nor https://");
  }
  const std::string_view rest = url.substr(scheme.size() + 3);
  const std::string_view authority = rest.substr(0, rest.find_first_of("/?#\\"));
  if (authority.find('@') != std::string_view::npos) {
    return Refuse("url", url, "has userinfo; credentials belong into a Secret");
  }
  if (authority.empty() || authority.front() == '-' || authority.front() == ':') {
    return Refuse("url", url, "has no host");
  }
  return {};
}

Status CheckRef(std::string_view ref) {
  if (ref.empty()) return {};
  if (!ref.starts_with("refs/") || ref.size() > kMaxRefBytes) {
    return Refuse("ref", ref, "is no full ref name (refs/heads/main)");
  }
  const bool forbidden = std::ranges::any_of(ref, [](char c) {
    return IsControlOrSpace(c) || std::string_view("~^:?*[\\").find(c) != std::string_view::npos;
  });
  if (forbidden || ref.find("..") != std::string_view::npos ||
      ref.find("@{") != std::string_view::npos ||
      !std::ranges::all_of(Split(ref, '/'), IsRefPart)) {
    return Refuse("ref", ref, "is no valid ref name");
  }
  return {};
}

}  // namespace committest::runner
