#include "operator/watches.h"

#include <algorithm>

#include "common/api/names.h"

namespace committest::op {
namespace {

kube::WatcherOptions OptionsFor(const kube::ResourceType& type, const std::string& namespace_,
                                bool ours_only) {
  kube::WatcherOptions options;
  options.name = type.plural;
  options.type = type;
  options.selection.namespace_ = namespace_;
  if (ours_only) {
    options.selection.label_selector =
        std::string(api::kManagedByLabel) + "=" + api::kManagedByValue;
  }
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

}  // namespace

void EnqueueChanges(const CacheSet& caches, kube::Controller& controller) {
  for (const auto& entry : caches.All()) {
    Caches& cache = *entry.second;
    cache.commit_tests.AddHandler([&controller](const auto& before, const auto& after) {
      controller.Enqueue((after ? after : before)->meta.Key());
    });
    EnqueueChildren(cache.jobs, cache, controller);
    EnqueueChildren(cache.pods, cache, controller);
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
        make(OptionsFor(api::CommitTestType(), name, false), cache->commit_tests,
             kube::ParseFn<api::CommitTest>(api::ParseCommitTest)),
        make(OptionsFor(JobType(), name, true), cache->jobs, kube::ParseFn<JobView>(ParseJobView)),
        make(OptionsFor(PodType(), name, true), cache->pods,
             kube::ParseFn<PodView>(ParsePodView))}));
  }
}

void Watches::Start() {
  for (const auto& watch : watches_) {
    watch->commit_tests.Start();
    watch->jobs.Start();
    watch->pods.Start();
  }
}

void Watches::Stop() {
  for (const auto& watch : watches_) {
    watch->pods.Stop();
    watch->jobs.Stop();
    watch->commit_tests.Stop();
  }
}

Status Watches::WaitReady(MonotonicTime deadline, const std::stop_token& stop) const {
  for (const auto& watch : watches_) {
    if (Status ready = watch->jobs.WaitReady(deadline, stop); !ready) return ready;
    if (Status ready = watch->pods.WaitReady(deadline, stop); !ready) return ready;
    if (Status ready = watch->commit_tests.WaitReady(deadline, stop); !ready) return ready;
  }
  return {};
}

bool Watches::Ready() const {
  return std::ranges::all_of(watches_, [](const auto& watch) {
    return watch->commit_tests.Ready() && watch->jobs.Ready() && watch->pods.Ready();
  });
}

MonotonicTime Watches::OldestContact() const {
  MonotonicTime oldest = MonotonicTime::max();
  for (const auto& watch : watches_) {
    oldest = std::min({oldest, watch->commit_tests.LastContact(), watch->jobs.LastContact(),
                       watch->pods.LastContact()});
  }
  return oldest;
}

void Watches::StepAll() {
  for (const auto& watch : watches_) {
    watch->commit_tests.Step();
    watch->jobs.Step();
    watch->pods.Step();
  }
}

}  // namespace committest::op
