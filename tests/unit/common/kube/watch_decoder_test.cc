#include "common/kube/watch_decoder.h"

#include <rapidcheck.h>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <rapidcheck/gtest.h>

#include "tests/support/scripted_api.h"

namespace committest::kube {
namespace {

using nlohmann::json;

struct Event {
  WatchEventType type;
  json object;

  bool operator==(const Event&) const = default;
};

// Decodes pieces and keeps what came out.
class Decoded {
 public:
  explicit Decoded(std::size_t max_line = WatchDecoder::kMaxLineBytes)
      : decoder_(
            {"metadata.managedFields", "status.huge"},
            [this](WatchEventType type, json&& object) -> Status {
              events.push_back({type, std::move(object)});
              return sink_answer;
            },
            max_line) {}

  Status Feed(std::string_view bytes) { return decoder_.Feed(bytes); }
  std::size_t Pending() const { return decoder_.Pending(); }
  std::string Reason(std::string_view bytes) {
    const Status status = Feed(bytes);
    return status ? "no error" : status.error().reason;
  }

  std::vector<Event> events;
  Status sink_answer;

 private:
  WatchDecoder decoder_;
};

const std::string kStream = WatchLine("ADDED", TestObject("ünï", "11")) +
                            WatchLine("MODIFIED", TestObject("b", "12")) + "\r\n\n" +
                            BookmarkLine("15") + WatchLine("DELETED", TestObject("b", "16"));

std::vector<Event> EventsOfStream() {
  return {
      {WatchEventType::kAdded, TestObject("ünï", "11")},
      {WatchEventType::kModified, TestObject("b", "12")},
      {WatchEventType::kBookmark, {{"kind", "Thing"}, {"metadata", {{"resourceVersion", "15"}}}}},
      {WatchEventType::kDeleted, TestObject("b", "16")}};
}

TEST(WatchDecoder, DecodesAWholeStreamAtOnce) {
  Decoded decoded;
  EXPECT_TRUE(decoded.Feed(kStream));
  EXPECT_EQ(decoded.events, EventsOfStream());
}

TEST(WatchDecoder, DecodesAStreamThatIsCutAtAnyByte) {
  for (std::size_t cut = 0; cut <= kStream.size(); ++cut) {
    SCOPED_TRACE(cut);
    Decoded decoded;
    EXPECT_TRUE(decoded.Feed(kStream.substr(0, cut)));
    EXPECT_TRUE(decoded.Feed(kStream.substr(cut)));
    EXPECT_EQ(decoded.events, EventsOfStream());
    EXPECT_EQ(decoded.Pending(), 0U);
  }
}

TEST(WatchDecoder, DecodesAStreamThatArrivesByteByByte) {
  Decoded decoded;
  for (const char byte : kStream) ASSERT_TRUE(decoded.Feed({&byte, 1}));
  EXPECT_EQ(decoded.events, EventsOfStream());
}

RC_GTEST_PROP(WatchDecoderProperty, DoesNotCareHowTheStreamIsCut, ()) {
  Decoded decoded;
  std::string_view rest = kStream;
  while (!rest.empty()) {
    const auto size = *rc::gen::inRange<std::size_t>(1, rest.size() + 1);
    RC_ASSERT(decoded.Feed(rest.substr(0, size)).has_value());
    rest.remove_prefix(size);
  }
  RC_ASSERT(decoded.events == EventsOfStream());
}

RC_GTEST_PROP(WatchDecoderProperty, NeverThrowsWhateverTheBytes, (const std::string& bytes)) {
  Decoded decoded;
  const Status status = decoded.Feed(bytes + "\n");
  RC_ASSERT(decoded.events.empty());
  RC_ASSERT(status.has_value() || status.error().code == ErrorCode::kDataLoss);
}

TEST(WatchDecoder, DoesNotHandOutALastLineWithoutItsEnd) {
  Decoded decoded;
  std::string line = WatchLine("ADDED", TestObject("a", "1"));
  line.pop_back();
  EXPECT_TRUE(decoded.Feed(line));
  EXPECT_TRUE(decoded.events.empty());
  EXPECT_EQ(decoded.Pending(), line.size());
}

TEST(WatchDecoder, DropsTheNamedMembersOnly) {
  json object = TestObject("a", "1");
  object["metadata"]["managedFields"] = json::array({1, 2, 3});
  object["status"] = {{"huge", "x"}, {"small", "y"}};
  Decoded decoded;
  EXPECT_TRUE(decoded.Feed(WatchLine("ADDED", object)));
  json expected = TestObject("a", "1");
  expected["status"] = {{"small", "y"}};
  ASSERT_EQ(decoded.events.size(), 1U);
  EXPECT_EQ(decoded.events.front().object, expected);
}

TEST(WatchDecoder, LeavesObjectsAloneWhoseMembersAreNotWhatTheDroppedPathExpects) {
  json object = TestObject("a", "1");
  object["status"] = "a string";
  Decoded decoded;
  EXPECT_TRUE(decoded.Feed(WatchLine("ADDED", object)));
  ASSERT_EQ(decoded.events.size(), 1U);
  EXPECT_EQ(decoded.events.front().object, object);
}

TEST(WatchDecoder, TakesALineOfExactlyTheMaximum) {
  const std::string line = WatchLine("ADDED", TestObject("a", "1"));
  Decoded decoded(line.size() - 1);
  EXPECT_TRUE(decoded.Feed(line));
  EXPECT_EQ(decoded.events.size(), 1U);
}

TEST(WatchDecoder, RefusesALineThatIsOneByteTooLong) {
  const std::string line = WatchLine("ADDED", TestObject("a", "1"));
  Decoded decoded(line.size() - 2);
  EXPECT_EQ(decoded.Reason(line), "LineTooLong");
  EXPECT_TRUE(decoded.events.empty());
}

TEST(WatchDecoder, RefusesAnEndlessLineWithoutHoldingMoreThanTheMaximum) {
  Decoded decoded;
  const std::string megabyte(std::size_t{1024} * 1024, 'x');
  for (int i = 0; i < 8; ++i) ASSERT_TRUE(decoded.Feed(megabyte));
  EXPECT_EQ(decoded.Pending(), WatchDecoder::kMaxLineBytes);
  EXPECT_EQ(decoded.Reason("x"), "LineTooLong");
  EXPECT_EQ(decoded.Pending(), 0U);
}

TEST(WatchDecoder, TakesAnObjectOfEightMegabytes) {
  json object = TestObject("a", "1");
  object["data"] = std::string(WatchDecoder::kMaxLineBytes - 1024, 'x');
  Decoded decoded;
  EXPECT_TRUE(decoded.Feed(WatchLine("ADDED", object)));
  EXPECT_EQ(decoded.events.size(), 1U);
}

TEST(WatchDecoder, CallsWhatIsNoEventInvalid) {
  for (const char* line :
       {"{\"type\":\"ADDED\"", "nonsense", "[]", "null", "\"text\"", "{}", "{\"type\":\"ADDED\"}",
        "{\"type\":\"ADDED\",\"object\":null}", "{\"type\":\"ADDED\",\"object\":[]}",
        "{\"object\":{}}", "{\"type\":7,\"object\":{}}", "{\"type\":\"\",\"object\":{}}",
        "{\"type\":\"ADDED\",\"object\":{}} trailing",
        "{\"type\":\"ADDED\",\"object\":{\"a\":NaN}}"}) {
    SCOPED_TRACE(line);
    Decoded decoded;
    EXPECT_EQ(decoded.Reason(std::string(line) + "\n"), "InvalidJson");
    EXPECT_TRUE(decoded.events.empty());
  }
}

TEST(WatchDecoder, CallsInvalidUtf8Invalid) {
  Decoded decoded;
  EXPECT_EQ(decoded.Reason("{\"type\":\"ADDED\",\"object\":{\"a\":\"\xC3\x28\"}}\n"),
            "InvalidJson");
}

TEST(WatchDecoder, NamesTheBadLineInOneShortPrintableLine) {
  Decoded decoded;
  const Status status = decoded.Feed("{\x1b[31m\x01" + std::string(5000, 'x') + "\xff\n");
  ASSERT_FALSE(status);
  EXPECT_LT(status.error().message.size(), 400U);
  EXPECT_EQ(status.error().message.find('\x1b'), std::string::npos);
}

TEST(WatchDecoder, ToleratesAByteOrderMarkInFrontOfADocument) {
  Decoded decoded;
  EXPECT_TRUE(decoded.Feed("\xEF\xBB\xBF" + WatchLine("ADDED", TestObject("a", "1"))));
  EXPECT_EQ(decoded.events.size(), 1U);
}

TEST(WatchDecoder, RefusesHalfAByteOrderMark) {
  Decoded decoded;
  EXPECT_EQ(decoded.Reason("\xEF\xBB" + WatchLine("ADDED", TestObject("a", "1"))), "InvalidJson");
}

TEST(WatchDecoder, EndsTheStreamAtAnUnknownEvent) {
  Decoded decoded;
  EXPECT_EQ(decoded.Reason(WatchLine("RENAMED", TestObject("a", "1"))), "UnknownEvent");
}

TEST(WatchDecoder, SurvivesNestingOfAnyDepth) {
  Decoded decoded;
  const std::string deep(1'000'000, '[');
  EXPECT_EQ(decoded.Reason("{\"type\":\"ADDED\",\"object\":" + deep + "\n"), "InvalidJson");
}

struct ErrorCase {
  int code;
  const char* reason;
  ErrorCode expected;
};

TEST(WatchDecoder, TurnsErrorEventsIntoErrors) {
  for (const ErrorCase& row : std::vector<ErrorCase>{
           {410, "Expired", ErrorCode::kGone},
           {410, "Gone", ErrorCode::kGone},
           {0, "Expired", ErrorCode::kGone},
           {429, "TooManyRequests", ErrorCode::kResourceExhausted},
           {500, "InternalError", ErrorCode::kUnavailable},
           {504, "Timeout", ErrorCode::kUnavailable},
           {403, "Forbidden", ErrorCode::kPermissionDenied},
           {401, "Unauthorized", ErrorCode::kUnauthenticated},
           {404, "NotFound", ErrorCode::kNotFound},
           {400, "BadRequest", ErrorCode::kInvalidArgument},
           {0, "", ErrorCode::kUnavailable},
       }) {
    SCOPED_TRACE(std::to_string(row.code) + row.reason);
    Decoded decoded;
    const Status status = decoded.Feed(ErrorLine(row.code, row.reason));
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, row.expected);
    EXPECT_EQ(status.error().reason, row.reason);
  }
}

TEST(WatchDecoder, ReadsHowLongTheServerWantsUsToWait) {
  Decoded decoded;
  json status = {{"kind", "Status"}, {"code", 429}, {"details", {{"retryAfterSeconds", 12}}}};
  const Status outcome = decoded.Feed(WatchLine("ERROR", status));
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().retry_after, std::chrono::seconds(12));
}

TEST(WatchDecoder, HandsOutEventsBeforeTheErrorAndNothingAfterIt) {
  Decoded decoded;
  const std::string added = WatchLine("ADDED", TestObject("a", "1"));
  EXPECT_FALSE(decoded.Feed(added + ErrorLine(410, "Expired") + added));
  EXPECT_EQ(decoded.events.size(), 1U);
  const Status again = decoded.Feed(added);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, ErrorCode::kGone);
  EXPECT_EQ(decoded.events.size(), 1U);
}

TEST(WatchDecoder, EndsWhenTheSinkRefuses) {
  Decoded decoded;
  decoded.sink_answer = Fail(ErrorCode::kCancelled, "enough");
  const Status status = decoded.Feed(kStream);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kCancelled);
  EXPECT_EQ(decoded.events.size(), 1U);
}

}  // namespace
}  // namespace committest::kube
