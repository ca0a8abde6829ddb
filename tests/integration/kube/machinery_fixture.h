#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "common/base/clock.h"
#include "common/base/metrics.h"
#include "common/base/random.h"
#include "common/kube/api_client.h"
#include "common/kube/store.h"
#include "common/kube/watcher.h"
#include "tests/support/cluster_control.h"

namespace committest::kube {

inline const ResourceType kConfigMaps{"", "v1", "configmaps", "ConfigMap", true};

/// A ConfigMap as these tests see it.
struct Note {
  ObjectMeta meta;
  std::string text;
  bool has_managed_fields = false;
};

Note ParseNote(const nlohmann::json& object);

/// Gives each test a namespace of its own on the real API server, and takes it away again. Needs
/// COMMITTEST_TEST_KUBECONFIG and COMMITTEST_TEST_CLUSTER.
class MachineryTest : public ::testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;

  /// Another client with connections of its own.
  std::unique_ptr<ApiClient> Connect(std::chrono::milliseconds deadline = std::chrono::seconds(15));

  ObjectKey Key(const std::string& name) const { return {namespace_, name}; }
  nlohmann::json MakeNote(const std::string& name, const std::string& text) const;
  void Create(const std::string& name, const std::string& text = "first");
  void Rewrite(const std::string& name, const std::string& text);
  void Delete(const std::string& name);
  void KillApiServer();
  void StartApiServer();
  void RestartApiServer();

  WatcherOptions Watching() const;
  std::unique_ptr<Watcher<Note>> MakeWatcher(WatcherOptions options);
  std::unique_ptr<Watcher<Note>> MakeWatcher(WatcherOptions options, Lister& lister,
                                             Watchable& watchable);
  /// Text by name, "" if the store does not hold it.
  std::string Held(const std::string& name) const;
  bool HasMetric(const std::string& line) const;

  SystemClock clock_;
  std::unique_ptr<Random> random_ = MakeSystemRandom();
  Metrics metrics_;
  std::optional<testing::ClusterControl> control_;
  std::unique_ptr<ApiClient> client_;  ///< Of what is tested; it lives through every fault.
  std::unique_ptr<ApiClient> editor_;  ///< Of the test itself; made anew after each fault.
  std::string namespace_;
  std::string namespace_uid_;
  Store<Note> store_;
};

}  // namespace committest::kube
