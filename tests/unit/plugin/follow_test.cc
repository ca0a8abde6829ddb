#include "plugin/follow.h"

#include <deque>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/support/manual_clock.h"

namespace committest::plugin {
namespace {

using nlohmann::json;
using testing::ElementsAre;

json Object(const std::string& name, const std::string& version) {
  return {{"metadata", {{"name", name}, {"resourceVersion", version}}}};
}

std::string Event(const char* type, const json& object) {
  return json({{"type", type}, {"object", object}}).dump() + "\n";
}

// Answers lists and watches from two scripts.
class Script final : public kube::Lister, public kube::Watchable {
 public:
  struct Stream {
    std::string bytes;
    Status end;
  };

  Result<kube::ListPage> List(const kube::ResourceType&, const kube::Selection&, int,
                              const std::string&, const std::vector<std::string>&,
                              const kube::ObjectSink& sink) override {
    calls.emplace_back("list");
    auto answer = lists.front();
    lists.pop_front();
    if (!answer) return Fail(answer.error());
    for (json object : *answer) sink(std::move(object));
    return kube::ListPage{"100", ""};
  }

  Status Watch(const kube::ResourceType&, const kube::Selection&, const std::string& version,
               std::chrono::seconds, const kube::ByteSink& sink, std::stop_token) override {
    calls.push_back("watch " + version);
    const Stream stream = streams.front();
    streams.pop_front();
    if (Status taken = sink(stream.bytes); !taken) return taken;
    return stream.end;
  }

  std::deque<Result<std::vector<json>>> lists;
  std::deque<Stream> streams;
  std::vector<std::string> calls;
};

class FollowTest : public testing::Test {
 protected:
  Status Run(const std::string& until) {
    const FollowSink sink{
        .on_object =
            [&](const json& object) {
              seen_.push_back(object["metadata"]["resourceVersion"]);
              return seen_.back() != until;
            },
        .on_deleted =
            [&](const json& object) {
              seen_.push_back("-" + object["metadata"]["resourceVersion"].get<std::string>());
              return seen_.back() != until;
            },
        .on_listed = [] { return true; },
        .on_trouble = [&](const Error& error) { seen_.push_back(error.message); }};
    return Follow(script_, script_, {"ci", "", ""}, sink, clock_);
  }

  ManualClock clock_;
  Script script_;
  std::vector<std::string> seen_;
};

TEST_F(FollowTest, ListsThenWatchesAndResumesWhereAStreamEnded) {
  script_.lists = {std::vector<json>{Object("a", "7")}};
  script_.streams = {{Event("MODIFIED", Object("a", "101")), {}},
                     {Event("BOOKMARK", Object("", "150")), {}},
                     {Event("DELETED", Object("a", "151")), {}}};
  EXPECT_TRUE(Run("-151"));
  EXPECT_THAT(seen_, ElementsAre("7", "101", "-151"));
  EXPECT_THAT(script_.calls, ElementsAre("list", "watch 100", "watch 101", "watch 150"));
}

TEST_F(FollowTest, ListsAgainWhenHistoryOrTheConnectionIsLost) {
  script_.lists = {std::vector<json>{}, std::vector<json>{},
                   Fail(ErrorCode::kUnavailable, "refused"), std::vector<json>{Object("a", "9")}};
  script_.streams = {{"", Fail(ErrorCode::kGone, "too old")},
                     {"", Fail(ErrorCode::kUnavailable, "cut")}};
  EXPECT_TRUE(Run("9"));
  EXPECT_THAT(seen_, ElementsAre("cut", "refused", "9"));
}

TEST_F(FollowTest, HandsTheFirstErrorBackAndThoseThatCannotPass) {
  script_.lists = {Fail(ErrorCode::kUnavailable, "refused")};
  EXPECT_EQ(Run("").error().message, "refused");
  script_.lists = {std::vector<json>{}};
  script_.streams = {{"", Fail(ErrorCode::kPermissionDenied, "no longer")}};
  EXPECT_EQ(Run("").error().message, "no longer");
}

TEST_F(FollowTest, GivesUpAfterFiveMinutesWithoutAServer) {
  script_.lists = {std::vector<json>{}};
  script_.streams = {{"", Fail(ErrorCode::kUnavailable, "cut")}};
  for (int i = 0; i < 400; ++i)
    script_.lists.emplace_back(Fail(ErrorCode::kUnavailable, "refused"));
  EXPECT_EQ(Run("").error().message, "refused");
  EXPECT_GT(script_.lists.size(), 50U);
  EXPECT_LT(script_.lists.size(), 150U);
}

}  // namespace
}  // namespace committest::plugin
