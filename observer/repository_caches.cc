#include "observer/repository_caches.h"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

namespace committest::observer {

api::ObservedRepository ParseForLooks(const nlohmann::json& object) {
  api::ObservedRepository repository = api::ParseObservedRepository(object);
  repository.meta.labels.clear();
  repository.meta.owners.clear();
  std::erase_if(repository.meta.annotations,
                [](const auto& entry) { return entry.first != api::kPollNowAnnotation; });
  return repository;
}

RepositoryCaches::RepositoryCaches(const std::vector<std::string>& namespaces, kube::Lister& lister,
                                   kube::Watchable& watchable, const Clock& clock, Random& random,
                                   Metrics& metrics) {
  for (const std::string& name : namespaces) {
    auto cache = std::make_unique<Cache>();
    cache->namespace_ = name;
    kube::WatcherOptions options;
    options.name = name.empty() ? "observedrepositories" : "observedrepositories/" + name;
    options.type = api::ObservedRepositoryType();
    options.selection.namespace_ = name;
    cache->watcher = std::make_unique<kube::Watcher<api::ObservedRepository>>(
        std::move(options), lister, watchable, cache->store, &ParseForLooks, clock, random,
        metrics);
    caches_.push_back(std::move(cache));
  }
}

void RepositoryCaches::AddHandler(const kube::Store<api::ObservedRepository>::Handler& handler) {
  for (const auto& cache : caches_) cache->store.AddHandler(handler);
}

void RepositoryCaches::Start() {
  for (const auto& cache : caches_) cache->watcher->Start();
}

void RepositoryCaches::Stop() {
  for (const auto& cache : caches_) cache->watcher->Stop();
}

bool RepositoryCaches::Ready() const {
  return std::ranges::all_of(caches_, [](const auto& cache) { return cache->watcher->Ready(); });
}

RepositoryCaches::Ptr RepositoryCaches::Get(const kube::ObjectKey& key) const {
  for (const auto& cache : caches_) {
    if (cache->namespace_.empty() || cache->namespace_ == key.namespace_) {
      return cache->store.Get(key);
    }
  }
  return nullptr;
}

}  // namespace committest::observer
