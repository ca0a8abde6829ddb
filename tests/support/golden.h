#pragma once

#include <string>
#include <string_view>

namespace committest {

/// The whole text of `file`, a path under tests/golden. A missing file fails the running test and
/// reads as empty.
std::string ReadGolden(std::string_view file);

/// Fails the running test unless `text` is what tests/golden/`file` holds. With UPDATE_GOLDEN=1 in
/// the environment it writes the file instead; the change is then reviewed like any other.
void ExpectGolden(std::string_view file, const std::string& text);

}  // namespace committest
