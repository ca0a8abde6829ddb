#include "common/kube/event_recorder.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "common/kube/json_reader.h"
#include "tests/integration/kube/machinery_fixture.h"

namespace committest::kube {
namespace {

using nlohmann::json;
using std::chrono::seconds;

const ResourceType kEvents{"events.k8s.io", "v1", "events", "Event", true};

class EventRecorderOnApiServer : public MachineryTest {
 protected:
  std::vector<json> Events() {
    std::vector<json> events;
    const auto page = client_->List(
        kEvents, {.namespace_ = namespace_, .label_selector = "", .field_selector = ""}, 100, "",
        {}, [&](json&& event) { events.push_back(std::move(event)); });
    EXPECT_TRUE(page) << page.error().message;
    return events;
  }

  ObjectReference AboutNote(const std::string& name) {
    Create(name);
    return {.api_version = "v1",
            .kind = "ConfigMap",
            .meta = ParseObjectMeta(client_->Get(kConfigMaps, Key(name)).value()).value()};
  }
};

TEST_F(EventRecorderOnApiServer, WritesEventsThatTheServerAccepts) {
  EventRecorder recorder({.controller = "committest.dev/test", .instance = "pod-0"}, *client_,
                         clock_, *random_, metrics_);
  const ObjectReference about = AboutNote("note");
  recorder.Start();
  recorder.Record(about, EventType::kWarning, "Failed", std::string(5000, 'n'), "Judge");
  recorder.Record(about, EventType::kNormal, "Passed", "42 of 42 tests passed\x01\xff", "Judge");
  recorder.Record(about, EventType::kNormal, "Passed", "42 of 42 tests passed\x01\xff", "Judge");
  recorder.Stop(clock_.Monotonic() + seconds(30));
  const auto events = Events();
  ASSERT_EQ(events.size(), 2U);
  for (const json& event : events) {
    EXPECT_EQ(StringAt(ObjectAt(event, "regarding"), "uid"), about.meta.uid);
    EXPECT_EQ(StringAt(event, "reportingController"), "committest.dev/test");
  }
  EXPECT_TRUE(HasMetric("committest_events_total{result=\"failed\"} 0"));
}

}  // namespace
}  // namespace committest::kube
