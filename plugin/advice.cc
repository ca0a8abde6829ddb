#include "plugin/advice.h"

#include <utility>

#include "common/base/strings.h"

namespace committest::plugin {
namespace {

constexpr std::string_view kHeading = "\n#### ";
constexpr std::string_view kSee = "- **See**: ";
constexpr std::string_view kDo = "- **Do**: ";

std::string_view Section(std::string_view page, std::string_view reason) {
  std::string heading(kHeading);
  heading.append(reason).append("\n");
  const auto start = page.find(heading);
  if (start == std::string_view::npos) return {};
  page.remove_prefix(start + heading.size());
  return page.substr(0, std::min(page.find("\n#"), page.find("\n<!--")));
}

// "[text](target)" as "text".
std::string WithoutLinks(std::string_view text) {
  std::string plain;
  while (!text.empty()) {
    const auto middle = text.find("](");
    const auto start = middle == std::string_view::npos ? middle : text.rfind('[', middle);
    const auto end = middle == std::string_view::npos ? middle : text.find(')', middle);
    if (start == std::string_view::npos || end == std::string_view::npos) break;
    plain.append(text.substr(0, start)).append(text.substr(start + 1, middle - start - 1));
    text.remove_prefix(end + 1);
  }
  return plain.append(text);
}

bool IsWordPart(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

void ReplaceWord(std::string& text, std::string_view word, std::string_view by) {
  if (by.empty()) return;
  for (auto at = text.find(word); at != std::string::npos; at = text.find(word, at)) {
    const auto end = at + word.size();
    const bool whole =
        (at == 0 || !IsWordPart(text[at - 1])) && (end == text.size() || !IsWordPart(text[end]));
    if (whole) text.replace(at, word.size(), by);
    at += whole ? by.size() : word.size();
  }
}

std::string Plain(std::string_view text, const AdviceNames& names) {
  std::string plain = WithoutLinks(OneLine(text));
  for (auto at = plain.find("  "); at != std::string::npos; at = plain.find("  ", at)) {
    plain.erase(at, 1);
  }
  ReplaceWord(plain, "-n ci", names.namespace_.empty() ? "" : "-n " + names.namespace_);
  ReplaceWord(plain, "JOB", names.job);
  ReplaceWord(plain, "POD", names.pod);
  ReplaceWord(plain, "NAME", names.name);
  return plain;
}

}  // namespace

Advice AdviceOn(std::string_view page, std::string_view reason, const AdviceNames& names) {
  const std::string_view section = Section(page, reason);
  const auto see = section.find(kSee);
  const auto act = section.find(kDo);
  if (see == std::string_view::npos || act == std::string_view::npos || act < see) return {};
  return {Plain(section.substr(0, see), names),
          Plain(section.substr(see + kSee.size(), act - see - kSee.size()), names),
          Plain(section.substr(act + kDo.size()), names)};
}

}  // namespace committest::plugin
