#pragma once

#include <chrono>

#include "common/base/metrics.h"
#include "common/base/result.h"
#include "observer/plan.h"

namespace committest::observer {

/// The observer's own metrics; every series exists from the start. Thread-safe.
class PollMetrics {
 public:
  /// `metrics` must outlive this.
  explicit PollMetrics(Metrics& metrics);

  /// One look: how long it took, and whether it found a change or failed (`error` not null).
  void Looked(std::chrono::nanoseconds duration, bool found_change, const Error* error);
  /// One ref's change was carried out.
  void Found(const RefStep& step);
  /// One CommitTest was created by us, rather than found.
  void Created();
  /// A poll found what no delivery had told.
  void Missed();

 private:
  prometheus::Counter& unchanged_;
  prometheus::Counter& changed_;
  prometheus::Counter& failed_;
  prometheus::Histogram& seconds_;
  prometheus::Counter& commits_;
  prometheus::Counter& skipped_;
  prometheus::Counter& created_;
  prometheus::Counter& missed_;
};

}  // namespace committest::observer
