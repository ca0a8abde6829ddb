#pragma once

#include <string_view>

namespace committest::runner {

/// The text of unittest_program.py.
std::string_view UnittestProgram();

}  // namespace committest::runner
