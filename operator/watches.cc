#include "operator/watches.h"

#include <algorithm>

#include "common/api/names.h"

namespace committest::op {
namespace {

/// Selects what carries our label.
std::string Ours() { return std::string(api::kManagedByLabel) + "=" + api::kManagedByValue; }

kube::WatcherOptions OptionsFor(const kube::ResourceType& type, const std::string& namespace_,
                                std::string label_selector, std::string field_selector = {}) {
  kube::WatcherOptions options;
  options.name = type.plural;
  options.type = type;
  options.selection.namespace_ = namespace_;
  options.selection.label_selector = std::move(label_selector);
  options.selection.field_selector = std::move(field_selector);
  return options;
}

template <typename T>
void EnqueueChildren(kube::Store<T>& store, const Caches& caches, kube::Controller& controller) {
  store.AddHandler([&caches, &controller](const auto& before, const auto& after) {
    for (const auto& object : {before, after}) {
      if (!object) continue;
      if (const auto key = caches.CommitTestOf(*object)) controller.Enqueue(*key);
    }
  });
}

/// Changed limits may change the turn of everybody in the repository, but one that asks is enough:
/// the plan wakes the others.
void EnqueueTestsOf(Caches& cache, kube::Controller& controller) {
  cache.repositories.AddHandler([&cache, &controller](const auto& before, const auto& after) {
    if (before && after && before->meta.generation == after->meta.generation) return;
    const kube::ObjectMeta& meta = (after ? after : before)->meta;
    for (const auto& commit_test : cache.commit_tests.List()) {
      if (commit_test->status.result || commit_test->meta.namespace_ != meta.namespace_) continue;
      if (commit_test->spec.repository_name != meta.name) continue;
      controller.Enqueue(commit_test->meta.Key());
      return;
    }
  });
}

}  // namespace

void EnqueueChanges(const CacheSet& caches, kube::Controller& controller) {
  for (const auto& entry : caches.All()) {
    Caches& cache = *entry.second;
    cache.commit_tests.AddHandler([&controller](const auto& before, const auto& after) {
      controller.Enqueue((after ? after : before)->meta.Key());
    });
    EnqueueChildren(cache.jobs, cache, controller);
    EnqueueChildren(cache.pods, cache, controller);
    EnqueueChildren(cache.troubles, cache, controller);
    EnqueueTestsOf(cache, controller);
  }
}

Watches::Watches(const CacheSet& caches, const WatchContext& context) {
  const auto make = [&context]<typename T>(kube::WatcherOptions options, kube::Store<T>& store,
                                           kube::ParseFn<T> parse) {
    return kube::Watcher<T>(std::move(options), context.lister, context.watchable, store,
                            std::move(parse), context.clock, context.random, context.metrics);
  };
  for (const auto& [name, cache] : caches.All()) {
    // Watchers cannot be moved, so only an aggregate of prvalues builds them in place.
    // NOLINTNEXTLINE(modernize-make-unique)
    watches_.push_back(std::unique_ptr<NamespaceWatches>(new NamespaceWatches{
        make(OptionsFor(api::CommitTestType(), name, {}), cache->commit_tests,
             kube::ParseFn<api::CommitTest>(ParseForCache)),
        make(OptionsFor(JobType(), name, Ours()), cache->jobs,
             kube::ParseFn<JobView>(ParseJobView)),
        make(OptionsFor(PodType(), name, Ours()), cache->pods,
             kube::ParseFn<PodView>(ParsePodView)),
        make(OptionsFor(api::ObservedRepositoryType(), name, {}), cache->repositories,
             kube::ParseFn<api::ObservedRepository>(api::ParseObservedRepository)),
        make(OptionsFor(EventType(), name, {}, kJobTroubleSelector), cache->troubles,
             kube::ParseFn<JobTrouble>(ParseJobTrouble))}));
  }
}

void Watches::Start() {
  for (const auto& watch : watches_) {
    watch->commit_tests.Start();
    watch->jobs.Start();
    watch->pods.Start();
    watch->repositories.Start();
    watch->troubles.Start();
  }
}

void Watches::Stop() {
  for (const auto& watch : watches_) {
    watch->troubles.Stop();
    watch->repositories.Stop();
    watch->pods.Stop();
    watch->jobs.Stop();
    watch->commit_tests.Stop();
  }
}

Status Watches::WaitReady(MonotonicTime deadline, const std::stop_token& stop) const {
  for (const auto& watch : watches_) {
    if (Status ready = watch->jobs.WaitReady(deadline, stop); !ready) return ready;
    if (Status ready = watch->pods.WaitReady(deadline, stop); !ready) return ready;
    if (Status ready = watch->repositories.WaitReady(deadline, stop); !ready) return ready;
    if (Status ready = watch->commit_tests.WaitReady(deadline, stop); !ready) return ready;
  }
  return {};
}

bool Watches::Ready() const {
  return std::ranges::all_of(watches_, [](const auto& watch) {
    return watch->commit_tests.Ready() && watch->jobs.Ready() && watch->pods.Ready() &&
           watch->repositories.Ready();
  });
}

}  // namespace committest::op
