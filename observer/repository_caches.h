#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "common/api/observed_repository.h"
#include "common/base/clock.h"
#include "common/base/metrics.h"
#include "common/base/random.h"
#include "common/kube/client.h"
#include "common/kube/store.h"
#include "common/kube/watcher.h"

namespace committest::observer {

/// As `api::ParseObservedRepository`, without what looks do not read: labels, owners and annotations
/// other than `committest.dev/poll-now`. kubectl's copy of the whole manifest is the largest of it.
api::ObservedRepository ParseForLooks(const nlohmann::json& object);

/// The ObservedRepositories of the chosen namespaces, one watch and one store for each namespace,
/// or one for all. Held as `ParseForLooks` reads them.
class RepositoryCaches {
 public:
  using Ptr = kube::Store<api::ObservedRepository>::Ptr;

  /// `namespaces`: not empty; one empty name means all. The references must outlive this.
  RepositoryCaches(const std::vector<std::string>& namespaces, kube::Lister& lister,
                   kube::Watchable& watchable, const Clock& clock, Random& random,
                   Metrics& metrics);

  /// Called for every change; see `kube::Store`. REQUIRES: before `Start`.
  void AddHandler(const kube::Store<api::ObservedRepository>::Handler& handler);
  void Start();
  void Stop();

  /// Whether all have been listed once.
  bool Ready() const;
  /// Null when there is none, or none in a namespace that is watched.
  Ptr Get(const kube::ObjectKey& key) const;

 private:
  struct Cache {
    std::string namespace_;
    kube::Store<api::ObservedRepository> store;
    std::unique_ptr<kube::Watcher<api::ObservedRepository>> watcher;
  };

  std::vector<std::unique_ptr<Cache>> caches_;
};

}  // namespace committest::observer
