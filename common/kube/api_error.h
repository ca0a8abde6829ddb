#pragma once

#include <optional>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "common/base/result.h"
#include "common/http/message.h"

namespace committest::kube {

/// The error that an answer of the API server with a status outside 2xx means, coded as client.h
/// says. Pure and total: any status, headers and body give an error.
///
/// `reason` is the Status object's, or the reason of its first cause where that says more:
/// NamespaceTerminating of a 403. `message` is the server's sentence and, for 422, the fields it
/// names: redacted, one line, at most 1 KiB. `retry_after` comes from the header Retry-After or
/// from `details.retryAfterSeconds`, at most 5 minutes.
Error ErrorFromAnswer(int status, const http::Headers& headers, std::string_view body);

/// The same for the Status object of an ERROR event of a watch, which has no headers. "Expired" and
/// "Gone" decide where a server leaves the code out; neither code nor such a reason: kUnavailable.
Error ErrorFromStatus(const nlohmann::json& status);

}  // namespace committest::kube
