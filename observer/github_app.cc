#include "observer/github_app.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "common/api/reasons.h"
#include "common/base/strings.h"
#include "common/kube/json_reader.h"

namespace committest::observer {
namespace {

using nlohmann::json;
using std::chrono::minutes;
using std::chrono::seconds;

// GitHub takes ten at most.
constexpr minutes kJwtLife{9};
constexpr minutes kClockSkew{1};
constexpr minutes kUnusedEnd{5};
constexpr minutes kReplaceAfter{1};
constexpr seconds kDeadline{10};
constexpr std::size_t kMaxAnswerBytes = 64 * 1024;
constexpr std::size_t kMaxTokenBytes = 6'000;
constexpr std::size_t kMaxKept = 1'000;

// RFC 4648, 5, without padding, as RFC 7515 wants it.
std::string Base64Url(std::string_view data) {
  std::string out = EncodeBase64(data);
  while (out.ends_with('=')) out.pop_back();
  std::ranges::replace(out, '+', '-');
  std::ranges::replace(out, '/', '_');
  return out;
}

std::int64_t UnixSeconds(WallTime time) {
  return std::chrono::duration_cast<seconds>(time.time_since_epoch()).count();
}

Result<std::string> Sign(const SecretText& pem, const std::string& text) {
  const std::string& key_text = pem.Reveal();
  const std::unique_ptr<BIO, decltype(&BIO_free)> bio(
      BIO_new_mem_buf(key_text.data(), static_cast<int>(key_text.size())), &BIO_free);
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(
      PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr), &EVP_PKEY_free);
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                        &EVP_MD_CTX_free);
  const auto* data = reinterpret_cast<const unsigned char*>(text.data());
  std::size_t size = 0;
  std::vector<unsigned char> signature;
  bool done = key && context &&
              EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get()) == 1 &&
              EVP_DigestSign(context.get(), nullptr, &size, data, text.size()) == 1;
  if (done) {
    signature.resize(size);
    done = EVP_DigestSign(context.get(), signature.data(), &size, data, text.size()) == 1;
  }
  ERR_clear_error();
  if (!done) return Fail(ErrorCode::kInvalidArgument, "the App's private key cannot sign");
  return std::string(reinterpret_cast<const char*>(signature.data()), size);
}

// "https://host:port" and "/api/v3" of "https://host:port/api/v3".
std::pair<std::string, std::string> SplitUrl(const std::string& url) {
  const auto slash = url.find('/', url.find("://") + 3);
  if (slash == std::string::npos) return {url, ""};
  return {url.substr(0, slash), url.substr(slash)};
}

bool IsToken(std::string_view text) {
  return !text.empty() && text.size() <= kMaxTokenBytes &&
         std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f' && c != ':'; });
}

Error Refusal(std::string_view secret_name, int status) {
  const std::string shown = " (HTTP " + std::to_string(status) + ")";
  const std::string app = "the GitHub App in Secret " + std::string(secret_name);
  const auto error = [](ErrorCode code, std::string message, const char* reason = "") {
    return Error{code, std::move(message), reason, std::nullopt};
  };
  if (status == 401) {
    return error(ErrorCode::kUnauthenticated,
                 "GitHub does not know " + app + " by its appID and privateKey" + shown);
  }
  if (status == 404) {
    return error(ErrorCode::kNotFound,
                 app + " has no installation with this installationID" + shown,
                 api::reason::kCredentialsInvalid);
  }
  if (status == 422) {
    return error(ErrorCode::kPermissionDenied,
                 app + " was not given the permission to read contents" + shown,
                 api::reason::kCredentialsInvalid);
  }
  if (status == 403) return error(ErrorCode::kPermissionDenied, "GitHub refuses " + app + shown);
  if (status == 429) {
    return error(ErrorCode::kResourceExhausted, "GitHub is asked too often for tokens" + shown);
  }
  return error(ErrorCode::kUnavailable, "GitHub gives no token to " + app + shown);
}

}  // namespace

Result<SecretText> MakeAppJwt(const git::GithubAppCredentials& app, WallTime now) {
  const json header = {{"alg", "RS256"}, {"typ", "JWT"}};
  const json claims = {{"iat", UnixSeconds(now - kClockSkew)},
                       {"exp", UnixSeconds(now + kJwtLife)},
                       {"iss", app.app_id}};
  std::string text = Base64Url(kube::Dump(header)) + "." + Base64Url(kube::Dump(claims));
  const auto signature = Sign(app.private_key, text);
  if (!signature) return Fail(signature.error());
  return SecretText(text.append(".").append(Base64Url(*signature)));
}

Result<InstallationToken> ParseTokenAnswer(std::string_view secret_name,
                                           const http::Response& answer) {
  if (answer.status != 201) return Fail(Refusal(secret_name, answer.status));
  const json value = json::parse(answer.body, nullptr, false);
  std::string token = kube::StringAt(value, "token");
  const auto expires = kube::TimeAt(value, "expires_at");
  if (!IsToken(token) || !expires) {
    return Fail(ErrorCode::kDataLoss, "GitHub's answer holds no token and end of it");
  }
  return InstallationToken{SecretText(std::move(token)), *expires};
}

Result<SecretText> GithubTokens::Get(std::string_view secret_name,
                                     const git::GithubAppCredentials& app,
                                     const std::string& ca_pem, bool refused) {
  const std::string key = Sha256Hex(app.api_url + " " + app.app_id + " " + app.installation_id +
                                    " " + app.private_key.Reveal());
  {
    MutexLock lock(mutex_);
    const auto it = tokens_.find(key);
    const bool is_kept =
        it != tokens_.end() && clock_.Wall() + kUnusedEnd < it->second.token.expires;
    const bool is_good =
        is_kept && (!refused || clock_.Monotonic() < it->second.issued + kReplaceAfter);
    if (is_good) return it->second.token.token;
  }
  auto token = Ask(secret_name, app, ca_pem);
  if (!token) return Fail(std::move(token.error()));
  MutexLock lock(mutex_);
  if (tokens_.size() >= kMaxKept) tokens_.clear();
  return tokens_.insert_or_assign(key, Kept{std::move(*token), clock_.Monotonic()})
      .first->second.token.token;
}

Result<InstallationToken> GithubTokens::Ask(std::string_view secret_name,
                                            const git::GithubAppCredentials& app,
                                            const std::string& ca_pem) {
  const auto [origin, path] = SplitUrl(app.api_url);
  const auto client = make_client_(origin, ca_pem);
  if (!client) return Fail(client.error());
  const auto jwt = MakeAppJwt(app, clock_.Wall());
  if (!jwt) return Fail(jwt.error());
  http::Request request;
  request.method = "POST";
  request.target = path + "/app/installations/" + app.installation_id + "/access_tokens";
  request.headers = {{"authorization", "Bearer " + jwt->Reveal()},
                     {"accept", "application/vnd.github+json"},
                     {"content-type", "application/json"},
                     {"x-github-api-version", "2022-11-28"}};
  request.body = R"({"permissions":{"contents":"read"}})";
  http::Limits limits;
  limits.total = kDeadline;
  limits.idle = kDeadline;
  limits.body_bytes = kMaxAnswerBytes;
  auto answer = (*client)->Send(request, limits, stop_);
  if (!answer) {
    if (answer.error().reason == http::kNotSent) answer.error().reason.clear();
    return Fail(Context("GitHub gives no token", std::move(answer.error())));
  }
  return ParseTokenAnswer(secret_name, *answer);
}

}  // namespace committest::observer
