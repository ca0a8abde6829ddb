#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "common/api/observed_repository.h"
#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/http/message.h"

namespace committest::observer {

// Whether a webhook's delivery comes from who knows the secret: pure, and total. The body is bytes;
// nothing of it is parsed, here or anywhere else.
//
//   provider | the header that counts, the first of these that is there | what it must be
//   ---------+---------------------------------------------------+---------------------------------
//   GitHub   | X-Hub-Signature-256                               | sha256=HMAC(body), hexadecimal
//   Gitea    | X-Gitea-Signature; X-Hub-Signature-256            | HMAC(body); as GitHub's
//   Generic  | X-Committest-Signature-256                        | sha256=HMAC(body)
//   GitLab   | webhook-signature (1)                             | v1,HMAC(id.timestamp.body), base64
//   GitLab   | X-Gitlab-Token (2)                                | the secret itself
//
// HMAC is HMAC-SHA256 with the secret as its key.
// (1) If the secret is a signing token: "whsec_" and the key in base64 (Standard Webhooks, which GitLab
//     follows). `webhook-id` and `webhook-timestamp` are signed as well, and the latter must be within
//     `kTimestampWindow` of now. One of several signatures that is right suffices.
// (2) If it is any other secret. Nothing is signed then; TLS alone protects such a delivery.
//
//   header                                  | verdict
//   ----------------------------------------+---------
//   absent, malformed, given twice, wrong   | kRefused
//   right, but the time is not (1)          | kStale
//   right                                   | kGenuine
//   anything, with an empty secret          | kRefused

/// How old, or how far ahead, a signed time may be (Standard Webhooks).
inline constexpr std::chrono::minutes kTimestampWindow{5};

enum class Judgement { kGenuine, kStale, kRefused };

struct Verdict {
  Judgement judgement = Judgement::kRefused;
  /// Equal for the same delivery that is sent again, else different: the digest of what was signed,
  /// and the delivery's id. Empty when the sender gives no id, so that nobody can tell, and when it
  /// is refused.
  std::string delivery;
};

/// Costs one HMAC over `body` whatever the headers say, so that its time tells nothing about them.
Verdict Judge(api::WebhookProvider provider, const http::Headers& headers, std::string_view body,
              std::string_view secret, WallTime now);

/// Whether `secret` can be used: kInvalidArgument if it is empty, or a signing token that cannot be
/// decoded. The message holds nothing of it.
Status CheckWebhookSecret(api::WebhookProvider provider, std::string_view secret);

}  // namespace committest::observer
