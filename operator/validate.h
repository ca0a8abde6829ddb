#pragma once

#include <string>

#include "common/api/commit_test.h"

namespace committest::op {

/// What makes the spec impossible to run, as a sentence that names field and value, or empty. The
/// CRD's schema refuses most of it already; this holds whatever schema is installed.
std::string SpecProblem(const api::CommitTestSpec& spec);

}  // namespace committest::op
