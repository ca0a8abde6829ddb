#include "operator/reproduce.h"

#include <algorithm>
#include <vector>

#include "common/base/strings.h"

namespace committest::op {
namespace {

constexpr std::size_t kMaxCommandBytes = 2048;

bool IsPlain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("@%+=:,./-_").find(c) != std::string_view::npos;
}

std::string Folder(const api::CommitTestSpec& spec) {
  return "committest-" + spec.source.commit.substr(0, 8);
}

std::string QuoteAll(const std::vector<std::string>& words) {
  std::vector<std::string> quoted;
  quoted.reserve(words.size());
  for (const std::string& word : words) quoted.push_back(ShellQuote(OneLine(word)));
  return Join(quoted, " ");
}

std::string TestCommand(const api::TestsSpec& tests, std::string_view framework) {
  const std::string path = ShellQuote(OneLine(tests.path));
  if (framework == api::FrameworkName(api::Framework::kCommand)) return QuoteAll(tests.command);
  if (framework == api::FrameworkName(api::Framework::kPytest)) {
    return "python3 -m pytest -- " + path;
  }
  return "python3 -m unittest discover -s " + path + " -t .";
}

}  // namespace

std::string ShellQuote(std::string_view text) {
  if (!text.empty() && std::ranges::all_of(text, IsPlain)) return std::string(text);
  std::string quoted = "'";
  for (const char c : text) {
    if (c == '\'') {
      quoted += "'\\''";
    } else {
      quoted += c;
    }
  }
  return quoted + "'";
}

std::string ReproduceCommand(const api::CommitTestSpec& spec, std::string_view framework) {
  const std::string folder = ShellQuote(Folder(spec));
  const std::string url = ShellQuote(Redact(OneLine(spec.source.url)));
  const std::string_view what =
      framework.empty() ? api::FrameworkName(spec.tests.framework) : framework;
  const std::string command = "git clone --no-checkout -- " + url + " " + folder + " && cd " +
                              folder + " && git checkout --detach " +
                              ShellQuote(spec.source.commit) + " && " +
                              TestCommand(spec.tests, what);
  // A cut line could do something else than the whole one.
  return command.size() <= kMaxCommandBytes ? command : std::string();
}

}  // namespace committest::op
