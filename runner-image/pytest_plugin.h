#pragma once

#include <string_view>

namespace committest::runner {

/// The text of pytest_plugin.py.
std::string_view PytestPlugin();

}  // namespace committest::runner
