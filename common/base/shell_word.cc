#include "common/base/shell_word.h"

#include <algorithm>

namespace committest {
namespace {

bool IsPlain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("@%+=:,./-_").find(c) != std::string_view::npos;
}

bool IsPrintable(char c) { return c >= ' ' && c <= '~'; }

std::string InQuotes(std::string_view text) {
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

// For the %b of POSIX's printf.
std::string Escaped(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\\') {
      escaped += "\\\\";
    } else if (IsPrintable(c)) {
      escaped += c;
    } else {
      escaped += "\\0";
      for (const int shift : {6, 3, 0}) {
        escaped += static_cast<char>('0' + ((static_cast<unsigned>(byte) >> shift) & 7U));
      }
    }
  }
  return escaped;
}

}  // namespace

std::optional<std::string> ShellWord(std::string_view text) {
  // "=": zsh reads a word that begins with it as the path of a program.
  if (!text.empty() && text.front() != '=' && std::ranges::all_of(text, IsPlain)) {
    return std::string(text);
  }
  if (std::ranges::all_of(text, IsPrintable)) return InQuotes(text);
  if (text.ends_with('\n') || text.find('\0') != std::string_view::npos) return std::nullopt;
  return "\"$(printf %b " + InQuotes(Escaped(text)) + ")\"";
}

}  // namespace committest
