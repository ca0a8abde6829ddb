#include "plugin/completion.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "common/base/strings.h"

namespace committest::plugin {
namespace {

constexpr std::string_view kNoFiles = ":4\n";
constexpr std::string_view kFiles = ":0\n";

std::vector<Word> Values(std::initializer_list<const char*> texts) {
  std::vector<Word> words;
  for (const char* text : texts) words.push_back({text, {}});
  return words;
}

bool IsOption(std::string_view word) { return word.starts_with("-"); }

// Options whose value is the next word.
bool TakesValue(std::string_view option) {
  constexpr std::array<std::string_view, 7> kFlags = {"--wait", "--follow",         "-f", "--local",
                                                      "--help", "--allow-no-tests", "-h"};
  return IsOption(option) && option.find('=') == std::string_view::npos &&
         std::ranges::find(kFlags, option) == kFlags.end();
}

std::vector<Word> ValuesOf(std::string_view option) {
  if (option == "-o" || option == "--output") return Values({"text", "json"});
  if (option == "--color") return Values({"auto", "always", "never"});
  return {};
}

bool TakesName(std::string_view command) { return command != "run"; }

std::string Text(const std::vector<Word>& words, std::string_view start) {
  std::string text;
  for (const Word& word : words) {
    if (!word.text.starts_with(start)) continue;
    text += OneLine(word.text) + (word.meaning.empty() ? "" : "\t" + OneLine(word.meaning)) + "\n";
  }
  return text.append(kNoFiles);
}

}  // namespace

std::string Complete(const std::vector<std::string>& words, const NameLister& list_names) {
  const std::string last = words.empty() ? std::string() : words.back();
  if (words.size() < 2) return Text(CommandWords(), last);
  const std::string& command = words.front();
  const std::string& before = words[words.size() - 2];
  if (before == "--kubeconfig") return std::string(kFiles);
  if (words.size() > 2 && TakesValue(before)) return Text(ValuesOf(before), last);
  if (IsOption(last)) return Text(OptionWords(command), last);
  if (!TakesName(command)) return std::string(kNoFiles);
  return Text(list_names(words), last);
}

}  // namespace committest::plugin
