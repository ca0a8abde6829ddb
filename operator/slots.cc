#include "operator/slots.h"

#include <algorithm>
#include <vector>

#include "operator/attempts.h"

namespace committest::op {
namespace {

using api::CommitTest;
using api::ObservedRepository;
using kube::ObjectKey;

/// What is not run needs no slot.
bool Contends(const CommitTest& commit_test) {
  return !commit_test.status.result && !commit_test.meta.deletion_time && !commit_test.spec.not_run;
}

/// A commit that is not run takes nobody's place: what an older one will say is still wanted.
bool CanSupersede(const CommitTest& commit_test) {
  return api::IsObserved(commit_test.spec.trigger.type) && !commit_test.spec.not_run;
}

Contender ContenderOf(const CommitTest& commit_test) {
  const api::CommitTestSpec& spec = commit_test.spec;
  Contender contender;
  contender.key = commit_test.meta.Key();
  contender.uid = commit_test.meta.uid;
  contender.repository = spec.repository_name;
  contender.ref = spec.source.ref;
  contender.priority = spec.priority;
  contender.since = SeenTime(commit_test);
  contender.observed = api::IsObserved(spec.trigger.type);
  contender.suspended = spec.suspend;
  // Between two attempts it keeps its slot, unless it is to wait.
  const bool between_attempts = LastEnded(commit_test.status) != nullptr;
  contender.holds_slot =
      !commit_test.status.attempts.empty() && !(spec.suspend && between_attempts);
  return contender;
}

RepositoryLimits LimitsOf(const ObservedRepository& repository) {
  RepositoryLimits limits;
  limits.max = repository.spec.concurrency.max;
  limits.cancel_older = repository.spec.concurrency.policy == api::ConcurrencyPolicy::kCancelOlder;
  const std::string name = "ObservedRepository " + repository.meta.name;
  if (repository.meta.deletion_time) limits.problem = name + " is being deleted";
  if (!repository.parse_error.empty()) {
    limits.problem = name + " cannot be read: " + repository.parse_error;
  }
  return limits;
}

}  // namespace

Slots::Slots(const CacheSet& caches, std::int64_t cluster_max, const Clock& clock)
    : caches_(caches), cluster_max_(cluster_max), clock_(clock) {
  for (const auto& entry : caches.All()) {
    Caches& cache = *entry.second;
    cache.commit_tests.AddHandler([this](const auto& before, const auto& after) {
      FollowCommitTest(before.get(), after.get());
    });
    cache.repositories.AddHandler([this](const auto& before, const auto& after) {
      FollowRepository(before.get(), after.get());
    });
    cache.jobs.AddHandler(
        [this](const auto& before, const auto& after) { FollowJob(before.get(), after.get()); });
  }
}

void Slots::Drop(const ObjectKey& key) {
  contenders_.erase(key);
  granted_.erase(key);
  refused_.erase(key);
  shown_.erase(key);
}

void Slots::FollowCommitTest(const CommitTest* before, const CommitTest* after) {
  MutexLock lock(mutex_);
  const bool contends = after != nullptr && Contends(*after);
  const bool contended = before != nullptr && contenders_.contains(before->meta.Key());
  if (after != nullptr && CanSupersede(*after)) {
    const Contender seen = ContenderOf(*after);
    NewestOfRef& newest = newest_[{seen.Repository(), seen.ref}];
    if (newest.since < seen.since) newest = {seen.since, seen.key.name};
  }
  if (!contends && !contended) return;
  dirty_ = true;
  // Another object under an old name starts from nothing.
  if (!contends || (before != nullptr && before->meta.uid != after->meta.uid)) {
    Drop(before->meta.Key());
  }
  if (!contends) return;
  Contender contender = ContenderOf(*after);
  if (contender.suspended || contender.holds_slot) granted_.erase(contender.key);
  contenders_[contender.key] = std::move(contender);
}

void Slots::FollowRepository(const ObservedRepository* before, const ObservedRepository* after) {
  // The observer writes its status often; only a new spec, or its deletion, matters here.
  if (before != nullptr && after != nullptr && LimitsOf(*before) == LimitsOf(*after)) return;
  MutexLock lock(mutex_);
  if (after != nullptr) {
    repositories_[after->meta.Key()] = LimitsOf(*after);
  } else {
    repositories_.erase(before->meta.Key());
  }
  dirty_ = true;
}

void Slots::FollowJob(const JobView* before, const JobView* after) {
  if (before == nullptr || after != nullptr) return;
  MutexLock lock(mutex_);
  if (refusing_namespaces_.erase(before->meta.namespace_) == 0) return;
  std::erase_if(refused_, [before](const auto& entry) {
    return entry.first.namespace_ == before->meta.namespace_;
  });
  dirty_ = true;
}

bool Slots::HoldsSlot(const Contender& contender) const {
  if (contender.holds_slot || granted_.contains(contender.key)) return true;
  const Caches* caches = caches_.Find(contender.key.namespace_);
  return caches != nullptr && !caches->JobsOf(contender.uid).empty();
}

QueueInput Slots::Input() {
  QueueInput input;
  input.repositories = repositories_;
  input.newest = newest_;
  input.cluster_max = cluster_max_;
  for (const auto& [name, refusal] : refusing_namespaces_) {
    input.refusing_namespaces.emplace(name, refusal.words);
  }
  for (const auto& [key, known] : contenders_) {
    Contender contender = known;
    contender.holds_slot = HoldsSlot(known);
    contender.held_back = refused_.contains(key);
    const RepositoryKey repository = contender.Repository();
    // Named, but not there (any more): the limits that it would have by default.
    if (!contender.repository.empty() && !repositories_.contains(repository)) {
      input.repositories.emplace(repository,
                                 RepositoryLimits{api::ConcurrencySpec().max, false, {}});
    }
    input.contenders.push_back(std::move(contender));
  }
  return input;
}

void Slots::ForgetOldRefusals() {
  const MonotonicTime now = clock_.Monotonic();
  const auto is_over = [now](const auto& entry) { return entry.second.until <= now; };
  const auto forgotten =
      std::erase_if(refused_, is_over) + std::erase_if(refusing_namespaces_, is_over);
  if (forgotten > 0) dirty_ = true;
}

std::vector<ObjectKey> Slots::PlanIfDue() {
  ForgetOldRefusals();
  if (!dirty_) return {};
  dirty_ = false;
  auto next = PlanQueue(Input());
  std::vector<ObjectKey> woken;
  counts_.clear();
  for (const auto& [key, place] : next) {
    const bool admitted = place.turn == Turn::kAdmitted;
    Counts& counts = counts_[contenders_.at(key).Repository()];
    ++(admitted ? counts.running : counts.queued);
    if (admitted && !contenders_.at(key).holds_slot) granted_.insert(key);
    if (place.turn != Turn::kQueued) shown_.erase(key);
    const auto before = places_.find(key);
    if (before == places_.end() || before->second.turn != place.turn) woken.push_back(key);
  }
  places_ = std::move(next);
  return woken;
}

void Slots::Wake(const std::vector<ObjectKey>& keys) const {
  for (const ObjectKey& key : keys) wake_(key);
}

void Slots::Refresh() {
  std::vector<ObjectKey> woken;
  {
    MutexLock lock(mutex_);
    woken = PlanIfDue();
  }
  Wake(woken);
}

Place Slots::PlaceOf(const ObjectKey& key) {
  Refresh();
  MutexLock lock(mutex_);
  const auto found = places_.find(key);
  if (found == places_.end()) return {Turn::kHeldBack, 0, Bound::kRepository, 0, {}};
  Place place = found->second;
  if (place.turn != Turn::kQueued) return place;
  place.position = CoarsePosition(place.position);
  const MonotonicTime now = clock_.Monotonic();
  const auto [shown, is_new] = shown_.try_emplace(key, Shown{place, now});
  if (!is_new && shown->second.place != place && now - shown->second.since >= kShownPeriod) {
    shown->second = {place, now};
  }
  return shown->second.place;
}

void Slots::Refused(const ObjectKey& key, const LaunchError& error) {
  MutexLock lock(mutex_);
  granted_.erase(key);
  const Refusal refusal{clock_.Monotonic() + kRefusalPause, error.message};
  refused_[key] = refusal;
  if (error.kind == LaunchErrorKind::kQuota) refusing_namespaces_[key.namespace_] = refusal;
  dirty_ = true;
}

Slots::Counts Slots::CountsOf(const RepositoryKey& repository) const {
  MutexLock lock(mutex_);
  const auto found = counts_.find(repository);
  return found == counts_.end() ? Counts{} : found->second;
}

}  // namespace committest::op
