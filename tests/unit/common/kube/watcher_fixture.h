#pragma once

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "common/kube/json_reader.h"
#include "common/kube/watcher.h"
#include "tests/support/manual_clock.h"
#include "tests/support/scripted_api.h"

namespace committest::kube {

struct Thing {
  ObjectMeta meta;

  bool operator==(const Thing&) const = default;
};

inline Thing ParseThing(const nlohmann::json& object) {
  if (BoolAt(object, "poison")) throw std::runtime_error("poisoned");
  return {ParseObjectMeta(object).value()};
}

inline ListAnswer OnePage(std::vector<nlohmann::json> items, const std::string& version) {
  return {std::move(items), ListPage{version, ""}};
}

inline ListAnswer FirstPage(std::vector<nlohmann::json> items, const std::string& version) {
  return {std::move(items), ListPage{version, "next"}};
}

inline ListAnswer FailedList(ErrorCode code) { return {{}, Fail(code, "scripted")}; }

inline WatchAnswer Stream(std::vector<std::string> chunks) { return {std::move(chunks), {}}; }

inline WatchAnswer FailedWatch(Error error,
                               std::chrono::milliseconds lived = std::chrono::milliseconds(5)) {
  return {{}, Fail(std::move(error)), lived};
}

inline WatchAnswer FailedWatch(ErrorCode code) {
  return FailedWatch(Error{code, "scripted", "", {}});
}

inline nlohmann::json WithUid(nlohmann::json object, const std::string& uid) {
  object["metadata"]["uid"] = uid;
  return object;
}

using Words = std::vector<std::string>;

/// A watcher on a scripted API, stepped by hand, and what its store told its handlers.
class WatcherTest : public ::testing::Test {
 protected:
  WatcherTest() {
    store_.AddHandler([this](const auto& before, const auto& after) {
      if (!after) {
        heard_.push_back("-" + before->meta.name);
      } else {
        heard_.push_back((before ? "~" : "+") + after->meta.name + "@" +
                         after->meta.resource_version);
      }
    });
    Reset();
  }

  void Reset() {
    watcher_ = std::make_unique<Watcher<Thing>>(options_, api_, api_, store_, ParseThing, clock_,
                                                *random_, metrics_);
  }

  // Steps until nothing is scripted any more; the waits that the steps asked for, in std::chrono::milliseconds.
  std::vector<long> StepAll() {
    std::vector<long> waits;
    while (!api_.Exhausted()) {
      const std::chrono::milliseconds wait = watcher_->Step();
      waits.push_back(wait.count());
      clock_.Advance(wait);
    }
    return waits;
  }

  Words Held() const {
    Words words;
    for (const auto& thing : store_.List()) {
      words.push_back(thing->meta.name + "@" + thing->meta.resource_version);
    }
    return words;
  }

  Words Heard() { return std::exchange(heard_, {}); }

  Words WatchedFrom() const {
    Words versions;
    for (const auto& call : api_.WatchCalls()) versions.push_back(call.resource_version);
    return versions;
  }

  bool HasMetric(const std::string& line) const {
    return metrics_.Expose().find(line + "\n") != std::string::npos;
  }

  ManualClock clock_;
  std::unique_ptr<Random> random_ = MakeSeededRandom(11);
  Metrics metrics_;
  ScriptedApi api_{clock_};
  Store<Thing> store_;
  // Without jitter the waits are exact; jitter is the business of BackoffDelay's own tests.
  WatcherOptions options_{
      .name = "things",
      .type = {.group = "", .version = "v1", .plural = "things", .kind = "Thing"},
      .backoff = {std::chrono::milliseconds(800), std::chrono::milliseconds(30'000), 0.0}};
  Words heard_;
  std::unique_ptr<Watcher<Thing>> watcher_;
};

}  // namespace committest::kube
