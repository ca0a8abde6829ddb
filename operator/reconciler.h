#pragma once

#include "common/base/result.h"
#include "common/kube/client.h"
#include "common/kube/controller.h"
#include "operator/apply.h"
#include "operator/decide.h"
#include "operator/gather.h"

namespace committest::op {

/// gather → decide → apply for one CommitTest. Thread-safe for different keys.
class Reconciler {
 public:
  /// The references must outlive the reconciler.
  Reconciler(Gatherer& gatherer, Slots& slots, Applier& applier, kube::Reader& reader)
      : gatherer_(gatherer), slots_(slots), applier_(applier), reader_(reader) {}

  /// A CommitTest that does not exist is a quiet success.
  Result<kube::Outcome> Reconcile(const kube::ObjectKey& key);

 private:
  Result<kube::Outcome> DecideAndApply(Observed observed);
  /// Decides; what would end an attempt by the cache alone, on Pods that are read anew.
  Result<Decision> DecideSurely(Observed& observed);
  /// Puts the answer to a launch that did not create the Job into `observed`.
  Status TakeAnswer(const Applied& applied, Observed& observed);

  Gatherer& gatherer_;
  Slots& slots_;
  Applier& applier_;
  kube::Reader& reader_;
};

}  // namespace committest::op
