#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "common/base/result.h"
#include "common/kube/client.h"
#include "common/kube/object.h"

namespace committest::kube {

// Requests to the API server as values, without I/O. Paths, parameters and content types follow the
// Kubernetes API conventions and "Kubernetes API Concepts" of the reference documentation.
// All functions are pure. kInvalidArgument: a name or namespace that cannot stand in a path.

/// One request, ready for an HTTP client.
struct ApiRequest {
  std::string verb;  ///< "get", "list", "watch", "create", "delete", "patch", "update": as in RBAC.
  std::string method;
  std::string path;                                        ///< Percent-encoded.
  std::vector<std::pair<std::string, std::string>> query;  ///< Not encoded.
  std::string content_type;                                ///< Of the body; empty without one.
  std::string body;

  /// Whether it changes something.
  bool IsWrite() const { return method != "GET"; }
  /// Path and encoded query.
  std::string Target() const;
};

/// `text` with every byte outside RFC 3986's unreserved set as %XX.
std::string PercentEncode(std::string_view text);

Result<ApiRequest> GetRequest(const ResourceType& type, const ObjectKey& key);

/// A page of at most `limit` objects. `continue_token` is empty for the first page, which is a
/// consistent read because no resourceVersion is given.
Result<ApiRequest> ListRequest(const ResourceType& type, const Selection& selection, int limit,
                               const std::string& continue_token);

/// A watch from `resource_version` with bookmarks, which the server ends after `timeout`.
Result<ApiRequest> WatchRequest(const ResourceType& type, const Selection& selection,
                                const std::string& resource_version, std::chrono::seconds timeout);

/// The namespace comes from the object's metadata.
Result<ApiRequest> CreateRequest(const ResourceType& type, const nlohmann::json& object);

/// With `propagationPolicy: Background` and the UID as precondition.
Result<ApiRequest> DeleteRequest(const ResourceType& type, const ObjectKey& key,
                                 std::string_view uid);

/// A JSON merge patch of the status subresource, guarded by the target's UID and resourceVersion.
Result<ApiRequest> PatchStatusRequest(const ResourceType& type, const ObjectMeta& target,
                                      const nlohmann::json& status_patch);

/// A PUT of the whole object, guarded by the resourceVersion in its metadata.
Result<ApiRequest> ReplaceRequest(const ResourceType& type, const nlohmann::json& object);

/// A JSON merge patch of the object, guarded by nothing.
Result<ApiRequest> PatchRequest(const ResourceType& type, const ObjectKey& key,
                                const nlohmann::json& patch);

/// The subresource `log` of a Pod.
Result<ApiRequest> LogRequest(const ObjectKey& pod, const LogOptions& options);

}  // namespace committest::kube
