#pragma once

#include <string_view>

namespace committest::runner {

/// node_reporter.cjs, which becomes part of the program when it is built.
std::string_view NodeReporter();

}  // namespace committest::runner
