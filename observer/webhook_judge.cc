#include "observer/webhook_judge.h"

#include <array>
#include <charconv>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "common/base/strings.h"
#include "common/kube/base64.h"

namespace committest::observer {
namespace {

constexpr std::string_view kSigningTokenPrefix = "whsec_";
constexpr std::size_t kDigestBytes = 32;
constexpr std::size_t kMaxIdBytes = 256;
constexpr std::size_t kMaxSignatures = 8;

using Digest = std::array<unsigned char, kDigestBytes>;

std::string_view Header(const http::Headers& headers, const char* name) {
  const auto it = headers.find(name);
  return it == headers.end() ? std::string_view() : std::string_view(it->second);
}

const unsigned char* Bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

std::string_view Text(const Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

// nullopt only when OpenSSL has no memory or no HMAC.
std::optional<Digest> Hmac(std::string_view key, const std::vector<std::string_view>& parts) {
  static EVP_MAC* const kMac = EVP_MAC_fetch(nullptr, OSSL_MAC_NAME_HMAC, nullptr);
  const std::unique_ptr<EVP_MAC_CTX, decltype(&EVP_MAC_CTX_free)> context(EVP_MAC_CTX_new(kMac),
                                                                          &EVP_MAC_CTX_free);
  std::array<char, 7> hash{"SHA256"};
  const std::array<OSSL_PARAM, 2> parameters{
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, hash.data(), 0),
      OSSL_PARAM_construct_end()};
  // Without a key there would be none at all: OpenSSL takes a null pointer for "as before".
  const std::string_view some_key = key.empty() ? std::string_view("\0", 1) : key;
  if (!context ||
      EVP_MAC_init(context.get(), Bytes(some_key), some_key.size(), parameters.data()) != 1) {
    return std::nullopt;
  }
  for (const std::string_view part : parts) {
    if (EVP_MAC_update(context.get(), Bytes(part), part.size()) != 1) return std::nullopt;
  }
  Digest digest{};
  std::size_t size = 0;
  if (EVP_MAC_final(context.get(), digest.data(), &size, digest.size()) != 1 ||
      size != digest.size()) {
    return std::nullopt;
  }
  return digest;
}

bool Same(const Digest& expected, std::string_view given) {
  return given.size() == expected.size() &&
         CRYPTO_memcmp(expected.data(), given.data(), expected.size()) == 0;
}

std::optional<std::string> FromHex(std::string_view text) {
  if (text.size() != 2 * kDigestBytes) return std::nullopt;
  std::string bytes;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    std::uint8_t value = 0;
    const auto [end, error] = std::from_chars(text.data() + i, text.data() + i + 2, value, 16);
    if (error != std::errc{} || end != text.data() + i + 2) return std::nullopt;
    bytes.push_back(static_cast<char>(value));
  }
  return bytes;
}

// "sha256=" and hexadecimal digits.
bool IsHubSignature(const Digest& expected, std::string_view header) {
  constexpr std::string_view kPrefix = "sha256=";
  if (!header.starts_with(kPrefix)) return false;
  const auto given = FromHex(header.substr(kPrefix.size()));
  return given && Same(expected, *given);
}

bool IsGiteaSignature(const Digest& expected, const http::Headers& headers) {
  const std::string_view own = Header(headers, "x-gitea-signature");
  if (own.empty()) return IsHubSignature(expected, Header(headers, "x-hub-signature-256"));
  const auto given = FromHex(own);
  return given && Same(expected, *given);
}

// "v1,BASE64", and more of them after spaces.
bool IsStandardSignature(const Digest& expected, std::string_view header) {
  constexpr std::string_view kVersion = "v1,";
  const std::vector<std::string> signatures = Split(header, ' ');
  bool right = false;
  for (std::size_t i = 0; i < std::min(signatures.size(), kMaxSignatures); ++i) {
    const std::string_view signature = signatures[i];
    if (!signature.starts_with(kVersion)) continue;
    const auto given = kube::DecodeBase64(signature.substr(kVersion.size()));
    right = (given && Same(expected, *given)) || right;
  }
  return right;
}

// Digests of both, for they are of one length.
bool IsToken(std::string_view secret, std::string_view header) {
  return CRYPTO_memcmp(Sha256Hex(secret).data(), Sha256Hex(header).data(), 2 * kDigestBytes) == 0;
}

bool IsInWindow(std::string_view timestamp, WallTime now) {
  std::int64_t seconds = 0;
  const char* const begin = timestamp.data();
  const char* const end = begin + timestamp.size();
  const auto [last, error] = std::from_chars(begin, end, seconds);
  // The bounds keep the subtraction in range.
  if (error != std::errc{} || last != end || seconds < 0 || seconds > 1'000'000'000'000) {
    return false;
  }
  const auto age = std::chrono::floor<std::chrono::seconds>(now.time_since_epoch()) -
                   std::chrono::seconds(seconds);
  return age <= kTimestampWindow && age >= -kTimestampWindow;
}

Verdict Genuine(const Digest& digest, std::string_view id) {
  Verdict verdict{Judgement::kGenuine, {}};
  if (!id.empty() && id.size() <= kMaxIdBytes)
    verdict.delivery = std::string(Text(digest)).append(id);
  return verdict;
}

Verdict JudgeSigned(const http::Headers& headers, std::string_view body, std::string_view token,
                    WallTime now) {
  const std::string_view id = Header(headers, "webhook-id");
  const std::string_view timestamp = Header(headers, "webhook-timestamp");
  const auto key = kube::DecodeBase64(token.substr(kSigningTokenPrefix.size()));
  const auto expected = Hmac(key.value_or(""), {id, ".", timestamp, ".", body});
  if (!expected || !key || key->empty() || id.empty() ||
      !IsStandardSignature(*expected, Header(headers, "webhook-signature"))) {
    return {};
  }
  if (!IsInWindow(timestamp, now)) return {Judgement::kStale, {}};
  return Genuine(*expected, id);
}

std::string_view Id(api::WebhookProvider provider, const http::Headers& headers) {
  switch (provider) {
    case api::WebhookProvider::kGitHub:
      return Header(headers, "x-github-delivery");
    case api::WebhookProvider::kGitLab: {
      // The same when GitLab tries again; the UUID of older versions is as well.
      const std::string_view key = Header(headers, "idempotency-key");
      return key.empty() ? Header(headers, "x-gitlab-event-uuid") : key;
    }
    case api::WebhookProvider::kGitea:
      return Header(headers, "x-gitea-delivery");
    case api::WebhookProvider::kGeneric:
      return Header(headers, "x-committest-delivery");
  }
  return {};
}

bool IsRight(api::WebhookProvider provider, const http::Headers& headers, const Digest& expected,
             std::string_view secret) {
  switch (provider) {
    case api::WebhookProvider::kGitHub:
      return IsHubSignature(expected, Header(headers, "x-hub-signature-256"));
    case api::WebhookProvider::kGitLab:
      return IsToken(secret, Header(headers, "x-gitlab-token"));
    case api::WebhookProvider::kGitea:
      return IsGiteaSignature(expected, headers);
    case api::WebhookProvider::kGeneric:
      return IsHubSignature(expected, Header(headers, "x-committest-signature-256"));
  }
  return false;
}

}  // namespace

Verdict Judge(api::WebhookProvider provider, const http::Headers& headers, std::string_view body,
              std::string_view secret, WallTime now) {
  if (provider == api::WebhookProvider::kGitLab && secret.starts_with(kSigningTokenPrefix)) {
    return JudgeSigned(headers, body, secret, now);
  }
  const auto expected = Hmac(secret, {body});
  if (!expected || secret.empty() || !IsRight(provider, headers, *expected, secret)) return {};
  return Genuine(*expected, Id(provider, headers));
}

Status CheckWebhookSecret(api::WebhookProvider provider, std::string_view secret) {
  if (secret.empty()) {
    return Fail(ErrorCode::kInvalidArgument, "is empty, expected the webhook's secret");
  }
  if (provider == api::WebhookProvider::kGitLab && secret.starts_with(kSigningTokenPrefix)) {
    const auto key = kube::DecodeBase64(secret.substr(kSigningTokenPrefix.size()));
    if (!key || key->empty()) {
      return Fail(ErrorCode::kInvalidArgument,
                  "begins with whsec_ and goes on with something that is not base64, expected "
                  "GitLab's signing token as it was shown");
    }
  }
  return {};
}

}  // namespace committest::observer
