#include "observer/github_app.h"

#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "common/base/time_format.h"
#include "tests/support/fake_http_client.h"
#include "tests/support/manual_clock.h"

// That GitHub's side finds the signature right is for the integration tests.

namespace committest::observer {
namespace {

using std::chrono::minutes;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

std::string MakeKey() {
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(EVP_RSA_gen(2048), &EVP_PKEY_free);
  const std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new(BIO_s_mem()), &BIO_free);
  PEM_write_bio_PrivateKey(bio.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

class GithubTokensTest : public ::testing::Test {
 protected:
  Result<SecretText> Get(bool refused = false) { return tokens_.Get("app", app_, "CA", refused); }

  http::Response Token(const std::string& token, minutes life) {
    return {201,
            {},
            R"({"token":")" + token + R"(","expires_at":")" + FormatTime(clock_.Wall() + life) +
                R"("})"};
  }

  git::GithubAppCredentials app_{"12", "345", SecretText(MakeKey()),
                                 "https://git.example:8443/api/v3"};
  std::shared_ptr<testing::HttpExchanges> exchanges_ = std::make_shared<testing::HttpExchanges>();
  std::vector<std::string> clients_;
  ManualClock clock_;
  GithubTokens tokens_{[this](const std::string& endpoint,
                              const std::string& ca_pem) -> Result<std::unique_ptr<http::Client>> {
                         clients_.push_back(endpoint + " " + ca_pem);
                         return std::make_unique<testing::FakeHttpClient>(exchanges_);
                       },
                       clock_,
                       {}};
};

TEST_F(GithubTokensTest, AsksTheApiAndNoOneElse) {
  exchanges_->answers = {Token("t1", minutes(60))};
  const auto token = Get();
  ASSERT_TRUE(token) << token.error().message;
  EXPECT_EQ(token->Reveal(), "t1");
  EXPECT_THAT(clients_, ElementsAre("https://git.example:8443 CA"));
  const http::Request& request = exchanges_->requests.at(0);
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.target, "/api/v3/app/installations/345/access_tokens");
  EXPECT_THAT(request.headers.at("authorization"), ::testing::StartsWith("Bearer eyJ"));
  EXPECT_EQ(request.body, R"({"permissions":{"contents":"read"}})");
}

TEST_F(GithubTokensTest, KeepsATokenUntilFiveMinutesBeforeItsEnd) {
  exchanges_->answers = {Token("t1", minutes(60))};
  ASSERT_TRUE(Get());
  clock_.Advance(minutes(54));
  EXPECT_EQ(Get()->Reveal(), "t1");
  clock_.Advance(minutes(1));
  exchanges_->answers = {Token("t2", minutes(60))};
  EXPECT_EQ(Get()->Reveal(), "t2");
}

TEST_F(GithubTokensTest, ReplacesARefusedTokenOnceAMinute) {
  exchanges_->answers = {Token("t1", minutes(60)), Token("t2", minutes(60))};
  ASSERT_TRUE(Get());
  EXPECT_EQ(Get(true)->Reveal(), "t1");
  clock_.Advance(minutes(1));
  EXPECT_EQ(Get(true)->Reveal(), "t2");
  EXPECT_EQ(Get(true)->Reveal(), "t2");
}

TEST_F(GithubTokensTest, SaysWhatIsWrongWithoutTheAnswer) {
  struct Case {
    int status;
    ErrorCode code;
    const char* reason;
  };
  for (const Case& c :
       {Case{401, ErrorCode::kUnauthenticated, ""}, Case{403, ErrorCode::kPermissionDenied, ""},
        Case{404, ErrorCode::kNotFound, "CredentialsInvalid"},
        Case{422, ErrorCode::kPermissionDenied, "CredentialsInvalid"},
        Case{429, ErrorCode::kResourceExhausted, ""}, Case{302, ErrorCode::kUnavailable, ""},
        Case{503, ErrorCode::kUnavailable, ""}, Case{200, ErrorCode::kUnavailable, ""}}) {
    exchanges_->answers = {http::Response{c.status, {}, "canary"}};
    const Error error = Get().error();
    EXPECT_EQ(error.code, c.code) << c.status;
    EXPECT_EQ(error.reason, c.reason) << c.status;
    EXPECT_THAT(error.message, AllOf(Not(HasSubstr("canary")), HasSubstr("HTTP")));
  }
}

TEST_F(GithubTokensTest, TakesNothingElseForAToken) {
  for (const char* body :
       {"", "[]", "{", R"({"token":"x"})", R"({"token":"","expires_at":"2030-01-01T00:00:00Z"})",
        R"({"token":"a\r\nb","expires_at":"2030-01-01T00:00:00Z"})",
        R"({"token":1,"expires_at":"2030-01-01T00:00:00Z"})",
        R"({"token":"x","expires_at":"soon"})"}) {
    exchanges_->answers = {http::Response{201, {}, body}};
    EXPECT_EQ(Get().error().code, ErrorCode::kDataLoss) << body;
  }
}

TEST(AppJwt, NeedsAKeyThatSigns) {
  const git::GithubAppCredentials app{"12", "345", SecretText("no key"), ""};
  EXPECT_EQ(MakeAppJwt(app, WallTime{}).error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace committest::observer
