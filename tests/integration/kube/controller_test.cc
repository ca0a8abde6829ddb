#include "common/kube/controller.h"

#include <atomic>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "common/kube/json_reader.h"
#include "tests/integration/kube/machinery_fixture.h"
#include "tests/support/eventually.h"

namespace committest::kube {
namespace {

using std::chrono::seconds;

// A controller that copies the annotation "want" of each note into its text.
class ControllerOnApiServer : public MachineryTest {
 protected:
  void SetUp() override {
    MachineryTest::SetUp();
    if (HasFatalFailure()) return;
    controller_ = std::make_unique<Controller>(
        ControllerOptions{.name = "copy", .workers = 4},
        [this](const ObjectKey& key) { return Reconcile(key); }, clock_, *random_, metrics_);
    store_.AddHandler([this](const auto& before, const auto& after) {
      controller_->Enqueue((after ? after : before)->meta.Key());
    });
    watcher_ = MakeWatcher(Watching());
    watcher_->Start();
    ASSERT_TRUE(watcher_->WaitReady(clock_.Monotonic() + seconds(30), {}));
    controller_->Start();
  }

  void TearDown() override {
    if (controller_) controller_->Stop();
    watcher_.reset();
    MachineryTest::TearDown();
  }

  Result<Outcome> Reconcile(const ObjectKey& key) {
    reconciles_.fetch_add(1);
    const auto note = store_.Get(key);
    if (!note) return Outcome{};
    const auto want = note->meta.annotations.find("want");
    if (want == note->meta.annotations.end() || want->second == note->text) return Outcome{};
    // Guarded by the version of the cache: a stale cache is a conflict, never a lost update.
    nlohmann::json next = MakeNote(key.name, want->second);
    next["metadata"]["resourceVersion"] = note->meta.resource_version;
    next["metadata"]["annotations"] = {{"want", want->second}};
    const auto written = client_->Replace(kConfigMaps, next);
    if (!written) return Fail(written.error());
    writes_.fetch_add(1);
    return Outcome{};
  }

  void CreateWanting(const std::string& name, const std::string& want) {
    nlohmann::json note = MakeNote(name, "none");
    note["metadata"]["annotations"] = {{"want", want}};
    const auto made = editor_->Create(kConfigMaps, note);
    ASSERT_TRUE(made) << made.error().message;
  }

  void Want(const std::string& name, const std::string& want) {
    for (int i = 0; i < 100; ++i) {
      auto note = editor_->Get(kConfigMaps, Key(name));
      ASSERT_TRUE(note) << note.error().message;
      (*note)["metadata"]["annotations"]["want"] = want;
      const auto written = editor_->Replace(kConfigMaps, *note);
      if (written) return;
      ASSERT_EQ(written.error().code, ErrorCode::kConflict) << written.error().message;
    }
    FAIL() << "no write in 100 tries";
  }

  // By the server, not by the cache.
  std::string Text(const std::string& name) {
    const auto note = editor_->Get(kConfigMaps, Key(name));
    return note ? StringAt(ObjectAt(*note, "data"), "text") : note.error().message;
  }

  std::atomic<int> reconciles_{0};
  std::atomic<int> writes_{0};
  std::unique_ptr<Controller> controller_;
  std::unique_ptr<Watcher<Note>> watcher_;
};

TEST_F(ControllerOnApiServer, ConvergesThoughOthersWriteTheSameObjects) {
  constexpr int kNotes = 10;
  for (int i = 0; i < kNotes; ++i) CreateWanting("note-" + std::to_string(i), "round 0");
  for (int round = 1; round <= 5; ++round) {
    for (int i = 0; i < kNotes; ++i) {
      Want("note-" + std::to_string(i), "round " + std::to_string(round));
    }
  }
  for (int i = 0; i < kNotes; ++i) {
    const std::string name = "note-" + std::to_string(i);
    EXPECT_TRUE(Eventually([&] { return Text(name) == "round 5"; })) << name;
  }
}

TEST_F(ControllerOnApiServer, WritesNothingOnceItHasConverged) {
  CreateWanting("note", "done");
  // The cache may show the write before the answer to it has arrived.
  ASSERT_TRUE(Eventually([&] { return Held("note") == "done" && writes_.load() == 1; }));
  const int before = reconciles_.load();
  controller_->Enqueue(Key("note"));
  ASSERT_TRUE(Eventually([&] { return reconciles_.load() > before; }));
  EXPECT_EQ(writes_.load(), 1);
}

TEST_F(ControllerOnApiServer, ConvergesAfterTheApiServerWasKilled) {
  for (int i = 0; i < 10; ++i) CreateWanting("note-" + std::to_string(i), "first");
  RestartApiServer();
  for (int i = 0; i < 10; ++i) Want("note-" + std::to_string(i), "second");
  for (int i = 0; i < 10; ++i) {
    const std::string name = "note-" + std::to_string(i);
    EXPECT_TRUE(Eventually([&] { return Text(name) == "second"; }, seconds(60))) << name;
  }
}

}  // namespace
}  // namespace committest::kube
