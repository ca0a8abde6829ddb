#pragma once

#include <optional>

#include <nlohmann/json_fwd.hpp>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/kube/client.h"
#include "common/kube/event_recorder.h"
#include "operator/decide.h"
#include "operator/gather.h"
#include "operator/observed.h"
#include "operator/operator_metrics.h"

namespace committest::op {

/// The answer to a launch. Unless the Job was created, nothing else of the decision was done, and
/// a new one is due.
enum class Launch {
  kNotAsked,
  kCreated,
  kNameTaken,  ///< A Job of this name exists: whose it is must be seen live.
  kRefused,
};

struct Applied {
  Launch launch = Launch::kNotAsked;
  std::optional<LaunchError> refusal;  ///< Of kRefused.
};

/// Carries decisions out. The only writer of the operator. Each step may be repeated without harm,
/// so that it may stop anywhere:
///  - a Job's name is a function of CommitTest UID and attempt: a second POST is AlreadyExists;
///  - the status is patched against the resourceVersion that was decided on;
///  - a Job is deleted by UID.
/// Thread-safe.
class Applier {
 public:
  /// The references must outlive the applier.
  Applier(kube::Writer& writer, kube::StatusWriter& status_writer, kube::EventSink& events,
          WriteMemory& writes, OperatorMetrics& metrics, const Clock& clock);

  /// Errors: kConflict when the CommitTest has changed since `observed`; kUnknownOutcome and other
  /// codes as in kube/client.h. After any error the whole reconcile is to be done again.
  Result<Applied> Apply(const Observed& observed, const Decision& decision);

 private:
  Result<Applied> Create(const Observed& observed, std::int64_t attempt);
  Status WriteStatus(const Observed& observed, const Decision& decision);
  Status DeleteJobs(const Decision& decision);
  void Tell(const Observed& observed, const Decision& decision);

  kube::Writer& writer_;
  kube::StatusWriter& status_writer_;
  kube::EventSink& events_;
  WriteMemory& writes_;
  OperatorMetrics& metrics_;
  const Clock& clock_;
};

}  // namespace committest::op
