#include "observer/http_refs.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "observer/pkt_line.h"
#include "tests/support/fake_http_client.h"
#include "tests/support/manual_clock.h"

namespace committest::observer {
namespace {

const std::string kCommit(40, 'a');

http::Response Ok(std::string body) { return {200, {}, std::move(body)}; }

http::Response Advertisement() {
  return Ok(EncodePkt("# service=git-upload-pack\n") + "0000" + EncodePkt("version 2\n") +
            EncodePkt("ls-refs=unborn\n") + EncodePkt("fetch=shallow\n") + "0000");
}

http::Response Refs() { return Ok(EncodePkt(kCommit + " refs/heads/main\n") + "0000"); }

class HttpRefsTest : public ::testing::Test {
 protected:
  Result<RemoteRefs> List() {
    const auto url = git::CheckUrl("https://git.example/app.git", {});
    const auto pattern = RefPattern::Parse("refs/heads/main");
    return refs_.List(*url, access_, {*pattern});
  }

  std::shared_ptr<testing::HttpExchanges> exchanges_ = std::make_shared<testing::HttpExchanges>();
  git::Access access_;
  std::vector<std::string> clients_;
  ManualClock clock_;
  HttpRefs refs_{{},
                 [this](const std::string& endpoint,
                        const std::string& ca_pem) -> Result<std::unique_ptr<http::Client>> {
                   clients_.push_back(endpoint + " " + ca_pem);
                   return std::make_unique<testing::FakeHttpClient>(exchanges_);
                 },
                 clock_,
                 {}};
};

TEST_F(HttpRefsTest, AnUnchangedLookIsOneRequest) {
  exchanges_->answers = {Advertisement(), Refs(), Refs()};
  ASSERT_TRUE(List());
  const auto again = List();
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->refs.at(0).commit, kCommit);
  EXPECT_EQ(exchanges_->requests.size(), 3U);
  EXPECT_EQ(exchanges_->requests.back().method, "POST");
}

TEST_F(HttpRefsTest, AConnectionThatWasClosedInTheMeantimeIsNoFailure) {
  exchanges_->answers = {Advertisement(), Refs(),
                         Fail(ErrorCode::kUnavailable, "Failed to write request body: Broken pipe"),
                         Advertisement(), Refs()};
  ASSERT_TRUE(List());
  const auto again = List();
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->refs.at(0).commit, kCommit);
}

TEST_F(HttpRefsTest, AServerThatIsDownIsAskedOnceMoreAndNoOftener) {
  Error down{ErrorCode::kUnavailable, "refused", http::kNotSent, std::nullopt};
  exchanges_->answers = {Advertisement(), Refs(), Fail(down), Fail(down)};
  ASSERT_TRUE(List());
  const Error error = List().error();
  EXPECT_EQ(error.code, ErrorCode::kUnavailable);
  EXPECT_EQ(error.reason, "") << "it becomes the condition's";
  EXPECT_TRUE(exchanges_->answers.empty());
}

TEST_F(HttpRefsTest, ASilentServerIsNotAskedTwice) {
  exchanges_->answers = {Advertisement(), Refs(), Fail(ErrorCode::kDeadlineExceeded, "idle")};
  ASSERT_TRUE(List());
  EXPECT_EQ(List().error().message, "the Git server did not answer in time");
}

TEST_F(HttpRefsTest, CredentialsGoWithEachRequest) {
  access_.authorization = SecretText("Bearer x");
  exchanges_->answers = {Advertisement(), Refs()};
  ASSERT_TRUE(List());
  ASSERT_EQ(exchanges_->requests.size(), 2U);
  for (const http::Request& request : exchanges_->requests) {
    EXPECT_EQ(request.headers.at("authorization"), "Bearer x");
  }
}

TEST_F(HttpRefsTest, NothingIsSentWithoutCredentials) {
  exchanges_->answers = {Advertisement(), Refs()};
  ASSERT_TRUE(List());
  for (const http::Request& request : exchanges_->requests) {
    EXPECT_FALSE(request.headers.contains("authorization"));
  }
}

TEST_F(HttpRefsTest, WhatIsNotUsedIsForgotten) {
  exchanges_->answers = {Advertisement(), Refs(), Refs(), Advertisement(), Refs()};
  ASSERT_TRUE(List());
  EXPECT_EQ(refs_.Remembered(), 2U) << "a client and a server";
  // The longest poll period and its jitter.
  clock_.Advance(std::chrono::seconds(86'400 + 8'640));
  ASSERT_TRUE(List()) << "is one request";
  clock_.Advance(2 * kServersRemembered);
  ASSERT_TRUE(List()) << "asks anew";
  EXPECT_EQ(clients_.size(), 2U);
  EXPECT_EQ(refs_.Remembered(), 2U);
  EXPECT_TRUE(exchanges_->answers.empty());
}

TEST_F(HttpRefsTest, ConnectionsAreSharedByOriginAndAuthorities) {
  exchanges_->answers = {Advertisement(), Refs(), Refs(), Refs(), Refs()};
  ASSERT_TRUE(List());
  access_.authorization = SecretText("Bearer x");
  ASSERT_TRUE(List());
  access_.ca_pem = "CA";
  ASSERT_TRUE(List());
  ASSERT_TRUE(List());
  EXPECT_THAT(clients_, ::testing::ElementsAre("https://git.example ", "https://git.example CA"));
}

}  // namespace
}  // namespace committest::observer
