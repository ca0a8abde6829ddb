#include "common/kube/api_client.h"

#include <stdexcept>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "common/base/metrics.h"
#include "tests/support/fake_http_client.h"
#include "tests/support/manual_clock.h"
#include "tests/support/temporary_folder.h"

namespace committest::kube {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

const ResourceType kJobs{"batch", "v1", "jobs", "Job", true};
const ObjectKey kKey{"ns", "j"};
constexpr char kUid[] = "u-1";

http::Response Answer(int status, const json& body) { return {status, {}, body.dump()}; }

http::Response StatusAnswer(int status, const std::string& reason) {
  return Answer(status, {{"kind", "Status"}, {"reason", reason}, {"message", "words"}});
}

tl::unexpected<Error> Lost(ErrorCode code, std::string reason = {}) {
  return Fail(code, "connection", std::move(reason));
}

json Job(const std::string& uid = kUid) {
  return {{"metadata", {{"namespace", "ns"}, {"name", "j"}, {"uid", uid}}}};
}

class ApiClientTest : public ::testing::Test {
 protected:
  ApiClientTest() {
    config_.token.inline_text = "t-1";
    Connect();
  }

  void Connect(ApiClientOptions options = {}) {
    ApiClient::Transport transport;
    transport.unary = std::make_unique<testing::FakeHttpClient>(unary_);
    transport.watch = std::make_unique<testing::FakeHttpClient>(watch_);
    client_ = std::make_unique<ApiClient>(std::move(transport), config_, std::move(options), clock_,
                                          CountIn(metrics_));
  }

  ErrorCode CodeOfCreate(Result<http::Response> answer) {
    unary_->answers = {std::move(answer)};
    const auto created = client_->Create(kJobs, Job());
    EXPECT_FALSE(created);
    return created ? ErrorCode::kInternal : created.error().code;
  }

  Status Watch(Result<http::Response> answer, const ByteSink& sink) {
    watch_->answers = {std::move(answer)};
    return client_->Watch(kJobs, {"ns", "", ""}, "7", 290s, sink, {});
  }

  ManualClock clock_;
  Metrics metrics_;
  ClusterConfig config_;
  const std::shared_ptr<testing::HttpExchanges> unary_ = std::make_shared<testing::HttpExchanges>();
  const std::shared_ptr<testing::HttpExchanges> watch_ = std::make_shared<testing::HttpExchanges>();
  std::unique_ptr<ApiClient> client_;
};

TEST_F(ApiClientTest, SendsTokenAndBasePath) {
  config_.base_path = "/base";
  Connect();
  unary_->answers = {Answer(200, Job())};
  EXPECT_EQ(client_->Get(kJobs, kKey), Job());
  const http::Request& request = unary_->requests.at(0);
  EXPECT_EQ(request.target, "/base/apis/batch/v1/namespaces/ns/jobs/j");
  EXPECT_EQ(request.headers.at("authorization"), "Bearer t-1");
  EXPECT_EQ(request.headers.at("accept"), "application/json");
  EXPECT_EQ(unary_->limits.at(0).total, 15s);
}

TEST_F(ApiClientTest, SendsNoAuthorizationWithoutAToken) {
  config_.token = {};
  Connect();
  unary_->answers = {Answer(200, Job())};
  ASSERT_TRUE(client_->Get(kJobs, kKey));
  EXPECT_FALSE(unary_->requests.at(0).headers.contains("authorization"));
}

TEST_F(ApiClientTest, ReadsTheTokenAgainAndTriesOnceMoreAfter401) {
  const testing::TemporaryFolder folder;
  config_.token = {.inline_text = "", .file = folder.path() / "token"};
  testing::WriteTestFile(config_.token.file, "old");
  Connect();
  unary_->answers = {Answer(200, Job()), StatusAnswer(401, "Unauthorized"), Answer(200, Job())};
  ASSERT_TRUE(client_->Get(kJobs, kKey));
  testing::WriteTestFile(config_.token.file, "new");
  EXPECT_TRUE(client_->Get(kJobs, kKey));
  EXPECT_EQ(unary_->requests.at(1).headers.at("authorization"), "Bearer old");
  EXPECT_EQ(unary_->requests.at(2).headers.at("authorization"), "Bearer new");
}

TEST_F(ApiClientTest, GivesUpAfterTheSecond401) {
  const testing::TemporaryFolder folder;
  config_.token = {.inline_text = "", .file = folder.path() / "token"};
  testing::WriteTestFile(config_.token.file, "old");
  Connect();
  unary_->answers = {StatusAnswer(401, "Unauthorized"), StatusAnswer(401, "Unauthorized")};
  EXPECT_EQ(client_->Get(kJobs, kKey).error().code, ErrorCode::kUnauthenticated);
  EXPECT_THAT(unary_->requests, SizeIs(2));
}

TEST_F(ApiClientTest, DoesNotRepeatA401OfATokenThatCannotChange) {
  unary_->answers = {StatusAnswer(401, "Unauthorized")};
  EXPECT_EQ(client_->Get(kJobs, kKey).error().code, ErrorCode::kUnauthenticated);
  EXPECT_THAT(unary_->requests, SizeIs(1));
}

TEST_F(ApiClientTest, LostAnswerOfAWriteIsAnUnknownOutcome) {
  EXPECT_EQ(CodeOfCreate(Lost(ErrorCode::kUnavailable)), ErrorCode::kUnknownOutcome);
  EXPECT_EQ(CodeOfCreate(Lost(ErrorCode::kDeadlineExceeded)), ErrorCode::kUnknownOutcome);
  EXPECT_EQ(CodeOfCreate(Lost(ErrorCode::kCancelled)), ErrorCode::kUnknownOutcome);
  EXPECT_EQ(CodeOfCreate(Lost(ErrorCode::kResourceExhausted)), ErrorCode::kUnknownOutcome);
  EXPECT_EQ(CodeOfCreate(http::Response{201, {}, "not JSON"}), ErrorCode::kUnknownOutcome);
}

TEST_F(ApiClientTest, WriteThatWasNotSentKeepsItsError) {
  EXPECT_EQ(CodeOfCreate(Lost(ErrorCode::kUnavailable, http::kNotSent)), ErrorCode::kUnavailable);
  EXPECT_EQ(CodeOfCreate(Lost(ErrorCode::kCancelled, http::kNotSent)), ErrorCode::kCancelled);
}

TEST_F(ApiClientTest, LostAnswerOfAReadKeepsItsError) {
  unary_->answers = {Lost(ErrorCode::kDeadlineExceeded), http::Response{200, {}, "[]"}};
  EXPECT_EQ(client_->Get(kJobs, kKey).error().code, ErrorCode::kDeadlineExceeded);
  EXPECT_EQ(client_->Get(kJobs, kKey).error().code, ErrorCode::kDataLoss);
}

TEST_F(ApiClientTest, ErrorsSayWhatWasAsked) {
  unary_->answers = {StatusAnswer(404, "NotFound")};
  EXPECT_EQ(client_->Get(kJobs, kKey).error().message,
            "GET /apis/batch/v1/namespaces/ns/jobs/j: words");
}

TEST_F(ApiClientTest, NothingIsRepeatedBut401) {
  for (const int status : {409, 429, 500, 503}) {
    SCOPED_TRACE(status);
    unary_->requests.clear();
    unary_->answers = {StatusAnswer(status, "Reason")};
    EXPECT_FALSE(client_->Create(kJobs, Job()));
    EXPECT_THAT(unary_->requests, SizeIs(1));
  }
}

TEST_F(ApiClientTest, OnlyWritesCarryThePermit) {
  ApiClientOptions options;
  options.write_permit = [] { return Fail(ErrorCode::kCancelled, "not the leader"); };
  Connect(options);
  unary_->answers = {Answer(200, Job()), Answer(201, Job())};
  ASSERT_TRUE(client_->Get(kJobs, kKey));
  ASSERT_TRUE(client_->Create(kJobs, Job()));
  EXPECT_FALSE(unary_->limits.at(0).permit);
  ASSERT_TRUE(unary_->limits.at(1).permit);
  EXPECT_EQ(unary_->limits.at(1).permit().error().message, "not the leader");
}

TEST_F(ApiClientTest, DeleteOfWhatIsGoneIsSuccess) {
  unary_->answers = {StatusAnswer(404, "NotFound")};
  EXPECT_TRUE(client_->Delete(kJobs, kKey, kUid));
}

TEST_F(ApiClientTest, DeleteOfWhatWasReplacedIsSuccess) {
  unary_->answers = {StatusAnswer(409, "Conflict"), Answer(200, Job("u-2"))};
  EXPECT_TRUE(client_->Delete(kJobs, kKey, kUid));
  unary_->answers = {StatusAnswer(409, "Conflict"), StatusAnswer(404, "NotFound")};
  EXPECT_TRUE(client_->Delete(kJobs, kKey, kUid));
}

TEST_F(ApiClientTest, DeleteThatConflictsForAnotherReasonIsNoSuccess) {
  unary_->answers = {StatusAnswer(409, "Conflict"), Answer(200, Job(kUid))};
  EXPECT_EQ(client_->Delete(kJobs, kKey, kUid).error().code, ErrorCode::kConflict);
  unary_->answers = {StatusAnswer(409, "Conflict"), Lost(ErrorCode::kUnavailable)};
  EXPECT_EQ(client_->Delete(kJobs, kKey, kUid).error().code, ErrorCode::kConflict);
}

TEST_F(ApiClientTest, ListProjectsThePage) {
  unary_->answers = {
      Answer(200, {{"metadata", {{"resourceVersion", "5"}, {"continue", "c"}}},
                   {"items", {{{"a", 1}, {"metadata", {{"managedFields", "m"}}}}}}})};
  std::vector<json> items;
  const auto page = client_->List(kJobs, {"ns", "", ""}, 10, "", {"metadata.managedFields"},
                                  [&](json&& item) { items.push_back(std::move(item)); });
  ASSERT_TRUE(page) << page.error().message;
  EXPECT_EQ(page->resource_version, "5");
  EXPECT_EQ(page->continue_token, "c");
  EXPECT_EQ(json(items), json::parse(R"([{"a":1,"metadata":{}}])"));
}

TEST_F(ApiClientTest, ListWithAnExpiredTokenIsGone) {
  unary_->answers = {StatusAnswer(410, "Expired")};
  const auto page = client_->List(kJobs, {"ns", "", ""}, 10, "old", {}, [](json&&) {});
  EXPECT_EQ(page.error().code, ErrorCode::kGone);
}

TEST_F(ApiClientTest, ExceptionOfAListSinkIsAnError) {
  unary_->answers = {Answer(200, {{"metadata", json::object()}, {"items", {json::object()}}})};
  const auto page = client_->List(kJobs, {"ns", "", ""}, 10, "", {},
                                  [](json&&) { throw std::runtime_error("boom"); });
  EXPECT_EQ(page.error().code, ErrorCode::kInternal);
}

TEST_F(ApiClientTest, WatchIsBoundedBySilenceOnly) {
  EXPECT_TRUE(Watch(http::Response{200, {}, ""}, [](std::string_view) { return Status(); }));
  EXPECT_EQ(watch_->limits.at(0).total, 0ms);
  EXPECT_EQ(watch_->limits.at(0).idle, 305s);
  EXPECT_EQ(watch_->limits.at(0).body_bytes, 0U);
  EXPECT_THAT(watch_->requests.at(0).target, HasSubstr("timeoutSeconds=290"));
  EXPECT_THAT(unary_->requests, IsEmpty());
}

TEST_F(ApiClientTest, WatchFeedsTheBytesAsTheyAre) {
  std::string seen;
  EXPECT_TRUE(Watch(http::Response{200, {}, "{\"half a l"}, [&](std::string_view bytes) {
    seen.append(bytes);
    return Status();
  }));
  EXPECT_EQ(seen, "{\"half a l");
}

TEST_F(ApiClientTest, RefusedWatchIsTheServersErrorAndReachesNoSink) {
  const auto sink = [](std::string_view) -> Status {
    ADD_FAILURE() << "the answer is no event";
    return {};
  };
  EXPECT_EQ(Watch(StatusAnswer(410, "Expired"), sink).error().code, ErrorCode::kGone);
  EXPECT_EQ(Watch(StatusAnswer(403, "Forbidden"), sink).error().code, ErrorCode::kPermissionDenied);
  http::Response busy = StatusAnswer(429, "TooManyRequests");
  busy.headers["retry-after"] = "2";
  const Status refused = Watch(busy, sink);
  EXPECT_EQ(refused.error().code, ErrorCode::kResourceExhausted);
  EXPECT_EQ(refused.error().retry_after, 2s);
}

TEST_F(ApiClientTest, CutWatchKeepsItsError) {
  const auto sink = [](std::string_view) { return Status(); };
  EXPECT_EQ(Watch(Lost(ErrorCode::kUnavailable), sink).error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(Watch(Lost(ErrorCode::kDeadlineExceeded), sink).error().code,
            ErrorCode::kDeadlineExceeded);
}

TEST_F(ApiClientTest, ExceptionOfAWatchSinkIsAnError) {
  const Status ended = Watch(http::Response{200, {}, "x"},
                             [](std::string_view) -> Status { throw std::runtime_error("boom"); });
  EXPECT_EQ(ended.error().code, ErrorCode::kInternal);
}

TEST_F(ApiClientTest, CountsAnswersByVerbKindAndCode) {
  unary_->answers = {Answer(200, Job()), StatusAnswer(409, "AlreadyExists"),
                     Lost(ErrorCode::kUnavailable)};
  ASSERT_TRUE(client_->Get(kJobs, kKey));
  ASSERT_FALSE(client_->Create(kJobs, Job()));
  ASSERT_FALSE(client_->Create(kJobs, Job()));
  const std::string text = metrics_.Expose();
  for (const char* series :
       {R"({code="200",kind="Job",verb="get"} 1)", R"({code="409",kind="Job",verb="create"} 1)",
        R"({code="UnknownOutcome",kind="Job",verb="create"} 1)"}) {
    EXPECT_THAT(text, HasSubstr(std::string("committest_api_requests_total") + series));
  }
}

TEST_F(ApiClientTest, UnreadableTokenIsNotSent) {
  config_.token = {.inline_text = "", .file = "/absent/token"};
  Connect();
  const auto created = client_->Create(kJobs, Job());
  EXPECT_EQ(created.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(created.error().message, HasSubstr("/absent/token"));
  EXPECT_THAT(unary_->requests, IsEmpty());
}

}  // namespace
}  // namespace committest::kube
