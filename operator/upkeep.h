#pragma once

#include <chrono>
#include <cstddef>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/kube/client.h"
#include "common/kube/controller.h"
#include "operator/caches.h"
#include "operator/queue.h"
#include "operator/retention.h"
#include "operator/slots.h"

namespace committest::op {

/// How often the upkeep looks at everything.
inline constexpr std::chrono::seconds kUpkeepPeriod{60};
/// So many CommitTests are deleted in one pass at most; the next pass then follows soon.
inline constexpr std::size_t kMaxDeletionsPerPass = 100;

/// What concerns all CommitTests of a repository together, done in passes over the caches: deletes
/// those that have had their time (retention.h), and tells the ObservedRepositories how many run
/// and wait. Writes nothing when nothing has changed. One pass at a time.
class Upkeep {
 public:
  /// The references must outlive the upkeep.
  Upkeep(const CacheSet& caches, Slots& slots, kube::Writer& writer,
         kube::StatusWriter& status_writer, const Clock& clock)
      : caches_(caches),
        slots_(slots),
        writer_(writer),
        status_writer_(status_writer),
        clock_(clock) {}

  /// One pass; asks for the next one. The first error ends it: the next pass does what is left.
  Result<kube::Outcome> Pass();

 private:
  Status DeleteExpired(const Caches& caches, std::size_t& deleted);
  Status TellCounts(const Caches& caches);

  const CacheSet& caches_;
  Slots& slots_;
  kube::Writer& writer_;
  kube::StatusWriter& status_writer_;
  const Clock& clock_;
};

}  // namespace committest::op
