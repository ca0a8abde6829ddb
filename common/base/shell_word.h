#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace committest {

/// `text` as one word for a POSIX shell, whatever it holds, in printable ASCII only: a terminal that
/// acts on control characters, or shows text in another order, makes no other line of it. nullopt for
/// what no such word can say: a line end as the last character, and a zero byte.
std::optional<std::string> ShellWord(std::string_view text);

}  // namespace committest
