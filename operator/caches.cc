#include "operator/caches.h"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/api/names.h"

namespace committest::op {
namespace {

template <typename T>
void Follow(kube::Store<T>& store, ChildIndex& index) {
  store.AddHandler([&index](const auto& before, const auto& after) {
    index.Update(before ? &before->meta : nullptr, after ? &after->meta : nullptr);
  });
}

template <typename T>
std::vector<T> Collect(const kube::Store<T>& store, const std::set<kube::ObjectKey>& keys,
                       const std::string& controller_uid) {
  std::vector<T> found;
  for (const kube::ObjectKey& key : keys) {
    const auto object = store.Get(key);
    // The store may be ahead of the index by one change.
    const kube::OwnerReference* owner = object ? object->meta.Controller() : nullptr;
    if (owner != nullptr && owner->uid == controller_uid) found.push_back(*object);
  }
  return found;
}

}  // namespace

api::CommitTest ParseForCache(const nlohmann::json& object) {
  api::CommitTest whole = api::ParseCommitTest(object);
  if (!whole.status.result) return whole;
  api::CommitTest kept;
  kept.meta = std::move(whole.meta);
  kept.meta.labels.clear();
  kept.meta.annotations.clear();
  kept.spec.repository_name = std::move(whole.spec.repository_name);
  kept.spec.source.ref = std::move(whole.spec.source.ref);
  kept.spec.trigger = whole.spec.trigger;
  kept.spec.tests.framework = whole.spec.tests.framework;
  kept.spec.tests.path = std::move(whole.spec.tests.path);
  kept.spec.ttl_seconds_after_finished = whole.spec.ttl_seconds_after_finished;
  kept.status.result = whole.status.result;
  kept.status.completion_time = whole.status.completion_time;
  // That there are some; a launch that uses them reads them all.
  if (!whole.status.timings.empty()) kept.status.timings.insert(*whole.status.timings.begin());
  for (const api::Attempt& attempt : whole.status.attempts) {
    api::Attempt& end = kept.status.attempts.emplace_back();
    end.number = attempt.number;
    end.job_uid = attempt.job_uid;
    end.outcome = attempt.outcome;
    end.exit_code = attempt.exit_code;
  }
  if (const auto* recorded =
          api::FindCondition(whole.status.conditions, api::condition::kResultsRecorded)) {
    kept.status.conditions = {*recorded};
    kept.status.conditions[0].message.clear();
  }
  return kept;
}

void ChildIndex::Update(const kube::ObjectMeta* before, const kube::ObjectMeta* after) {
  const kube::OwnerReference* old_owner = before == nullptr ? nullptr : before->Controller();
  const kube::OwnerReference* new_owner = after == nullptr ? nullptr : after->Controller();
  MutexLock lock(mutex_);
  if (old_owner != nullptr) {
    const auto it = children_.find(old_owner->uid);
    if (it != children_.end()) {
      it->second.erase(before->Key());
      if (it->second.empty()) children_.erase(it);
    }
  }
  if (new_owner != nullptr) children_[new_owner->uid].insert(after->Key());
}

std::set<kube::ObjectKey> ChildIndex::Of(const std::string& controller_uid) const {
  MutexLock lock(mutex_);
  const auto it = children_.find(controller_uid);
  return it == children_.end() ? std::set<kube::ObjectKey>() : it->second;
}

Caches::Caches() {
  Follow(jobs, jobs_by_commit_test_);
  Follow(pods, pods_by_job_);
  Follow(troubles, troubles_by_job_);
}

std::vector<JobView> Caches::JobsOf(const std::string& commit_test_uid) const {
  return Collect(jobs, jobs_by_commit_test_.Of(commit_test_uid), commit_test_uid);
}

std::vector<PodView> Caches::PodsOf(const std::string& job_uid) const {
  return Collect(pods, pods_by_job_.Of(job_uid), job_uid);
}

std::optional<JobTrouble> Caches::TroubleOf(const std::string& job_uid) const {
  const auto found = Collect(troubles, troubles_by_job_.Of(job_uid), job_uid);
  const auto latest = std::ranges::max_element(found, {}, &JobTrouble::last_seen);
  return latest == found.end() ? std::nullopt : std::optional(*latest);
}

std::optional<kube::ObjectKey> Caches::CommitTestOf(const JobView& job) const {
  const kube::OwnerReference* owner = job.meta.Controller();
  if (owner == nullptr || owner->kind != api::CommitTestType().kind) return std::nullopt;
  return kube::ObjectKey{job.meta.namespace_, owner->name};
}

std::optional<kube::ObjectKey> Caches::CommitTestOf(const PodView& pod) const {
  if (const auto job = jobs.Get({pod.meta.namespace_, pod.job_name})) {
    return CommitTestOf(*job);
  }
  // The Job may be gone already, or not be known yet; the label is good enough for a hint.
  const auto label = pod.meta.labels.find(api::kCommitTestLabel);
  if (label == pod.meta.labels.end()) return std::nullopt;
  return kube::ObjectKey{pod.meta.namespace_, label->second};
}

std::optional<kube::ObjectKey> Caches::CommitTestOf(const JobTrouble& trouble) const {
  const auto job = jobs.Get({trouble.meta.namespace_, trouble.meta.Controller()->name});
  return job ? CommitTestOf(*job) : std::nullopt;
}

CacheSet::CacheSet(const std::vector<std::string>& namespaces) {
  for (const std::string& name : namespaces) caches_.emplace(name, std::make_unique<Caches>());
}

Caches* CacheSet::Find(const std::string& namespace_) const {
  auto it = caches_.find(namespace_);
  if (it == caches_.end()) it = caches_.find("");
  return it == caches_.end() ? nullptr : it->second.get();
}

}  // namespace committest::op
