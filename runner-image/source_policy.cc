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
