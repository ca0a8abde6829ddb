#include "common/kube/request.h"

#include <nlohmann/json.hpp>

#include "common/base/time_format.h"
#include "common/kube/json_reader.h"

namespace committest::kube {
namespace {

constexpr const char* kJson = "application/json";
constexpr const char* kMergePatch = "application/merge-patch+json";

bool IsUnreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

// The rule for names that become path segments (IsValidPathSegmentName in apimachinery).
Status CheckSegment(std::string_view what, std::string_view segment) {
  if (segment.empty()) return Fail(ErrorCode::kInvalidArgument, std::string(what) + " is empty");
  if (segment == "." || segment == ".." || segment.find_first_of("/%") != segment.npos) {
    return Fail(ErrorCode::kInvalidArgument,
                std::string(what) + " '" + std::string(segment) + "' cannot stand in a path");
  }
  return {};
}

Result<std::string> CollectionPath(const ResourceType& type, const std::string& space) {
  std::string path = "/api";
  if (!type.group.empty()) path.append("s/").append(PercentEncode(type.group));
  path.append("/").append(PercentEncode(type.version));
  if (type.namespaced && !space.empty()) {
    if (Status valid = CheckSegment("namespace", space); !valid) return Fail(valid.error());
    path.append("/namespaces/").append(PercentEncode(space));
  }
  return path.append("/").append(PercentEncode(type.plural));
}

Result<std::string> ObjectPath(const ResourceType& type, const ObjectKey& key) {
  if (Status valid = CheckSegment("name", key.name); !valid) return Fail(valid.error());
  if (type.namespaced && key.namespace_.empty()) {
    return Fail(ErrorCode::kInvalidArgument, type.kind + " '" + key.name + "' has no namespace");
  }
  auto path = CollectionPath(type, key.namespace_);
  if (path) path->append("/").append(PercentEncode(key.name));
  return path;
}

Result<ApiRequest> Make(std::string verb, std::string method, Result<std::string> path,
                        std::string content_type = {}, std::string body = {}) {
  if (!path) return Fail(std::move(path).error());
  return ApiRequest{std::move(verb),         std::move(method), std::move(*path), {},
                    std::move(content_type), std::move(body)};
}

void AddSelection(const Selection& selection, ApiRequest& request) {
  if (!selection.label_selector.empty()) {
    request.query.emplace_back("labelSelector", selection.label_selector);
  }
  if (!selection.field_selector.empty()) {
    request.query.emplace_back("fieldSelector", selection.field_selector);
  }
}

std::string Metadata(const nlohmann::json& object, std::string_view member) {
  return StringAt(ObjectAt(object, "metadata"), member);
}

}  // namespace

std::string PercentEncode(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    if (IsUnreserved(c)) {
      out.push_back(c);
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out.push_back('%');
    out.push_back(kDigits[byte >> 4U]);
    out.push_back(kDigits[byte & 0xFU]);
  }
  return out;
}

std::string ApiRequest::Target() const {
  std::string target = path;
  char separator = '?';
  for (const auto& [name, value] : query) {
    target.push_back(separator);
    target.append(PercentEncode(name)).append("=").append(PercentEncode(value));
    separator = '&';
  }
  return target;
}

Result<ApiRequest> GetRequest(const ResourceType& type, const ObjectKey& key) {
  return Make("get", "GET", ObjectPath(type, key));
}

Result<ApiRequest> ListRequest(const ResourceType& type, const Selection& selection, int limit,
                               const std::string& continue_token) {
  auto request = Make("list", "GET", CollectionPath(type, selection.namespace_));
  if (!request) return request;
  AddSelection(selection, *request);
  request->query.emplace_back("limit", std::to_string(limit));
  if (!continue_token.empty()) request->query.emplace_back("continue", continue_token);
  return request;
}

Result<ApiRequest> WatchRequest(const ResourceType& type, const Selection& selection,
                                const std::string& resource_version, std::chrono::seconds timeout) {
  auto request = Make("watch", "GET", CollectionPath(type, selection.namespace_));
  if (!request) return request;
  request->query.emplace_back("watch", "true");
  AddSelection(selection, *request);
  request->query.emplace_back("allowWatchBookmarks", "true");
  if (!resource_version.empty()) request->query.emplace_back("resourceVersion", resource_version);
  request->query.emplace_back("timeoutSeconds", std::to_string(timeout.count()));
  return request;
}

Result<ApiRequest> CreateRequest(const ResourceType& type, const nlohmann::json& object) {
  const std::string space = Metadata(object, "namespace");
  if (type.namespaced && space.empty()) {
    return Fail(ErrorCode::kInvalidArgument, "a new " + type.kind + " has no namespace");
  }
  return Make("create", "POST", CollectionPath(type, space), kJson, Dump(object));
}

Result<ApiRequest> DeleteRequest(const ResourceType& type, const ObjectKey& key,
                                 std::string_view uid) {
  if (uid.empty()) return Fail(ErrorCode::kInvalidArgument, "a delete needs the object's UID");
  const nlohmann::json options = {{"kind", "DeleteOptions"},
                                  {"apiVersion", "v1"},
                                  {"propagationPolicy", "Background"},
                                  {"preconditions", {{"uid", std::string(uid)}}}};
  return Make("delete", "DELETE", ObjectPath(type, key), kJson, Dump(options));
}

Result<ApiRequest> PatchStatusRequest(const ResourceType& type, const ObjectMeta& target,
                                      const nlohmann::json& status_patch) {
  if (target.uid.empty() || target.resource_version.empty()) {
    return Fail(ErrorCode::kInvalidArgument, "a status patch needs UID and resourceVersion");
  }
  auto path = ObjectPath(type, target.Key());
  if (path) *path += "/status";
  const nlohmann::json patch = {
      {"metadata", {{"uid", target.uid}, {"resourceVersion", target.resource_version}}},
      {"status", status_patch}};
  return Make("patch", "PATCH", std::move(path), kMergePatch, Dump(patch));
}

Result<ApiRequest> ReplaceRequest(const ResourceType& type, const nlohmann::json& object) {
  if (Metadata(object, "resourceVersion").empty()) {
    return Fail(ErrorCode::kInvalidArgument, "a replacement needs the resourceVersion");
  }
  const ObjectKey key{Metadata(object, "namespace"), Metadata(object, "name")};
  return Make("update", "PUT", ObjectPath(type, key), kJson, Dump(object));
}

Result<ApiRequest> PatchRequest(const ResourceType& type, const ObjectKey& key,
                                const nlohmann::json& patch) {
  return Make("patch", "PATCH", ObjectPath(type, key), kMergePatch, Dump(patch));
}

Result<ApiRequest> LogRequest(const ObjectKey& pod, const LogOptions& options) {
  auto path = ObjectPath({"", "v1", "pods", "Pod", true}, pod);
  if (path) *path += "/log";
  auto request = Make("get", "GET", std::move(path));
  if (!request) return request;
  if (!options.container.empty()) request->query.emplace_back("container", options.container);
  if (options.follow) request->query.emplace_back("follow", "true");
  if (options.timestamps) request->query.emplace_back("timestamps", "true");
  if (options.since) request->query.emplace_back("sinceTime", FormatTime(*options.since));
  return request;
}

}  // namespace committest::kube
