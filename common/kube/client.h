#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/kube/object.h"

namespace committest::kube {

// Narrow roles of a Kubernetes client: a function that takes a `Reader` visibly cannot write. All
// are thread-safe and block the caller until the answer, the deadline or the stop of the process.
//
// Errors carry the server's own words, and codes as follows (reliability rules C2):
//   400, 405, 415, 422 kInvalidArgument     401 kUnauthenticated    403 kPermissionDenied
//   404 kNotFound     409 AlreadyExists kAlreadyExists, other 409 kConflict
//   410 kGone         429 kResourceExhausted (with retry_after)     5xx kUnavailable
//   no answer: kUnavailable for reads; kUnknownOutcome for writes that may have been applied.

/// Reads single objects, straight from the server's quorum.
class Reader {
 public:
  virtual ~Reader() = default;
  virtual Result<nlohmann::json> Get(const ResourceType& type, const ObjectKey& key) = 0;
};

/// Selects what a LIST or WATCH returns, in the API's own syntax; empty selects everything.
struct Selection {
  std::string namespace_;  ///< Empty means all namespaces.
  std::string label_selector;
  std::string field_selector;
};

/// Creates and deletes whole objects.
class Writer {
 public:
  virtual ~Writer() = default;
  /// POSTs `object`; its metadata names the namespace. The created object as the server has it.
  virtual Result<nlohmann::json> Create(const ResourceType& type, const nlohmann::json& object) = 0;
  /// Deletes with `propagationPolicy: Background` and the precondition that the UID is `uid`.
  /// An object that is already gone, or has another UID, is success.
  virtual Status Delete(const ResourceType& type, const ObjectKey& key, std::string_view uid) = 0;
};

/// Writes the status subresource only.
class StatusWriter {
 public:
  virtual ~StatusWriter() = default;
  /// Sends `status_patch` as a JSON merge patch of `.status`, guarded by the UID and the resource
  /// version: kConflict when the object has changed since. The object after the patch.
  virtual Result<nlohmann::json> PatchStatus(const ResourceType& type, const ObjectMeta& target,
                                             const nlohmann::json& status_patch) = 0;
};

/// One page of a LIST.
struct ListPage {
  std::string resource_version;  ///< Of the list, from its metadata.
  std::string continue_token;    ///< Empty on the last page.
};

/// Receives objects one by one, so that no LIST is ever whole in memory.
using ObjectSink = std::function<void(nlohmann::json&&)>;

/// LISTs page by page. Members named in `drop` ("metadata.managedFields") are skipped while the
/// text is parsed and never take memory.
class Lister {
 public:
  virtual ~Lister() = default;
  /// REQUIRES: limit in 1..500. An empty `continue_token` starts a consistent LIST (resourceVersion
  /// unset). kGone when the token has expired: start again.
  virtual Result<ListPage> List(const ResourceType& type, const Selection& selection, int limit,
                                const std::string& continue_token,
                                const std::vector<std::string>& drop, const ObjectSink& sink) = 0;
};

/// Receives a stream's bytes in the pieces in which they arrive. An error ends the stream and is
/// what `Watch` then returns.
using ByteSink = std::function<Status(std::string_view)>;

/// Opens a WATCH and feeds its bytes to a sink on the caller's thread or one of the client's,
/// never on two at once, with back-pressure: no further byte is read before the sink returns.
class Watchable {
 public:
  virtual ~Watchable() = default;
  /// Blocks until the stream ends. Success is a clean end by the server. kGone: HTTP 410;
  /// kDeadlineExceeded: silent for longer than `timeout` and its grace; kUnavailable: refused or
  /// cut; kResourceExhausted: 429; kCancelled: `stop` was requested, noticed within milliseconds.
  virtual Status Watch(const ResourceType& type, const Selection& selection,
                       const std::string& resource_version, std::chrono::seconds timeout,
                       const ByteSink& sink, std::stop_token stop) = 0;
};

/// Replaces whole objects that are ours alone (Leases).
class Updater {
 public:
  virtual ~Updater() = default;
  /// PUTs `object`, guarded by the resourceVersion in its metadata: kConflict when it has changed.
  virtual Result<nlohmann::json> Replace(const ResourceType& type,
                                         const nlohmann::json& object) = 0;
};

/// Changes a few members of objects, for people.
class Patcher {
 public:
  virtual ~Patcher() = default;
  /// Sends `patch` as a JSON merge patch of the object; its status is not touched. The object after
  /// the patch.
  virtual Result<nlohmann::json> Patch(const ResourceType& type, const ObjectKey& key,
                                       const nlohmann::json& patch) = 0;
};

/// Which part of a container's log is read, and for how long.
struct LogOptions {
  std::string container;
  bool follow = false;              ///< Go on until the container has ended.
  bool timestamps = false;          ///< Each line begins with its RFC 3339 time and a space.
  std::optional<WallTime> since{};  ///< Lines of this second and later.
  /// Silence after which the stream counts as dead.
  std::chrono::milliseconds idle{60'000};
};

/// Reads what containers have printed.
class LogReader {
 public:
  virtual ~LogReader() = default;
  /// Blocks until the log's end. Errors as of `Watchable::Watch`; kInvalidArgument: the container
  /// has not started, and the message says what it waits for.
  virtual Status ReadLog(const ObjectKey& pod, const LogOptions& options, const ByteSink& sink,
                         std::stop_token stop) = 0;
};

}  // namespace committest::kube
