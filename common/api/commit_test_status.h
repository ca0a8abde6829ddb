#pragma once

#include <nlohmann/json_fwd.hpp>

#include "common/api/commit_test.h"

namespace committest::api {

/// Reads `.status`, which only the operator writes and the API server has validated: tolerant,
/// what is absent or unknown keeps its default.
CommitTestStatus ParseCommitTestStatus(const nlohmann::json& value);

}  // namespace committest::api
