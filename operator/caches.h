#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "common/api/commit_test.h"
#include "common/api/observed_repository.h"
#include "common/base/mutex.h"
#include "common/kube/object.h"
#include "common/kube/store.h"
#include "operator/job_trouble.h"
#include "operator/job_view.h"
#include "operator/pod_view.h"

namespace committest::op {

/// What a cache keeps of a CommitTest: everything until it has a result, and then only what its
/// clean-up and its repository's retention go by. Most CommitTests of a cluster are finished ones.
/// Never fails, as `api::ParseCommitTest`.
api::CommitTest ParseForCache(const nlohmann::json& object);

/// Which objects have which controller, by UID: found without going through all objects, and never
/// by labels, which anyone may change. Thread-safe.
class ChildIndex {
 public:
  /// Follows one change of a store; either may be null.
  void Update(const kube::ObjectMeta* before, const kube::ObjectMeta* after) EXCLUDES(mutex_);
  std::set<kube::ObjectKey> Of(const std::string& controller_uid) const EXCLUDES(mutex_);

 private:
  mutable Mutex mutex_;
  std::map<std::string, std::set<kube::ObjectKey>> children_ GUARDED_BY(mutex_);
};

/// What is known of one namespace, or of all: the stores and the indexes over them. Watchers fill
/// the stores; handlers added later than the constructor's see the indexes up to date.
class Caches {
 public:
  Caches();
  Caches(const Caches&) = delete;
  Caches& operator=(const Caches&) = delete;

  kube::Store<api::CommitTest> commit_tests;
  kube::Store<JobView> jobs;
  kube::Store<PodView> pods;
  kube::Store<JobTrouble> troubles;
  kube::Store<api::ObservedRepository> repositories;

  /// The Jobs whose controller has this UID, in the order of their keys.
  std::vector<JobView> JobsOf(const std::string& commit_test_uid) const;
  /// The Pods whose controller has this UID, in the order of their keys.
  std::vector<PodView> PodsOf(const std::string& job_uid) const;
  /// What the Job controller said last about this Job, if it could not create its Pod.
  std::optional<JobTrouble> TroubleOf(const std::string& job_uid) const;

  /// The CommitTest that a Job or Pod is about, for enqueuing. A wrong guess does no harm: the
  /// reconcile goes by UIDs. nullopt: none of ours.
  std::optional<kube::ObjectKey> CommitTestOf(const JobView& job) const;
  std::optional<kube::ObjectKey> CommitTestOf(const PodView& pod) const;
  std::optional<kube::ObjectKey> CommitTestOf(const JobTrouble& trouble) const;

 private:
  ChildIndex jobs_by_commit_test_;
  ChildIndex pods_by_job_;
  ChildIndex troubles_by_job_;
};

/// The caches of the watched namespaces. Constant after start.
class CacheSet {
 public:
  /// The empty name means all namespaces, and must then be the only one. REQUIRES: not empty.
  explicit CacheSet(const std::vector<std::string>& namespaces);

  /// nullptr if the namespace is not watched.
  Caches* Find(const std::string& namespace_) const;
  const std::map<std::string, std::unique_ptr<Caches>>& All() const { return caches_; }

 private:
  std::map<std::string, std::unique_ptr<Caches>> caches_;
};

}  // namespace committest::op
