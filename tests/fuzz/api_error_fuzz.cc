// What the API server, or a proxy before it, answers instead of 2xx. An input is the status, the
// header Retry-After and the body, each on a line.
#include <algorithm>
#include <charconv>
#include <chrono>

#include <nlohmann/json.hpp>

#include "common/kube/api_error.h"
#include "tests/fuzz/fuzz.h"

namespace committest::kube {
namespace {

using fuzz::Expect;
using nlohmann::json;

int Number(std::string_view text) {
  int number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

// Whether a URL in `text` still has user information that is not hidden. A name alone is part of an
// ssh address.
bool ShowsUserInfo(std::string_view text) {
  for (std::size_t at = text.find("://"); at != std::string_view::npos; at = text.find("://")) {
    const bool is_ssh = text.substr(0, at).ends_with("ssh");
    text.remove_prefix(at + 3);
    const std::string_view authority = text.substr(0, text.find_first_of("/?# \t\r\n\"'"));
    const std::size_t end = authority.rfind('@');
    if (end == std::string_view::npos || authority.substr(0, end) == "***") continue;
    const bool is_name = authority.substr(0, end).find_first_of(":@") == std::string_view::npos;
    if (!is_ssh || !is_name) return true;
  }
  return false;
}

void CheckError(const Error& error) {
  using namespace std::chrono_literals;
  Expect(!error.message.empty() && fuzz::IsCleanLine(error.message, 1024),
         "the message can be shown to people");
  Expect(!ShowsUserInfo(error.message), "the message holds no user information of a URL");
  Expect(error.reason.size() <= 64 &&
             std::ranges::all_of(error.reason,
                                 [](unsigned char c) { return c < 0x80 && std::isalnum(c) != 0; }),
         "the reason is a word");
  Expect(!error.retry_after || (*error.retry_after > 0s && *error.retry_after <= 300s),
         "the server's wish to wait is bounded");
}

void CheckCode(int status, ErrorCode code) {
  Expect((code == ErrorCode::kGone) == (status == 410), "only 410 is Gone");
  Expect((code == ErrorCode::kNotFound) == (status == 404), "only 404 is NotFound");
  Expect((code == ErrorCode::kConflict || code == ErrorCode::kAlreadyExists) == (status == 409),
         "only 409 is a conflict");
  Expect((code == ErrorCode::kPermissionDenied) == (status == 403), "only 403 is PermissionDenied");
  Expect((code == ErrorCode::kUnavailable) == (status >= 500 && status <= 599),
         "only 5xx is Unavailable");
  Expect(code != ErrorCode::kUnknownOutcome && code != ErrorCode::kInternal,
         "an answer is never an unknown outcome or a bug of ours");
}

}  // namespace
}  // namespace committest::kube

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace committest;
  using namespace committest::kube;
  std::string_view body = fuzz::Text(data, size);
  const int status = Number(fuzz::TakeLine(body));
  const std::string retry_after(fuzz::TakeLine(body));
  http::Headers headers;
  if (!retry_after.empty()) headers.emplace("Retry-After", retry_after);
  const Error answer = ErrorFromAnswer(status, headers, body);
  CheckError(answer);
  CheckCode(status, answer.code);
  Expect(ErrorFromAnswer(status, headers, "<html>").code == answer.code || status == 409,
         "only of a conflict the body says what kind it is");

  const json value = json::parse(body, nullptr, false);
  if (value.is_discarded()) return 0;
  const Error event = ErrorFromStatus(value);
  CheckError(event);
  Expect((event.reason != "Expired" && event.reason != "Gone") || event.code == ErrorCode::kGone,
         "an expired watch lists again");
  return 0;
}
