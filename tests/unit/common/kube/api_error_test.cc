#include "common/kube/api_error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace committest::kube {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

std::string StatusBody(const std::string& reason, const std::string& message,
                       const json& details = json::object()) {
  const json status = {{"kind", "Status"}, {"apiVersion", "v1"}, {"status", "Failure"},
                       {"reason", reason}, {"message", message}, {"details", details}};
  return status.dump();
}

TEST(ErrorFromAnswer, CodesEveryStatusAsDocumented) {
  struct Row {
    int status;
    const char* reason;
    ErrorCode code;
  };
  const std::vector<Row> rows{{400, "BadRequest", ErrorCode::kInvalidArgument},
                              {401, "Unauthorized", ErrorCode::kUnauthenticated},
                              {403, "Forbidden", ErrorCode::kPermissionDenied},
                              {404, "NotFound", ErrorCode::kNotFound},
                              {405, "MethodNotAllowed", ErrorCode::kInvalidArgument},
                              {409, "AlreadyExists", ErrorCode::kAlreadyExists},
                              {409, "Conflict", ErrorCode::kConflict},
                              {409, "", ErrorCode::kConflict},
                              {410, "Expired", ErrorCode::kGone},
                              {410, "Gone", ErrorCode::kGone},
                              {413, "RequestEntityTooLarge", ErrorCode::kResourceExhausted},
                              {415, "UnsupportedMediaType", ErrorCode::kInvalidArgument},
                              {422, "Invalid", ErrorCode::kInvalidArgument},
                              {429, "TooManyRequests", ErrorCode::kResourceExhausted},
                              {500, "InternalError", ErrorCode::kUnavailable},
                              {503, "ServiceUnavailable", ErrorCode::kUnavailable},
                              {504, "Timeout", ErrorCode::kUnavailable},
                              {302, "", ErrorCode::kDataLoss},
                              {0, "", ErrorCode::kDataLoss}};
  for (const Row& row : rows) {
    SCOPED_TRACE(std::to_string(row.status) + " " + row.reason);
    const Error error = ErrorFromAnswer(row.status, {}, StatusBody(row.reason, "words"));
    EXPECT_EQ(error.code, row.code);
    EXPECT_EQ(error.reason, row.reason);
    EXPECT_EQ(error.message, "words");
    EXPECT_FALSE(error.retry_after);
  }
}

TEST(ErrorFromAnswer, HidesWhatOnlyACleanLineShowsToBeSecret) {
  const Error error =
      ErrorFromAnswer(500, {}, StatusBody("InternalError", "Get https:/\x01/me:pw@host failed"));
  EXPECT_EQ(error.message, "Get https://***@host failed");
}

TEST(ErrorFromAnswer, TakesBodiesThatAreNoStatusFromNobody) {
  for (const char* body :
       {"", "<html>proxy says no</html>", "[]", "null", "{\"kind\":\"Pod\",\"message\":\"x\"}",
        "{\"kind\":\"Status\",\"message\":7,\"reason\":[]}",
        "{\"kind\":\"Status\",\"message\":\" \\n\"}", "{\"kind\":\"Status\""}) {
    SCOPED_TRACE(body);
    const Error error = ErrorFromAnswer(409, {}, body);
    EXPECT_EQ(error.code, ErrorCode::kConflict);
    EXPECT_EQ(error.message, "the server answered 409");
    EXPECT_EQ(error.reason, "");
  }
}

TEST(ErrorFromAnswer, SeesATerminatingNamespaceInTheCauses) {
  const json details = {
      {"causes", {{{"reason", "NamespaceTerminating"}, {"field", "metadata.namespace"}}}}};
  const Error error =
      ErrorFromAnswer(403, {}, StatusBody("Forbidden", "namespace x is being terminated", details));
  EXPECT_EQ(error.code, ErrorCode::kPermissionDenied);
  EXPECT_EQ(error.reason, "NamespaceTerminating");
}

TEST(ErrorFromAnswer, NamesTheFieldsThatTheMessageLeavesOut) {
  const json details = {
      {"causes",
       {{{"reason", "FieldValueInvalid"}, {"field", "spec.a"}, {"message", "must be positive"}},
        {{"reason", "FieldValueRequired"}, {"field", "spec.b"}, {"message", "is required"}}}}};
  const Error error =
      ErrorFromAnswer(422, {}, StatusBody("Invalid", "spec.a: must be positive", details));
  EXPECT_EQ(error.message, "spec.a: must be positive; spec.b: is required");
}

TEST(ErrorFromAnswer, TakesTheWaitFromHeaderOrDetails) {
  const std::string with_details =
      StatusBody("TooManyRequests", "slow down", {{"retryAfterSeconds", 3}});
  const std::string without = StatusBody("TooManyRequests", "slow down");
  EXPECT_EQ(ErrorFromAnswer(429, {{"retry-after", "7"}}, with_details).retry_after, 7s);
  EXPECT_EQ(ErrorFromAnswer(429, {}, with_details).retry_after, 3s);
  EXPECT_EQ(ErrorFromAnswer(503, {{"retry-after", " 1 "}}, "").retry_after, 1s);
  EXPECT_EQ(ErrorFromAnswer(429, {{"retry-after", "99999"}}, without).retry_after, 300s);
  for (const char* text :
       {"", "0", "-5", "soon", "1.5", "99999999999999999999", "Wed, 21 Oct 2026 07:28:00 GMT"}) {
    SCOPED_TRACE(text);
    EXPECT_FALSE(ErrorFromAnswer(429, {{"retry-after", text}}, without).retry_after);
  }
}

TEST(ErrorFromAnswer, MakesTheMessageFitToBeShown) {
  const std::string hostile =
      "line\none \x1b[31mred https://u:hunter2@host/ " + std::string(5000, 'x') + "\xff";
  const json status = {{"kind", "Status"}, {"message", hostile}};
  const Error error =
      ErrorFromAnswer(400, {}, status.dump(-1, ' ', false, json::error_handler_t::replace));
  EXPECT_LE(error.message.size(), 1024U);
  EXPECT_THAT(error.message, AllOf(Not(HasSubstr("\n")), Not(HasSubstr("\x1b")),
                                   Not(HasSubstr("hunter2")), HasSubstr("line one red")));
}

TEST(ErrorFromAnswer, RefusesReasonsThatAreNoWord) {
  EXPECT_EQ(ErrorFromAnswer(400, {}, StatusBody("two words", "x")).reason, "");
  EXPECT_EQ(ErrorFromAnswer(400, {}, StatusBody(std::string(65, 'A'), "x")).reason, "");
}

TEST(ErrorFromAnswer, DoesNotParseBodiesBeyondAnyStatus) {
  const Error error =
      ErrorFromAnswer(500, {}, StatusBody("InternalError", std::string(300'000, 'x')));
  EXPECT_EQ(error.message, "the server answered 500");
}

}  // namespace
}  // namespace committest::kube
