#include "common/kube/api_error.h"

#include <algorithm>
#include <charconv>
#include <string>

#include <nlohmann/json.hpp>

#include "common/base/strings.h"
#include "common/kube/json_reader.h"

namespace committest::kube {
namespace {

using nlohmann::json;

constexpr std::chrono::seconds kMaxRetryAfter{300};
constexpr std::size_t kMaxMessageBytes = 1024;
constexpr std::size_t kMaxReasonBytes = 64;
// No Status object is larger; what is, is not one, and is not worth parsing.
constexpr std::size_t kMaxStatusBytes = std::size_t{256} * 1024;

ErrorCode CodeOf(int status, std::string_view reason) {
  switch (status) {
    case 400:
    case 405:
    case 415:
    case 422:
      return ErrorCode::kInvalidArgument;
    case 401:
      return ErrorCode::kUnauthenticated;
    case 403:
      return ErrorCode::kPermissionDenied;
    case 404:
      return ErrorCode::kNotFound;
    case 409:
      return reason == "AlreadyExists" ? ErrorCode::kAlreadyExists : ErrorCode::kConflict;
    case 410:
      return ErrorCode::kGone;
    case 413:
    case 429:
      return ErrorCode::kResourceExhausted;
    default:
      break;
  }
  if (status >= 500 && status <= 599) return ErrorCode::kUnavailable;
  // Also 3xx: a redirect is not followed, so the server is not the API we were told of.
  return status >= 400 ? ErrorCode::kInvalidArgument : ErrorCode::kDataLoss;
}

// Only a Status object speaks for the API server; anything else is a proxy's page.
json ParseStatus(std::string_view body) {
  if (body.size() > kMaxStatusBytes) return json::object();
  json value = json::parse(body, nullptr, /*allow_exceptions=*/false);
  if (!value.is_object() || StringAt(value, "kind") != "Status") return json::object();
  return value;
}

std::optional<std::chrono::milliseconds> RetryAfter(const http::Headers& headers,
                                                    const json& details) {
  std::int64_t seconds = IntAt(details, "retryAfterSeconds", 0);
  if (const auto it = headers.find("retry-after"); it != headers.end()) {
    const std::string_view text = Trim(it->second);
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    // The other form, a date, is not used by API servers.
    if (error == std::errc() && end == text.data() + text.size()) seconds = value;
  }
  if (seconds <= 0) return std::nullopt;
  return std::chrono::seconds(std::min<std::int64_t>(seconds, kMaxRetryAfter.count()));
}

bool IsWord(std::string_view text) {
  return !text.empty() && text.size() <= kMaxReasonBytes &&
         std::ranges::all_of(text, [](unsigned char c) { return std::isalnum(c) != 0; });
}

std::string ReasonOf(int status, const json& value) {
  std::string reason = StringAt(value, "reason");
  if (status == 403) {
    for (const json& cause : ArrayAt(ObjectAt(value, "details"), "causes")) {
      if (StringAt(cause, "reason") == "NamespaceTerminating") reason = "NamespaceTerminating";
    }
  }
  return IsWord(reason) ? reason : std::string();
}

std::string MessageOf(int status, const json& value) {
  std::string message = OneLine(StringAt(value, "message"));
  if (message.empty()) return "the server answered " + std::to_string(status);
  // The message of a 422 repeats its causes unless there are many; add those it does not name.
  for (const json& cause : ArrayAt(ObjectAt(value, "details"), "causes")) {
    const std::string field = StringAt(cause, "field");
    if (field.empty() || message.find(field) != std::string::npos) continue;
    message.append("; ").append(field).append(": ").append(StringAt(cause, "message"));
    if (message.size() > kMaxMessageBytes) break;
  }
  return message;
}

Error ErrorOf(int status, const http::Headers& headers, const json& value) {
  Error error;
  error.reason = ReasonOf(status, value);
  error.code = CodeOf(status, error.reason);
  error.message = Truncate(Redact(OneLine(MessageOf(status, value))), kMaxMessageBytes);
  error.retry_after = RetryAfter(headers, ObjectAt(value, "details"));
  return error;
}

}  // namespace

Error ErrorFromAnswer(int status, const http::Headers& headers, std::string_view body) {
  return ErrorOf(status, headers, ParseStatus(body));
}

Error ErrorFromStatus(const json& status) {
  const std::int64_t code = IntAt(status, "code");
  const bool is_failure = code >= 400 && code <= 599;
  Error error = ErrorOf(is_failure ? static_cast<int>(code) : 500, {}, status);
  if (error.reason == "Expired" || error.reason == "Gone") error.code = ErrorCode::kGone;
  return error;
}

}  // namespace committest::kube
