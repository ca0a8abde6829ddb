// What strangers send as a webhook. An input is the provider's digit, the secret and the path, each on
// a line of its own, then header lines "name: value" to an empty one, and the body.
#include <string>

#include "observer/webhook_judge.h"
#include "observer/webhook_receiver.h"
#include "tests/fuzz/fuzz.h"

namespace committest::observer {
namespace {

using fuzz::Expect;

const WallTime kNow{std::chrono::seconds(1'614'265'330)};

api::WebhookProvider ProviderOf(std::string_view line) {
  const auto digit = line.empty() ? 0U : static_cast<unsigned>(line.front()) % 4U;
  return static_cast<api::WebhookProvider>(digit);
}

http::Headers HeadersOf(std::string_view& text) {
  http::Headers headers;
  while (!text.empty()) {
    const std::string_view line = fuzz::TakeLine(text);
    if (line.empty()) break;
    const std::size_t colon = line.find(": ");
    if (colon == std::string_view::npos) continue;
    headers[Lower(line.substr(0, colon))] = std::string(line.substr(colon + 2));
  }
  return headers;
}

void CheckTarget(std::string_view path) {
  const auto key = WebhookTarget(path);
  if (!key) return;
  Expect("/webhooks/" + key->ToString() == path, "a path is nothing but its key");
  Expect(key->ToString().find("..") == std::string::npos || path.find("..") != std::string::npos,
         "no key is made up");
}

void CheckVerdict(api::WebhookProvider provider, const http::Headers& headers,
                  std::string_view body, std::string_view secret) {
  const Verdict verdict = Judge(provider, headers, body, secret, kNow);
  const Verdict again = Judge(provider, headers, body, secret, kNow);
  Expect(again.judgement == verdict.judgement && again.delivery == verdict.delivery,
         "a judgement is a function of what is judged");
  Expect(Judge(provider, headers, body, "", kNow).judgement == Judgement::kRefused,
         "an empty secret signs nothing");
  Expect(Judge(provider, {}, body, secret, kNow).judgement == Judgement::kRefused,
         "without headers nothing is signed");
  if (verdict.judgement != Judgement::kGenuine) {
    Expect(verdict.delivery.empty(), "only what is genuine has a name");
    return;
  }
  // A plain token says nothing of the body; everything else does.
  const bool is_token = provider == api::WebhookProvider::kGitLab && !secret.starts_with("whsec_");
  const std::string other = std::string(body) + "x";
  Expect(is_token || Judge(provider, headers, other, secret, kNow).judgement == Judgement::kRefused,
         "another body is not signed");
}

}  // namespace
}  // namespace committest::observer

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace committest::observer;
  std::string_view text = committest::fuzz::Text(data, size);
  const auto provider = ProviderOf(committest::fuzz::TakeLine(text));
  const std::string_view secret = committest::fuzz::TakeLine(text);
  CheckTarget(committest::fuzz::TakeLine(text));
  const committest::http::Headers headers = HeadersOf(text);
  CheckVerdict(provider, headers, text, secret);
  const auto usable = CheckWebhookSecret(provider, secret);
  const auto other = CheckWebhookSecret(provider, secret.empty() ? "" : "whsec_");
  Expect(usable.has_value() || usable.error().message == other.error().message,
         "a message does not depend on the secret");
  return 0;
}
