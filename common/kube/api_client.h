#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/http/client.h"
#include "common/kube/client.h"
#include "common/kube/config.h"
#include "common/kube/credentials.h"
#include "common/kube/request.h"

namespace committest {
class Metrics;
}  // namespace committest

namespace committest::kube {

/// Told of each answer: the verb as in RBAC, the kind, and the HTTP status, or the name of the error
/// when there was no answer. May be called on any thread.
using AnswerCounter =
    std::function<void(const std::string& verb, const std::string& kind, const std::string& code)>;

/// Counts in `committest_api_requests_total{verb,kind,code}` of `metrics`, which must outlive it.
AnswerCounter CountIn(Metrics& metrics);

struct ApiClientOptions {
  std::string component;  ///< "operator": goes into the user agent.
  /// For each call but a watch, from the call to the last byte of the answer.
  std::chrono::milliseconds deadline{15'000};
  /// How long beyond its `timeout` a watch may be silent before it counts as dead.
  std::chrono::milliseconds watch_grace{15'000};
  std::size_t object_bytes = std::size_t{8} * 1024 * 1024;  ///< Largest single object read.
  std::size_t page_bytes = std::size_t{64} * 1024 * 1024;   ///< Largest page of a LIST.
  int max_in_flight = 8;  ///< Calls at once, watches not counted; others wait within `deadline`.
  /// Asked immediately before the body of each write goes to the socket; its error is the call's.
  /// For leader fencing: "the lease is held for certain until after this call's deadline". Must be
  /// quick and thread-safe.
  std::function<Status()> write_permit;
};

/// All roles of a Kubernetes client over one API server.
///
/// Unary calls and watches have connections of their own, so that watches never stand in the way.
/// What must not wait behind other calls (Leases) uses a second ApiClient.
///
/// A 401 makes it read the token again and try once more; nothing else is repeated here, because
/// whoever calls decides about retries.
///
/// Thread-safe. Destroy it after its callers have returned, and before `main` does.
class ApiClient final : public Reader,
                        public Writer,
                        public StatusWriter,
                        public Lister,
                        public Watchable,
                        public Updater,
                        public Patcher,
                        public LogReader {
 public:
  /// What it talks through; tests bring their own.
  struct Transport {
    std::unique_ptr<http::Client> unary;
    std::unique_ptr<http::Client> watch;
  };

  /// How the transports of a client have to be made. kInvalidArgument when a certificate of
  /// `config` is unusable.
  static Result<http::ClientOptions> HttpOptions(const ClusterConfig& config,
                                                 const ApiClientOptions& options);

  /// Over cpprestsdk, with every answer counted in `committest_api_requests_total{verb,kind,code}`.
  /// kInvalidArgument when the server's URL or a certificate of `config` is unusable. Does not
  /// connect. `clock` and `metrics` must outlive the client.
  static Result<std::unique_ptr<ApiClient>> Make(const ClusterConfig& config,
                                                 ApiClientOptions options, const Clock& clock,
                                                 Metrics& metrics);

  /// `clock` must outlive the client; `count` may be empty.
  ApiClient(Transport transport, const ClusterConfig& config, ApiClientOptions options,
            const Clock& clock, AnswerCounter count);

  /// Ends all calls that run and all that come with kCancelled; watches have their own stop.
  void Cancel() { stop_.request_stop(); }

  Result<nlohmann::json> Get(const ResourceType& type, const ObjectKey& key) override;
  Result<nlohmann::json> Create(const ResourceType& type, const nlohmann::json& object) override;
  /// A 409 is looked into with a GET: success if the object is gone or is another one by now.
  Status Delete(const ResourceType& type, const ObjectKey& key, std::string_view uid) override;
  Result<nlohmann::json> PatchStatus(const ResourceType& type, const ObjectMeta& target,
                                     const nlohmann::json& status_patch) override;
  Result<ListPage> List(const ResourceType& type, const Selection& selection, int limit,
                        const std::string& continue_token, const std::vector<std::string>& drop,
                        const ObjectSink& sink) override;
  Status Watch(const ResourceType& type, const Selection& selection,
               const std::string& resource_version, std::chrono::seconds timeout,
               const ByteSink& sink, std::stop_token stop) override;
  Result<nlohmann::json> Replace(const ResourceType& type, const nlohmann::json& object) override;
  Result<nlohmann::json> Patch(const ResourceType& type, const ObjectKey& key,
                               const nlohmann::json& patch) override;
  Status ReadLog(const ObjectKey& pod, const LogOptions& options, const ByteSink& sink,
                 std::stop_token stop) override;

 private:
  Result<http::Request> ToHttp(const ApiRequest& request);
  Result<std::string> Perform(const ResourceType& type, Result<ApiRequest> request,
                              std::size_t max_bytes);
  Result<http::Response> SendOnce(const ApiRequest& request, std::size_t max_bytes);
  Result<nlohmann::json> PerformForObject(const ResourceType& type, Result<ApiRequest> request);
  Status StreamAnswer(const ResourceType& type, const ApiRequest& request,
                      std::chrono::milliseconds idle, const ByteSink& sink,
                      const std::stop_token& stop);
  Status StreamOnce(const ResourceType& type, const ApiRequest& request,
                    std::chrono::milliseconds idle, const ByteSink& sink, std::stop_token stop);
  void Count(const ResourceType& type, const ApiRequest& request, const std::string& code);

  const ApiClientOptions options_;
  const std::string base_path_;
  const AnswerCounter count_;
  TokenSource token_;
  std::stop_source stop_;
  Transport transport_;
};

}  // namespace committest::kube
