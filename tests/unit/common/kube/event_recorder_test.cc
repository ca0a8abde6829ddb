#include "common/kube/event_recorder.h"

#include <memory>
#include <set>
#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/support/manual_clock.h"
#include "tests/support/memory_api.h"

namespace committest::kube {
namespace {

using nlohmann::json;
using std::chrono::seconds;

ObjectReference About(const std::string& name = "abc") {
  ObjectReference about{.api_version = "committest.dev/v1alpha1", .kind = "CommitTest", .meta = {}};
  about.meta.namespace_ = "ci";
  about.meta.name = name;
  about.meta.uid = "uid-" + name;
  about.meta.resource_version = "42";
  return about;
}

class EventRecorderTest : public ::testing::Test {
 protected:
  void Record(const std::string& note = "Started", const ObjectReference& about = About()) {
    recorder_.Record(about, EventType::kNormal, "Started", note, "Launch");
  }
  void SendAll() {
    while (recorder_.SendOne()) {
    }
  }
  json Only() const {
    const auto events = api_.Objects("Event");
    return events.size() == 1 ? events.front() : json();
  }
  bool HasMetric(const std::string& result, int value) const {
    return metrics_.Expose().find("committest_events_total{result=\"" + result + "\"} " +
                                  std::to_string(value) + "\n") != std::string::npos;
  }

  ManualClock clock_;
  std::unique_ptr<Random> random_ = MakeSeededRandom(2);
  Metrics metrics_;
  MemoryApi api_;
  EventRecorder recorder_{
      {.controller = "committest.dev/operator", .instance = "pod-0", .capacity = 4},
      api_,
      clock_,
      *random_,
      metrics_};
};

TEST_F(EventRecorderTest, SendsWhatTheEventsApiWants) {
  recorder_.Record(About(), EventType::kWarning, "Failed", "2 of 42 tests failed", "Judge");
  SendAll();
  const json event = Only();
  EXPECT_EQ(event["apiVersion"], "events.k8s.io/v1");
  EXPECT_EQ(event["kind"], "Event");
  EXPECT_EQ(event["metadata"]["namespace"], "ci");
  EXPECT_EQ(event["eventTime"], "2026-01-01T00:00:00.000000Z");
  EXPECT_EQ(event["type"], "Warning");
  EXPECT_EQ(event["reason"], "Failed");
  EXPECT_EQ(event["action"], "Judge");
  EXPECT_EQ(event["note"], "2 of 42 tests failed");
  EXPECT_EQ(event["reportingController"], "committest.dev/operator");
  EXPECT_EQ(event["reportingInstance"], "pod-0");
  EXPECT_EQ(event["regarding"], (json{{"apiVersion", "committest.dev/v1alpha1"},
                                      {"kind", "CommitTest"},
                                      {"namespace", "ci"},
                                      {"name", "abc"},
                                      {"uid", "uid-abc"},
                                      {"resourceVersion", "42"}}));
  EXPECT_TRUE(HasMetric("sent", 1));
}

TEST_F(EventRecorderTest, PutsEventsAboutClusterScopedObjectsIntoDefault) {
  ObjectReference about = About();
  about.meta.namespace_.clear();
  Record("x", about);
  SendAll();
  EXPECT_EQ(Only()["metadata"]["namespace"], "default");
  EXPECT_FALSE(Only()["regarding"].contains("namespace"));
}

TEST_F(EventRecorderTest, RecordingSendsNothingByItself) {
  Record();
  EXPECT_TRUE(api_.Verbs().empty());
  EXPECT_EQ(recorder_.Queued(), 1U);
}

TEST_F(EventRecorderTest, DropsAndCountsWhatDoesNotFitIntoTheQueue) {
  for (int i = 0; i < 7; ++i) Record("note " + std::to_string(i));
  EXPECT_EQ(recorder_.Queued(), 4U);
  EXPECT_TRUE(HasMetric("dropped", 3));
  SendAll();
  EXPECT_EQ(api_.Objects("Event").size(), 4U);
}

TEST_F(EventRecorderTest, RecordsADroppedEventWhenItComesAgainLater) {
  for (int i = 0; i < 5; ++i) Record("note " + std::to_string(i));
  SendAll();
  Record("note 4");
  EXPECT_EQ(recorder_.Queued(), 1U);
}

TEST_F(EventRecorderTest, DoesNotRepeatAnEventWithinAMinute) {
  Record();
  clock_.Advance(seconds(59));
  Record();
  EXPECT_EQ(recorder_.Queued(), 1U);
  EXPECT_TRUE(HasMetric("repeated", 1));
  clock_.Advance(seconds(1));
  Record();
  EXPECT_EQ(recorder_.Queued(), 2U);
}

TEST_F(EventRecorderTest, TakesEventsThatDifferInAnythingForDifferent) {
  Record("one");
  Record("two");
  Record("one", About("other"));
  recorder_.Record(About(), EventType::kWarning, "Started", "one", "Launch");
  EXPECT_EQ(recorder_.Queued(), 4U);
}

TEST_F(EventRecorderTest, TellsRecreatedObjectsApart) {
  ObjectReference recreated = About();
  recreated.meta.uid = "second";
  Record();
  Record("Started", recreated);
  EXPECT_EQ(recorder_.Queued(), 2U);
}

TEST_F(EventRecorderTest, KeepsWordsAndNotesWithinTheApisLimits) {
  recorder_.Record(About(), EventType::kNormal, std::string(300, 'R'), std::string(5000, 'n'),
                   std::string(300, 'A'));
  SendAll();
  EXPECT_LE(Only()["note"].get<std::string>().size(), 1024U);
  EXPECT_LE(Only()["reason"].get<std::string>().size(), 128U);
  EXPECT_LE(Only()["action"].get<std::string>().size(), 128U);
}

TEST_F(EventRecorderTest, MakesOneCleanLineOfAHostileNote) {
  Record("a\nb\x1b[31m\xff");
  SendAll();
  const auto note = Only()["note"].get<std::string>();
  EXPECT_EQ(note.find('\n'), std::string::npos);
  EXPECT_EQ(note.find('\x1b'), std::string::npos);
  EXPECT_NO_THROW(json(note).dump());
}

TEST_F(EventRecorderTest, CountsAnEventThatTheServerRefuses) {
  api_.SetFault(
      [](const std::string&) { return Error{ErrorCode::kPermissionDenied, "no", "", {}}; });
  Record();
  SendAll();
  EXPECT_TRUE(HasMetric("failed", 1));
  EXPECT_TRUE(HasMetric("sent", 0));
}

TEST_F(EventRecorderTest, DropsWhatIsRecordedAfterStop) {
  recorder_.Stop(clock_.Monotonic());
  Record();
  EXPECT_EQ(recorder_.Queued(), 0U);
  EXPECT_TRUE(HasMetric("dropped", 1));
}

TEST_F(EventRecorderTest, BoundsWhatItRemembersOfRecentEvents) {
  for (int i = 0; i < 5000; ++i) {
    Record("note " + std::to_string(i));
    SendAll();
  }
  EXPECT_EQ(api_.Objects("Event").size(), 5000U);
}

TEST(EventName, IsAValidNameWhateverTheObjectsName) {
  PendingEvent event;
  event.about.name = std::string(253, 'a');
  event.about.name[235] = '.';
  const std::string name = EventName(event, "pod", 0);
  EXPECT_LE(name.size(), 253U);
  EXPECT_EQ(name.find(".."), std::string::npos);
}

TEST(EventName, DiffersByTimeInstanceSequenceAndWords) {
  PendingEvent event;
  event.about.name = "abc";
  std::set<std::string> names{EventName(event, "pod", 0), EventName(event, "pod", 1),
                              EventName(event, "other", 0)};
  event.time += std::chrono::microseconds(1);
  names.insert(EventName(event, "pod", 0));
  event.note = "x";
  names.insert(EventName(event, "pod", 0));
  EXPECT_EQ(names.size(), 5U);
}

TEST(EventName, IsTheSameForTheSameEvent) {
  PendingEvent event;
  event.about.name = "abc";
  EXPECT_EQ(EventName(event, "pod", 3), EventName(event, "pod", 3));
}

}  // namespace
}  // namespace committest::kube
