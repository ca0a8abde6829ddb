#include "operator/gather.h"

#include <memory>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "operator/unit_timings.h"

namespace committest::op {
namespace {

using kube::Freshness;
using kube::ObjectKey;

/// The Job controller gives it to its Pods and finds them by it, so it stays on them.
constexpr const char* kControllerUidLabel = "batch.kubernetes.io/controller-uid";
constexpr int kMaxPodsOfAttempt = 100;

void GatherOthers(const Caches& caches, const CurrentAttempt& current, Observed& observed) {
  for (JobView& job : caches.JobsOf(observed.commit_test.meta.uid)) {
    if (job.meta.Key() != current.job) observed.other_jobs.push_back(std::move(job));
  }
}

void GatherPods(const Caches& caches, const CurrentAttempt& current, Observed& observed) {
  const std::string job_uid = JobUidOf(current, observed.job, observed.commit_test);
  if (job_uid.empty()) return;
  observed.pods = caches.PodsOf(job_uid);
  const auto wanted = static_cast<std::size_t>(observed.commit_test.spec.sharding.count);
  if (observed.pods.size() < wanted) observed.trouble = caches.TroubleOf(job_uid);
}

/// Whether a Job may be launched now whose plan goes by durations.
bool WantsTimings(const CurrentAttempt& current, const Observed& observed) {
  const api::CommitTest& commit_test = observed.commit_test;
  return SplitsByTiming(commit_test.spec) && !commit_test.status.result && !observed.job &&
         current.recorded == nullptr && observed.place.turn == Turn::kAdmitted;
}

}  // namespace

Gatherer::Gatherer(const CacheSet& caches, Slots& slots, kube::Reader& reader, kube::Lister& lister,
                   WriteMemory& writes, const Clock& clock, RunnerDefaults defaults, Policy policy)
    : caches_(caches),
      slots_(slots),
      reader_(reader),
      lister_(lister),
      writes_(writes),
      clock_(clock),
      defaults_(std::move(defaults)),
      policy_(policy) {}

Result<std::optional<nlohmann::json>> Gatherer::GetLive(const kube::ResourceType& type,
                                                        const ObjectKey& key) {
  Result<nlohmann::json> object = reader_.Get(type, key);
  if (object) return std::optional<nlohmann::json>(std::move(*object));
  if (object.error().code == ErrorCode::kNotFound) return std::optional<nlohmann::json>();
  return Fail(Context("get " + type.kind + " " + key.ToString(), std::move(object.error())));
}

Result<Sight> Gatherer::GatherCommitTest(const Caches& caches, const ObjectKey& key,
                                         Observed& observed) {
  const auto cached = caches.commit_tests.Get(key);
  const Freshness freshness =
      writes_.commit_tests.CaughtUp(key, cached ? cached->meta.resource_version : std::string());
  if (freshness == Freshness::kCaughtUp) {
    if (!cached) return Sight::kGone;
    observed.commit_test = *cached;
    return Sight::kClear;
  }
  if (freshness == Freshness::kBehind) return Sight::kBehind;
  auto live = GetLive(api::CommitTestType(), key);
  if (!live) return Fail(std::move(live.error()));
  if (!*live) {
    writes_.commit_tests.Forget(key);
    return Sight::kGone;
  }
  observed.commit_test = api::ParseCommitTest(**live);
  writes_.commit_tests.Record(key, observed.commit_test.meta.resource_version);
  return Sight::kClear;
}

Result<Sight> Gatherer::GatherJob(const Caches& caches, const CurrentAttempt& current,
                                  Observed& observed) {
  const auto cached = caches.jobs.Get(current.job);
  const Freshness freshness =
      writes_.jobs.CaughtUp(current.job, cached ? cached->meta.resource_version : std::string());
  if (freshness == Freshness::kBehind) return Sight::kBehind;
  if (freshness == Freshness::kReadLive) {
    if (Status confirmed = ConfirmJob(current, observed); !confirmed) {
      return Fail(std::move(confirmed.error()));
    }
    return Sight::kClear;
  }
  if (cached) observed.job = *cached;
  const bool missing =
      current.recorded != nullptr && (!cached || cached->meta.uid != current.recorded->job_uid);
  if (missing) {
    if (Status confirmed = ConfirmJob(current, observed); !confirmed) {
      return Fail(std::move(confirmed.error()));
    }
  }
  return Sight::kClear;
}

Status Gatherer::ConfirmJob(const CurrentAttempt& current, Observed& observed) {
  auto live = GetLive(JobType(), current.job);
  if (!live) return Fail(std::move(live.error()));
  observed.job.reset();
  if (*live) {
    observed.job = ParseJobView(**live);
    writes_.jobs.Record(current.job, observed.job->meta.resource_version);
  } else {
    writes_.jobs.Forget(current.job);
  }
  observed.job_confirmed_absent =
      !observed.job ||
      (current.recorded != nullptr && observed.job->meta.uid != current.recorded->job_uid);
  return {};
}

Status Gatherer::ConfirmPod(const CurrentAttempt& current, Observed& observed) {
  const bool missing = current.recorded != nullptr && !current.recorded->pod_name.empty() &&
                       observed.pods.empty() && observed.job && !observed.job_confirmed_absent;
  if (!missing) return {};
  auto live = GetLive(PodType(), {current.job.namespace_, current.recorded->pod_name});
  if (!live) return Fail(std::move(live.error()));
  if (*live) {
    PodView pod = ParsePodView(**live);
    if (pod.job_uid == current.recorded->job_uid) {
      observed.pods.push_back(std::move(pod));
      return {};
    }
  }
  observed.pod_confirmed_absent = true;
  return {};
}

Status Gatherer::GatherTimings(const Caches& caches, Observed& observed) {
  const auto source = TimingsSource(caches.commit_tests.List(), observed.commit_test);
  if (!source) return {};
  // The cache knows of timings only that there are some: they are long, and seldom asked for.
  const auto live = GetLive(api::CommitTestType(), *source);
  if (!live) return Fail(live.error());
  if (*live) observed.timings = api::ParseCommitTest(**live).status.timings;
  return {};
}

Result<Gathering> Gatherer::Gather(const ObjectKey& key) {
  Gathering gathering;
  const Caches* caches = caches_.Find(key.namespace_);
  if (caches == nullptr) return gathering;
  Observed& observed = gathering.observed;
  observed.now = clock_.Wall();
  observed.defaults = defaults_;
  observed.policy = policy_;
  observed.place = slots_.PlaceOf(key);
  const Result<Sight> sight = GatherCommitTest(*caches, key, observed);
  if (!sight) return Fail(sight.error());
  gathering.sight = *sight;
  if (*sight != Sight::kClear) return gathering;

  const CurrentAttempt current = CurrentAttemptOf(observed.commit_test);
  const Result<Sight> job_sight = GatherJob(*caches, current, observed);
  if (!job_sight) return Fail(job_sight.error());
  gathering.sight = *job_sight;
  if (*job_sight != Sight::kClear) return gathering;
  GatherOthers(*caches, current, observed);
  GatherPods(*caches, current, observed);
  if (Status confirmed = ConfirmPod(current, observed); !confirmed) {
    return Fail(std::move(confirmed.error()));
  }
  if (WantsTimings(current, observed)) {
    if (Status timings = GatherTimings(*caches, observed); !timings) {
      return Fail(std::move(timings.error()));
    }
  }
  return gathering;
}

void Gatherer::Adopt(const nlohmann::json& object, Observed& observed) const {
  observed.job = ParseJobView(object);
  observed.job_confirmed_absent = false;
  observed.pods_are_live = false;
  const Caches* caches = caches_.Find(observed.commit_test.meta.namespace_);
  if (caches != nullptr) GatherPods(*caches, CurrentAttemptOf(observed.commit_test), observed);
}

Status Gatherer::ReadPods(Observed& observed) {
  const CurrentAttempt current = CurrentAttemptOf(observed.commit_test);
  const std::string job_uid = JobUidOf(current, observed.job, observed.commit_test);
  const kube::Selection selection{.namespace_ = current.job.namespace_,
                                  .label_selector = kControllerUidLabel + ("=" + job_uid),
                                  .field_selector = {}};
  observed.pods.clear();
  const auto take = [&](nlohmann::json&& object) {
    PodView pod = ParsePodView(object);
    if (pod.job_uid == job_uid) observed.pods.push_back(std::move(pod));
  };
  // One attempt has one Pod, or a few: no page follows.
  const auto page = lister_.List(PodType(), selection, kMaxPodsOfAttempt, "", {}, take);
  if (!page) return Fail(Context("list the Pods of " + current.job.ToString(), page.error()));
  observed.pods_are_live = true;
  observed.pod_confirmed_absent = observed.pods.empty();
  return {};
}

}  // namespace committest::op
