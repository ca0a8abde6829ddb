#pragma once

#include <optional>

#include <nlohmann/json_fwd.hpp>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/kube/client.h"
#include "common/kube/observed_writes.h"
#include "operator/attempts.h"
#include "operator/caches.h"
#include "operator/observed.h"
#include "operator/slots.h"

namespace committest::op {

/// What we wrote and the caches do not show yet. Thread-safe.
struct WriteMemory {
  explicit WriteMemory(const Clock& clock) : commit_tests(clock), jobs(clock) {}

  kube::ObservedWrites commit_tests;
  kube::ObservedWrites jobs;
};

enum class Sight {
  kGone,    ///< There is no such CommitTest (any more).
  kBehind,  ///< The caches do not show our last write yet; an event will tell when they do.
  kClear,   ///< `observed` may be decided on.
};

struct Gathering {
  Sight sight = Sight::kGone;
  Observed observed;
};

/// Fills `Observed`: from the caches, and by live GETs where something recorded is absent from
/// them, for an absence in a cache proves nothing. A test that passes without trouble causes no
/// read at all, or one before a launch in shards, for recorded durations. The only reader of the cluster; writes nothing. Thread-safe.
class Gatherer {
 public:
  /// The references must outlive the gatherer.
  Gatherer(const CacheSet& caches, Slots& slots, kube::Reader& reader, kube::Lister& lister,
           WriteMemory& writes, const Clock& clock, RunnerDefaults defaults, Policy policy);

  /// Errors are those of the live GETs: then nothing may be decided.
  Result<Gathering> Gather(const kube::ObjectKey& key);

  /// Takes `object`, a Job read live, as the current attempt's Job, and looks its Pods up.
  void Adopt(const nlohmann::json& object, Observed& observed) const;

  /// Replaces the Pods of the current attempt by what the API server has now. An error leaves
  /// `observed` unusable.
  Status ReadPods(Observed& observed);

 private:
  Result<Sight> GatherCommitTest(const Caches& caches, const kube::ObjectKey& key,
                                 Observed& observed);
  Result<Sight> GatherJob(const Caches& caches, const CurrentAttempt& current, Observed& observed);
  Status ConfirmJob(const CurrentAttempt& current, Observed& observed);
  Status GatherTimings(const Caches& caches, Observed& observed);
  Status ConfirmPod(const CurrentAttempt& current, Observed& observed);
  /// nullopt: the server says that there is no such object.
  Result<std::optional<nlohmann::json>> GetLive(const kube::ResourceType& type,
                                                const kube::ObjectKey& key);

  const CacheSet& caches_;
  Slots& slots_;
  kube::Reader& reader_;
  kube::Lister& lister_;
  WriteMemory& writes_;
  const Clock& clock_;
  const RunnerDefaults defaults_;
  const Policy policy_;
};

}  // namespace committest::op
