#pragma once

#include <string>
#include <string_view>

#include "plugin/arguments.h"

namespace committest::plugin {

/// Whether to print in colours. Pure. `no_color`: the variable NO_COLOR is set and not empty
/// (no-color.org); a terminal that calls itself "dumb" has none.
bool UseColor(ColorChoice choice, bool is_terminal, bool no_color, std::string_view term);

enum class Tone { kPlain, kGood, kBad, kWaiting, kQuiet, kTitle };

/// Colours of ECMA-48, or none.
class Palette {
 public:
  explicit Palette(bool enabled) : enabled_(enabled) {}
  std::string Paint(Tone tone, std::string_view text) const;

 private:
  bool enabled_;
};

}  // namespace committest::plugin
