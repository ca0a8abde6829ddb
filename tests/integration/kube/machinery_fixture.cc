#include "tests/integration/kube/machinery_fixture.h"

#include <utility>

#include "common/http/client.h"
#include "common/kube/json_reader.h"
#include "tests/support/test_cluster.h"

namespace committest::kube {
namespace {

using nlohmann::json;

const ResourceType kNamespaces{"", "v1", "namespaces", "Namespace", false};

class ThreadsEnvironment : public ::testing::Environment {
 public:
  void SetUp() override { ASSERT_TRUE(http::InitThreads(3)); }
};
const auto* const kThreads = ::testing::AddGlobalTestEnvironment(new ThreadsEnvironment);

}  // namespace

Note ParseNote(const json& object) {
  return {ParseObjectMeta(object).value(), StringAt(ObjectAt(object, "data"), "text"),
          Find(ObjectAt(object, "metadata"), "managedFields") != nullptr};
}

void MachineryTest::SetUp() {
  auto control = testing::ClusterControl::Of();
  ASSERT_TRUE(control) << control.error().message;
  control_ = *control;
  client_ = Connect();
  editor_ = Connect();
  ASSERT_TRUE(client_ != nullptr && editor_ != nullptr);
  namespace_ = testing::UniqueName("machinery");
  const auto made = editor_->Create(
      kNamespaces,
      {{"apiVersion", "v1"}, {"kind", "Namespace"}, {"metadata", {{"name", namespace_}}}});
  ASSERT_TRUE(made) << made.error().message;
  namespace_uid_ = ParseObjectMeta(*made).value().uid;
}

void MachineryTest::TearDown() {
  if (!namespace_uid_.empty()) {
    EXPECT_TRUE(editor_->Delete(kNamespaces, {"", namespace_}, namespace_uid_));
  }
}

std::unique_ptr<ApiClient> MachineryTest::Connect(std::chrono::milliseconds deadline) {
  const auto config = testing::TestClusterConfig();
  if (!config) {
    ADD_FAILURE() << config.error().message;
    return nullptr;
  }
  ApiClientOptions options;
  options.component = "test";
  options.deadline = deadline;
  auto client = ApiClient::Make(*config, std::move(options), clock_, metrics_);
  EXPECT_TRUE(client) << client.error().message;
  return client ? std::move(*client) : nullptr;
}

json MachineryTest::MakeNote(const std::string& name, const std::string& text) const {
  return {{"apiVersion", "v1"},
          {"kind", "ConfigMap"},
          {"metadata", {{"namespace", namespace_}, {"name", name}}},
          {"data", {{"text", text}}}};
}

void MachineryTest::Create(const std::string& name, const std::string& text) {
  const auto made = editor_->Create(kConfigMaps, MakeNote(name, text));
  ASSERT_TRUE(made) << made.error().message;
}

void MachineryTest::Rewrite(const std::string& name, const std::string& text) {
  auto note = editor_->Get(kConfigMaps, Key(name));
  ASSERT_TRUE(note) << note.error().message;
  (*note)["data"]["text"] = text;
  const auto written = editor_->Replace(kConfigMaps, *note);
  ASSERT_TRUE(written) << written.error().message;
}

void MachineryTest::Delete(const std::string& name) {
  const auto note = editor_->Get(kConfigMaps, Key(name));
  ASSERT_TRUE(note) << note.error().message;
  const auto deleted = editor_->Delete(kConfigMaps, Key(name), ParseObjectMeta(*note).value().uid);
  ASSERT_TRUE(deleted) << deleted.error().message;
}

void MachineryTest::KillApiServer() {
  const Status killed = control_->Kill("kube-apiserver");
  ASSERT_TRUE(killed) << killed.error().message;
}

void MachineryTest::StartApiServer() {
  const Status started = control_->Restart("kube-apiserver");
  ASSERT_TRUE(started) << started.error().message;
  editor_ = Connect();
}

void MachineryTest::RestartApiServer() {
  KillApiServer();
  StartApiServer();
}

WatcherOptions MachineryTest::Watching() const {
  WatcherOptions options;
  options.name = "notes";
  options.type = kConfigMaps;
  options.selection.namespace_ = namespace_;
  options.selection.field_selector = "metadata.name!=kube-root-ca.crt";
  return options;
}

std::unique_ptr<Watcher<Note>> MachineryTest::MakeWatcher(WatcherOptions options) {
  return MakeWatcher(std::move(options), *client_, *client_);
}

std::unique_ptr<Watcher<Note>> MachineryTest::MakeWatcher(WatcherOptions options, Lister& lister,
                                                          Watchable& watchable) {
  return std::make_unique<Watcher<Note>>(std::move(options), lister, watchable, store_, ParseNote,
                                         clock_, *random_, metrics_);
}

std::string MachineryTest::Held(const std::string& name) const {
  const auto note = store_.Get(Key(name));
  return note ? note->text : "";
}

bool MachineryTest::HasMetric(const std::string& line) const {
  return metrics_.Expose().find(line + "\n") != std::string::npos;
}

}  // namespace committest::kube
