#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/clock.h"
#include "common/http/network.h"
#include "tests/integration/observer/hosted_repository.h"

// Listing the refs of a real Git server on loopback, and which servers are asked at all.

namespace committest::observer {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Knows every name as loopback.
class LoopbackResolver final : public http::Resolver {
 public:
  Result<std::vector<http::IpAddress>> Resolve(const std::string&, MonotonicTime,
                                               const std::stop_token&) override {
    return std::vector{*http::ParseIpAddress("127.0.0.1")};
  }
};

class HttpListingTest : public HostedRepositoryTest {
 protected:
  using HostedRepositoryTest::HostedRepositoryTest;

  // `List`, which must not fail.
  RemoteRefs Listed(const std::vector<std::string>& patterns = {}) {
    const auto refs = List(patterns);
    EXPECT_TRUE(refs) << refs.error().message;
    return refs ? *refs : RemoteRefs{};
  }
};

TEST_F(HttpListingTest, ListsTheBranchOfHead) {
  const std::string tip = Commit();
  repository_.Git({"branch", "other"});
  const auto refs = Listed();
  EXPECT_EQ(refs.head_ref, kMain);
  EXPECT_THAT(refs.refs, ElementsAre(RemoteRef{kMain, tip}));
}

TEST_F(HttpListingTest, RefusesAddressesThatAreNotAllowedForListsAndFetches) {
  const std::string tip = Commit();
  ObserverSide observer(20s, 60s, Allowing({"127.0.0.2", "private"}));
  const auto refs = observer.ListRefs(Url(), {});
  ASSERT_FALSE(refs);
  EXPECT_EQ(refs.error().reason, "AddressRefused");
  EXPECT_THAT(refs.error().message, HasSubstr("127.0.0.1 has the address 127.0.0.1, a loopback"));
  EXPECT_THAT(refs.error().message, HasSubstr("observer.allowPrivateAddresses"));
  const auto history = observer.History(Url(), {{kMain, "", tip, api::History::kFirstParent, 50}});
  ASSERT_FALSE(history);
  EXPECT_EQ(history.error().reason, "AddressRefused");
  EXPECT_THAT(server_.Requests(), IsEmpty());
}

// The name means nothing to the machine, so git itself can only have gone where it was told to.
TEST_F(HttpListingTest, FetchesFromTheAddressThatWasJudged) {
  const std::string tip = Commit();
  http::NetworkOptions network = Allowing({"127.0.0.1"});
  network.resolver = std::make_shared<LoopbackResolver>();
  ObserverSide observer(20s, 60s, network);
  const std::string url = "http://git.invalid:" + std::to_string(server_.port()) + "/app";
  const auto refs = observer.ListRefs(url, {});
  ASSERT_TRUE(refs) << refs.error().message;
  const auto history = observer.History(url, {{kMain, "", tip, api::History::kFirstParent, 50}});
  ASSERT_TRUE(history) << history.error().message;
  EXPECT_EQ(history->at(0).commits.size(), 1U);
}

TEST_F(HttpListingTest, ListsWhatThePatternsMatch) {
  const std::string tip = Commit();
  repository_.Git({"branch", "release/1"});
  repository_.Git({"branch", "release/1x/2"});
  repository_.Git({"branch", "feature"});
  repository_.Git({"tag", "-a", "-m", "x", "v1"});
  EXPECT_THAT(Listed({"refs/heads/release/*", "refs/tags/*"}).refs,
              ElementsAre(RemoteRef{"refs/heads/release/1", tip}, RemoteRef{"refs/tags/v1", tip}));
}

TEST_F(HttpListingTest, ListsNothingOfAnEmptyRepository) {
  EXPECT_THAT(Listed().refs, IsEmpty());
  EXPECT_THAT(Listed({"refs/heads/*"}).refs, IsEmpty());
}

TEST_F(HttpListingTest, TakesOneRequestForAServerThatItKnows) {
  Commit();
  Listed();
  const auto first = server_.Requests();
  EXPECT_THAT(first, ElementsAre("GET /app/.git/info/refs?service=git-upload-pack version=2",
                                 "POST /app/.git/git-upload-pack version=2"));
  Listed();
  Listed();
  EXPECT_EQ(server_.Requests().size(), first.size() + 2);
  EXPECT_EQ(server_.Requests().back(), "POST /app/.git/git-upload-pack version=2");
}

TEST_F(HttpListingTest, SaysWhyAServerDoesNotAnswer) {
  struct Case {
    const char* status;
    ErrorCode code;
    const char* text;
  };
  for (const Case& c : {Case{"401", ErrorCode::kUnauthenticated, "credentials"},
                        Case{"403", ErrorCode::kPermissionDenied, "refuses access"},
                        Case{"404", ErrorCode::kNotFound, "no such repository"},
                        Case{"429", ErrorCode::kResourceExhausted, "too often"},
                        Case{"503", ErrorCode::kUnavailable, "HTTP 503"}}) {
    server_.Stop();
    server_.Start({"--status", c.status});
    const auto refs = observer_.ListRefs(Url(), {});
    ASSERT_FALSE(refs) << c.status;
    EXPECT_EQ(refs.error().code, c.code) << c.status;
    EXPECT_THAT(refs.error().message, HasSubstr(c.text));
  }
  server_.Stop();
  EXPECT_EQ(observer_.ListRefs(Url(), {}).error().code, ErrorCode::kUnavailable);
}

TEST_F(HttpListingTest, AsksAgainWhatAServerCanDoAfterAnError) {
  const std::string tip = Commit();
  Listed();
  server_.Stop();
  EXPECT_FALSE(observer_.ListRefs(Url(), {}));
  server_.Start({"--deny-sha"});  // The same address, now without protocol v2.
  EXPECT_THAT(Listed().refs, ElementsAre(RemoteRef{kMain, tip}));
}

TEST_F(HttpListingTest, RefusesUrlsThatThePolicyForbids) {
  for (const char* url : {"file:///tmp", "ext::sh -c id", "git@h:x", "-x", "https://u:p@h/x"}) {
    EXPECT_EQ(observer_.ListRefs(url, {}).error().code, ErrorCode::kInvalidArgument) << url;
    EXPECT_EQ(observer_.History(url, {}).error().code, ErrorCode::kInvalidArgument);
  }
}

class OldServerListingTest : public HttpListingTest {
 protected:
  OldServerListingTest() : HttpListingTest(With({"--deny-sha"})) {}
};

TEST_F(OldServerListingTest, ListsByTheOldProtocol) {
  const std::string tip = Commit();
  repository_.Git({"branch", "other"});
  repository_.Git({"tag", "-a", "-m", "x", "v1"});
  EXPECT_THAT(Listed().refs, ElementsAre(RemoteRef{kMain, tip}));
  EXPECT_THAT(Listed({"refs/heads/o*", "refs/tags/*"}).refs,
              ElementsAre(RemoteRef{"refs/heads/other", tip}, RemoteRef{"refs/tags/v1", tip}));
}

}  // namespace
}  // namespace committest::observer
