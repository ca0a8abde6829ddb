#include "observer/webhook_judge.h"

#include <array>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

namespace committest::observer {
namespace {

using api::WebhookProvider;
using std::chrono::seconds;

constexpr std::string_view kSecret = "It's a Secret to Everybody";
constexpr std::string_view kBody = "Hello, World!";
// GitHub's own example of that secret and body ("Validating webhook deliveries").
constexpr std::string_view kDigest =
    "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
const WallTime kNow{seconds(1'614'265'330)};

// By OpenSSL's one-call function, which the code does not use.
std::string Hmac(std::string_view key, std::string_view message) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(message.data()), message.size(), digest.data(),
       &size);
  return {reinterpret_cast<const char*>(digest.data()), size};
}

std::string Hex(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) {
    std::array<char, 3> digits{};
    std::snprintf(digits.data(), digits.size(), "%02x", static_cast<unsigned char>(c));
    text += digits.data();
  }
  return text;
}

std::string Base64(std::string_view bytes) {
  std::string text(4 * ((bytes.size() + 2) / 3) + 1, '\0');
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                   reinterpret_cast<const unsigned char*>(bytes.data()),
                                   static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(size));
  return text;
}

struct Row {
  std::string name;
  http::Headers headers;
  Judgement expected = Judgement::kRefused;
};

void Expect(WebhookProvider provider, const std::vector<Row>& rows, std::string_view body,
            std::string_view secret) {
  for (const Row& row : rows) {
    SCOPED_TRACE(std::string(api::WebhookProviderName(provider)) + ": " + row.name);
    const Verdict verdict = Judge(provider, row.headers, body, secret, kNow);
    EXPECT_EQ(verdict.judgement, row.expected);
    EXPECT_TRUE(row.expected == Judgement::kGenuine || verdict.delivery.empty());
    // Nothing is right for an empty secret.
    EXPECT_EQ(Judge(provider, row.headers, body, "", kNow).judgement, Judgement::kRefused);
  }
}

// What every "sha256=" header has to get through.
std::vector<Row> HubRows(const char* header) {
  const std::string right = "sha256=" + std::string(kDigest);
  std::string upper = right;
  for (std::size_t i = 7; i < upper.size(); ++i) {
    upper[i] = static_cast<char>(std::toupper(static_cast<unsigned char>(upper[i])));
  }
  return {{"right", {{header, right}}, Judgement::kGenuine},
          {"right, in capitals", {{header, upper}}, Judgement::kGenuine},
          {"absent", {}},
          {"empty", {{header, ""}}},
          {"without its prefix", {{header, std::string(kDigest)}}},
          {"only its prefix", {{header, "sha256="}}},
          {"another hash", {{header, "sha1=" + std::string(kDigest).substr(0, 40)}}},
          {"the prefix of another hash", {{header, "sha512=" + std::string(kDigest)}}},
          {"one digit short", {{header, right.substr(0, right.size() - 1)}}},
          {"one digit more", {{header, right + "0"}}},
          {"one digit else", {{header, right.substr(0, right.size() - 1) + "8"}}},
          {"no digits", {{header, "sha256=" + std::string(64, 'x')}}},
          {"signs in place of digits", {{header, "sha256=" + std::string(64, '-')}}},
          {"not UTF-8", {{header, "sha256=" + std::string(64, '\xff')}}},
          {"given twice", {{header, right + ", " + right}}},
          {"with a space before", {{header, "sha256= " + std::string(kDigest)}}},
          {"of another secret", {{header, "sha256=" + Hex(Hmac("other", kBody))}}},
          {"of another body", {{header, "sha256=" + Hex(Hmac(kSecret, "Hello, World"))}}},
          {"of an empty secret", {{header, "sha256=" + Hex(Hmac("", kBody))}}}};
}

TEST(WebhookJudge, OpenSslAgreesWithThePublishedExample) {
  ASSERT_EQ(Hex(Hmac(kSecret, kBody)), kDigest);
}

TEST(WebhookJudge, GitHubSignsTheBody) {
  Expect(WebhookProvider::kGitHub, HubRows("x-hub-signature-256"), kBody, kSecret);
  Expect(WebhookProvider::kGitHub,
         {{"the old header with SHA-1", {{"x-hub-signature", "sha1=" + std::string(40, 'a')}}},
          {"another provider's header", {{"x-gitea-signature", std::string(kDigest)}}},
          {"a plain secret", {{"x-gitlab-token", std::string(kSecret)}}}},
         kBody, kSecret);
}

TEST(WebhookJudge, GenericSignsTheBody) {
  Expect(WebhookProvider::kGeneric, HubRows("x-committest-signature-256"), kBody, kSecret);
  Expect(
      WebhookProvider::kGeneric,
      {{"another provider's header", {{"x-hub-signature-256", "sha256=" + std::string(kDigest)}}}},
      kBody, kSecret);
}

TEST(WebhookJudge, GiteaSignsTheBodyInOneOfTwoHeaders) {
  Expect(WebhookProvider::kGitea, HubRows("x-hub-signature-256"), kBody, kSecret);
  const std::string right(kDigest);
  Expect(
      WebhookProvider::kGitea,
      {{"right", {{"x-gitea-signature", right}}, Judgement::kGenuine},
       {"as GitHub writes it", {{"x-gitea-signature", "sha256=" + right}}},
       {"one digit short", {{"x-gitea-signature", right.substr(1)}}},
       {"of another secret", {{"x-gitea-signature", Hex(Hmac("other", kBody))}}},
       {"its own wrong, the other right",
        {{"x-gitea-signature", std::string(64, '0')}, {"x-hub-signature-256", "sha256=" + right}}},
       {"both right",
        {{"x-gitea-signature", right}, {"x-hub-signature-256", "sha256=" + right}},
        Judgement::kGenuine}},
      kBody, kSecret);
}

TEST(WebhookJudge, GitLabSendsItsPlainToken) {
  const std::string right(kSecret);
  Expect(WebhookProvider::kGitLab,
         {{"right", {{"x-gitlab-token", right}}, Judgement::kGenuine},
          {"absent", {}},
          {"empty", {{"x-gitlab-token", ""}}},
          {"its beginning", {{"x-gitlab-token", right.substr(0, 5)}}},
          {"more than it", {{"x-gitlab-token", right + "!"}}},
          {"twice", {{"x-gitlab-token", right + ", " + right}}},
          {"in capitals", {{"x-gitlab-token", "IT'S A SECRET TO EVERYBODY"}}},
          {"not UTF-8", {{"x-gitlab-token", "\xff\xfe"}}},
          {"a signature instead", {{"x-hub-signature-256", "sha256=" + std::string(kDigest)}}}},
         kBody, kSecret);
}

// The example of the Standard Webhooks specification, which GitLab's signing tokens follow.
struct Standard {
  std::string token = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
  std::string body = R"({"test": 2432232314})";
  std::string id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
  std::string signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
  std::string key =
      "\x31\xf2\x90\xf6\xbf\x06\x29\x8a\xab\x4f\x08\xd4\x3c\x3f\x08\x2c\xf6\x48"
      "\xa3\x62\xda\x2d\xa4\xb0";

  http::Headers Headers(std::string timestamp = "1614265330") const {
    return {{"webhook-id", id},
            {"webhook-timestamp", std::move(timestamp)},
            {"webhook-signature", signature}};
  }
  // Signed rightly, for any time.
  http::Headers At(const std::string& timestamp) const {
    auto headers = Headers(timestamp);
    headers["webhook-signature"] = "v1," + Base64(Hmac(key, id + "." + timestamp + "." + body));
    return headers;
  }
  http::Headers With(const char* name, const std::string& value) const {
    auto headers = Headers();
    headers[name] = value;
    return headers;
  }
};

TEST(WebhookJudge, GitLabSignsWithItsSigningToken) {
  const Standard example;
  auto with_token = http::Headers{{"x-gitlab-token", example.token}};
  auto without_id = example.Headers();
  without_id.erase("webhook-id");
  auto without_time = example.Headers();
  without_time.erase("webhook-timestamp");
  Expect(
      WebhookProvider::kGitLab,
      {{"the published example", example.Headers(), Judgement::kGenuine},
       {"one of several is right",
        example.With("webhook-signature", "v1,AAAA v2,x " + example.signature),
        Judgement::kGenuine},
       {"none of several is right", example.With("webhook-signature", "v1,AAAA v2,x v1,")},
       {"the ninth of many",
        example.With("webhook-signature", "a b c d e f g h " + example.signature)},
       {"absent", {}},
       {"without an id", without_id},
       {"without a time", without_time},
       {"another id", example.With("webhook-id", "msg_2")},
       {"another time", example.With("webhook-timestamp", "1614265331")},
       {"another version", example.With("webhook-signature", "v2" + example.signature.substr(2))},
       {"no version", example.With("webhook-signature", example.signature.substr(3))},
       {"not base64", example.With("webhook-signature", "v1,%%%%")},
       {"cut", example.With("webhook-signature", example.signature.substr(0, 40))},
       {"the token itself, as a plain one", with_token}},
      example.body, example.token);
}

TEST(WebhookJudge, SignedTimesHaveAWindow) {
  const Standard example;
  const auto stamp = [](int offset) { return std::to_string(1'614'265'330 + offset); };
  Expect(WebhookProvider::kGitLab,
         {{"five minutes ago", example.At(stamp(-300)), Judgement::kGenuine},
          {"longer ago", example.At(stamp(-301)), Judgement::kStale},
          {"in five minutes", example.At(stamp(300)), Judgement::kGenuine},
          {"later", example.At(stamp(301)), Judgement::kStale},
          {"the beginning of time", example.At("0"), Judgement::kStale},
          {"before it", example.At("-1"), Judgement::kStale},
          {"the largest number", example.At("9223372036854775807"), Judgement::kStale},
          {"more than a number holds", example.At("99999999999999999999"), Judgement::kStale},
          {"milliseconds", example.At("1614265330000"), Judgement::kStale},
          {"a fraction", example.At("1614265330.5"), Judgement::kStale},
          {"no number", example.At("now"), Judgement::kStale},
          {"nothing", example.At(""), Judgement::kStale},
          {"a space", example.At(" 1614265330"), Judgement::kStale}},
         example.body, example.token);
}

TEST(WebhookJudge, TellsDeliveriesApart) {
  const std::string right = "sha256=" + std::string(kDigest);
  const auto delivery = [&](const std::string& id, std::string_view body,
                            const std::string& signature) {
    return Judge(WebhookProvider::kGitHub,
                 {{"x-hub-signature-256", signature}, {"x-github-delivery", id}}, body, kSecret,
                 kNow)
        .delivery;
  };
  const std::string first = delivery("1", kBody, right);
  EXPECT_NE(first, "");
  EXPECT_EQ(delivery("1", kBody, right), first);
  EXPECT_NE(delivery("2", kBody, right), first);
  EXPECT_NE(delivery("1", "x", "sha256=" + Hex(Hmac(kSecret, "x"))), first);
  EXPECT_EQ(delivery("", kBody, right), "");
  EXPECT_EQ(delivery(std::string(257, 'i'), kBody, right), "");
}

TEST(WebhookJudge, EachHostHasAHeaderForTheId) {
  const auto delivery = [](WebhookProvider provider, const char* signature_header,
                           const std::string& signature, const char* id_header) {
    http::Headers headers{{signature_header, signature}};
    if (id_header != nullptr) headers[id_header] = "1";
    return Judge(provider, headers, kBody, kSecret, kNow).delivery;
  };
  const std::string hub = "sha256=" + std::string(kDigest);
  EXPECT_NE(delivery(WebhookProvider::kGitHub, "x-hub-signature-256", hub, "x-github-delivery"),
            "");
  EXPECT_NE(delivery(WebhookProvider::kGitea, "x-hub-signature-256", hub, "x-gitea-delivery"), "");
  EXPECT_NE(delivery(WebhookProvider::kGeneric, "x-committest-signature-256", hub,
                     "x-committest-delivery"),
            "");
  const std::string token(kSecret);
  EXPECT_NE(delivery(WebhookProvider::kGitLab, "x-gitlab-token", token, "idempotency-key"), "");
  EXPECT_NE(delivery(WebhookProvider::kGitLab, "x-gitlab-token", token, "x-gitlab-event-uuid"), "");
  EXPECT_EQ(delivery(WebhookProvider::kGitLab, "x-gitlab-token", token, nullptr), "");
}

TEST(WebhookJudge, BodiesAreBytes) {
  const std::vector<std::string> bodies{"", std::string("\0\0", 2), "\xff\xfe", R"({"a":1,"a":2})",
                                        std::string(1'000'000, '[') + std::string(1'000'000, ']')};
  for (const std::string& body : bodies) {
    const http::Headers headers{{"x-hub-signature-256", "sha256=" + Hex(Hmac(kSecret, body))}};
    EXPECT_EQ(Judge(WebhookProvider::kGitHub, headers, body, kSecret, kNow).judgement,
              Judgement::kGenuine);
  }
}

TEST(CheckWebhookSecret, RefusesWhatSignsNothing) {
  for (const auto provider : {WebhookProvider::kGitHub, WebhookProvider::kGitLab,
                              WebhookProvider::kGitea, WebhookProvider::kGeneric}) {
    const auto empty = CheckWebhookSecret(provider, "");
    ASSERT_FALSE(empty);
    EXPECT_EQ(empty.error().message, "is empty, expected the webhook's secret");
    EXPECT_TRUE(CheckWebhookSecret(provider, "s"));
  }
  EXPECT_TRUE(CheckWebhookSecret(WebhookProvider::kGitLab, Standard().token));
  for (const char* bad : {"whsec_", "whsec_%%", "whsec_A"}) {
    const auto checked = CheckWebhookSecret(WebhookProvider::kGitLab, bad);
    ASSERT_FALSE(checked) << bad;
    EXPECT_EQ(checked.error().code, ErrorCode::kInvalidArgument);
    EXPECT_TRUE(CheckWebhookSecret(WebhookProvider::kGitHub, bad)) << bad;
  }
}

}  // namespace
}  // namespace committest::observer
