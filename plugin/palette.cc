#include "plugin/palette.h"

namespace committest::plugin {
namespace {

const char* CodeOf(Tone tone) {
  switch (tone) {
    case Tone::kPlain:
      return "";
    case Tone::kGood:
      return "32";
    case Tone::kBad:
      return "31";
    case Tone::kWaiting:
      return "33";
    case Tone::kQuiet:
      return "2";
    case Tone::kTitle:
      return "1";
  }
  return "";
}

}  // namespace

bool UseColor(ColorChoice choice, bool is_terminal, bool no_color, std::string_view term) {
  if (choice != ColorChoice::kAuto) return choice == ColorChoice::kAlways;
  return is_terminal && !no_color && term != "dumb";
}

std::string Palette::Paint(Tone tone, std::string_view text) const {
  if (!enabled_ || tone == Tone::kPlain || text.empty()) return std::string(text);
  return std::string("\x1b[") + CodeOf(tone) + "m" + std::string(text) + "\x1b[0m";
}

}  // namespace committest::plugin
