#include "common/kube/api_client.h"

#include <exception>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/kube/api_error.h"
#include "common/kube/json_reader.h"
#include "common/kube/list_projection.h"

namespace committest::kube {
namespace {

using nlohmann::json;

constexpr int kUnauthorized = 401;
// Answers other than the stream itself: one Status object.
constexpr std::size_t kMaxErrorBytes = std::size_t{64} * 1024;

bool IsSuccess(int status) { return status >= 200 && status < 300; }

http::TlsOptions TlsOf(const ClusterConfig& config) {
  http::TlsOptions tls;
  if (!config.ca.Empty()) tls.ca = [ca = config.ca] { return ReadMaterial(ca); };
  if (!config.client_certificate.Empty()) {
    tls.client_certificate = [certificate = config.client_certificate,
                              key = config.client_key]() -> Result<http::ClientCertificate> {
      auto certificate_pem = ReadMaterial(certificate);
      if (!certificate_pem) return Fail(std::move(certificate_pem).error());
      auto key_pem = ReadMaterial(key);
      if (!key_pem) return Fail(std::move(key_pem).error());
      return http::ClientCertificate{std::move(*certificate_pem), std::move(*key_pem)};
    };
  }
  return tls;
}

// A sink is the caller's code and must not unwind through the HTTP library or the parser.
template <typename Call>
Status Guarded(Call&& call) {
  try {
    return std::forward<Call>(call)();
  } catch (const std::exception& e) {
    return Fail(ErrorCode::kInternal, std::string("exception in a sink: ") + e.what());
  } catch (...) {
    return Fail(ErrorCode::kInternal, "unknown exception in a sink");
  }
}

std::string Where(const ApiRequest& request) { return request.method + " " + request.path; }

// What came of a write is unknown unless it was certainly not sent, or refused by our own permit.
Error OfWrite(Error error) {
  if (error.reason != http::kNotSent) error.code = ErrorCode::kUnknownOutcome;
  return error;
}

}  // namespace

Result<http::ClientOptions> ApiClient::HttpOptions(const ClusterConfig& config,
                                                   const ApiClientOptions& options) {
  http::ClientOptions http;
  http.endpoint = config.server;
  http.tls = TlsOf(config);
  http.user_agent = "committest-" + options.component + "/" COMMITTEST_VERSION;
  http.max_in_flight = options.max_in_flight;
  if (http.tls.ca) {
    if (const auto ca = http.tls.ca(); !ca) return Fail(Context("CA", ca.error()));
  }
  if (http.tls.client_certificate) {
    const auto pair = http.tls.client_certificate();
    if (!pair) return Fail(Context("client certificate", pair.error()));
  }
  return http;
}

ApiClient::ApiClient(Transport transport, const ClusterConfig& config, ApiClientOptions options,
                     const Clock& clock, AnswerCounter count)
    : options_(std::move(options)),
      base_path_(config.base_path),
      count_(std::move(count)),
      token_(config.token, clock),
      transport_(std::move(transport)) {}

void ApiClient::Count(const ResourceType& type, const ApiRequest& request,
                      const std::string& code) {
  if (count_) count_(request.verb, type.kind, code);
}

Result<http::Request> ApiClient::ToHttp(const ApiRequest& request) {
  http::Request out;
  out.method = request.method;
  out.target = base_path_ + request.Target();
  out.headers["accept"] = "application/json";
  if (!request.content_type.empty()) out.headers["content-type"] = request.content_type;
  out.body = request.body;
  const auto token = token_.Get();
  if (!token) return Fail(Context("token", token.error()));
  if (!token->empty()) out.headers["authorization"] = "Bearer " + *token;
  return out;
}

Result<http::Response> ApiClient::SendOnce(const ApiRequest& request, std::size_t max_bytes) {
  const auto out = ToHttp(request);
  if (!out) {
    Error error = out.error();
    error.reason = http::kNotSent;
    return Fail(std::move(error));
  }
  http::Limits limits;
  limits.total = limits.idle = options_.deadline;
  limits.body_bytes = max_bytes;
  if (request.IsWrite()) limits.permit = options_.write_permit;
  return transport_.unary->Send(*out, limits, stop_.get_token());
}

Result<std::string> ApiClient::Perform(const ResourceType& type, Result<ApiRequest> request,
                                       std::size_t max_bytes) {
  if (!request) return Fail(std::move(request).error());
  auto answer = SendOnce(*request, max_bytes);
  if (answer && answer->status == kUnauthorized && token_.Invalidate()) {
    Count(type, *request, std::to_string(kUnauthorized));
    answer = SendOnce(*request, max_bytes);
  }
  if (!answer) {
    Error error = std::move(answer).error();
    if (request->IsWrite()) error = OfWrite(std::move(error));
    Count(type, *request, std::string(ErrorCodeName(error.code)));
    return Fail(Context(Where(*request), std::move(error)));
  }
  Count(type, *request, std::to_string(answer->status));
  if (!IsSuccess(answer->status)) {
    return Fail(
        Context(Where(*request), ErrorFromAnswer(answer->status, answer->headers, answer->body)));
  }
  return std::move(answer->body);
}

Result<json> ApiClient::PerformForObject(const ResourceType& type, Result<ApiRequest> request) {
  const bool is_write = request && request->IsWrite();
  const std::string where = request ? Where(*request) : std::string();
  const auto body = Perform(type, std::move(request), options_.object_bytes);
  if (!body) return Fail(body.error());
  json object = json::parse(*body, nullptr, /*allow_exceptions=*/false);
  if (!object.is_object()) {
    Error error{ErrorCode::kDataLoss, "the answer is not a JSON object", {}, std::nullopt};
    // The server said 2xx, so the write happened; only what became of the object is not known.
    if (is_write) error.code = ErrorCode::kUnknownOutcome;
    return Fail(Context(where, std::move(error)));
  }
  return object;
}

Result<json> ApiClient::Get(const ResourceType& type, const ObjectKey& key) {
  return PerformForObject(type, GetRequest(type, key));
}

Result<json> ApiClient::Create(const ResourceType& type, const json& object) {
  return PerformForObject(type, CreateRequest(type, object));
}

Result<json> ApiClient::PatchStatus(const ResourceType& type, const ObjectMeta& target,
                                    const json& status_patch) {
  return PerformForObject(type, PatchStatusRequest(type, target, status_patch));
}

Result<json> ApiClient::Replace(const ResourceType& type, const json& object) {
  return PerformForObject(type, ReplaceRequest(type, object));
}

Result<json> ApiClient::Patch(const ResourceType& type, const ObjectKey& key, const json& patch) {
  return PerformForObject(type, PatchRequest(type, key, patch));
}

Status ApiClient::Delete(const ResourceType& type, const ObjectKey& key, std::string_view uid) {
  const auto deleted = Perform(type, DeleteRequest(type, key, uid), options_.object_bytes);
  if (deleted || deleted.error().code == ErrorCode::kNotFound) return {};
  if (deleted.error().code != ErrorCode::kConflict) return Fail(deleted.error());
  // A failed UID precondition and other conflicts differ only in their text.
  const auto current = Get(type, key);
  if (!current && current.error().code == ErrorCode::kNotFound) return {};
  if (current && StringAt(ObjectAt(*current, "metadata"), "uid") != uid) return {};
  return Fail(deleted.error());
}

Result<ListPage> ApiClient::List(const ResourceType& type, const Selection& selection, int limit,
                                 const std::string& continue_token,
                                 const std::vector<std::string>& drop, const ObjectSink& sink) {
  const auto body =
      Perform(type, ListRequest(type, selection, limit, continue_token), options_.page_bytes);
  if (!body) return Fail(body.error());
  Result<ListPage> page;
  if (Status guarded = Guarded([&]() -> Status {
        page = ProjectList(*body, drop, sink);
        return {};
      });
      !guarded) {
    return Fail(std::move(guarded).error());
  }
  return page;
}

Status ApiClient::Watch(const ResourceType& type, const Selection& selection,
                        const std::string& resource_version, std::chrono::seconds timeout,
                        const ByteSink& sink, std::stop_token stop) {
  auto request = WatchRequest(type, selection, resource_version, timeout);
  if (!request) return Fail(std::move(request).error());
  Status ended = StreamAnswer(type, *request, timeout + options_.watch_grace, sink, stop);
  if (!ended) return Fail(Context("watch " + request->path, std::move(ended).error()));
  return ended;
}

Status ApiClient::ReadLog(const ObjectKey& pod, const LogOptions& options, const ByteSink& sink,
                          std::stop_token stop) {
  static const ResourceType kType{"", "v1", "pods", "Pod", true};
  auto request = LogRequest(pod, options);
  if (!request) return Fail(std::move(request).error());
  Status ended = StreamAnswer(kType, *request, options.idle, sink, stop);
  if (!ended) return Fail(Context(Where(*request), std::move(ended).error()));
  return ended;
}

Status ApiClient::StreamAnswer(const ResourceType& type, const ApiRequest& request,
                               std::chrono::milliseconds idle, const ByteSink& sink,
                               const std::stop_token& stop) {
  Status ended = StreamOnce(type, request, idle, sink, stop);
  if (!ended && ended.error().code == ErrorCode::kUnauthenticated && token_.Invalidate()) {
    ended = StreamOnce(type, request, idle, sink, stop);
  }
  return ended;
}

Status ApiClient::StreamOnce(const ResourceType& type, const ApiRequest& request,
                             std::chrono::milliseconds idle, const ByteSink& sink,
                             std::stop_token stop) {
  auto out = ToHttp(request);
  if (!out) return Fail(std::move(out).error());
  http::Limits limits;
  limits.total = std::chrono::milliseconds(0);  // The server ends it; silence is what we look for.
  limits.idle = idle;
  limits.body_bytes = 0;
  int status = 0;
  http::Headers headers;
  std::string error_body;
  const auto on_response = [&](int code, const http::Headers& fields) -> Status {
    status = code;
    headers = fields;
    Count(type, request, std::to_string(code));
    return {};
  };
  const auto on_bytes = [&](std::string_view bytes) -> Status {
    if (IsSuccess(status)) return Guarded([&] { return sink(bytes); });
    error_body.append(bytes.substr(0, kMaxErrorBytes - error_body.size()));
    if (error_body.size() < kMaxErrorBytes) return {};
    return Fail(ErrorCode::kResourceExhausted, "the error is too long to be read whole");
  };
  Status ended = transport_.watch->Stream(*out, limits, on_bytes, on_response, std::move(stop));
  if (status == 0) {
    if (!ended) Count(type, request, std::string(ErrorCodeName(ended.error().code)));
    return ended;
  }
  if (!IsSuccess(status)) return Fail(ErrorFromAnswer(status, headers, error_body));
  return ended;
}

}  // namespace committest::kube
