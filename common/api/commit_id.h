#pragma once

#include <string_view>

namespace committest::api {

/// Whether `text` is a full object name of Git: 40 (SHA-1) or 64 (SHA-256) lower-case hexadecimal
/// digits.
bool IsCommitId(std::string_view text);

}  // namespace committest::api
