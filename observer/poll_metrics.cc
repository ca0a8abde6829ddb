#include "observer/poll_metrics.h"

#include <prometheus/counter.h>
#include <prometheus/histogram.h>

namespace committest::observer {
namespace {

constexpr const char* kPolls = "committest_observer_polls_total";
constexpr const char* kPollsHelp = "Looks at repositories, by outcome.";

}  // namespace

PollMetrics::PollMetrics(Metrics& metrics)
    : unchanged_(metrics.Counter(kPolls, kPollsHelp, {{"outcome", "unchanged"}})),
      changed_(metrics.Counter(kPolls, kPollsHelp, {{"outcome", "changed"}})),
      failed_(metrics.Counter(kPolls, kPollsHelp, {{"outcome", "failed"}})),
      seconds_(metrics.Seconds("committest_observer_poll_seconds",
                               "How long a look took, fetch and history included.")),
      commits_(metrics.Counter("committest_observer_commits_found_total",
                               "New commits that were to be tested.")),
      skipped_(metrics.Counter("committest_observer_commits_skipped_total",
                               "New commits that got no CommitTest by the repository's policy.")),
      created_(metrics.Counter("committest_observer_committests_created_total",
                               "CommitTests created; those that existed already not counted.")),
      missed_(metrics.Counter("committest_observer_webhook_missed_total",
                              "Changes that a poll found and no delivery told of.")) {}

void PollMetrics::Looked(std::chrono::nanoseconds duration, bool found_change, const Error* error) {
  seconds_.Observe(std::chrono::duration<double>(duration).count());
  prometheus::Counter& outcome = error != nullptr ? failed_ : found_change ? changed_ : unchanged_;
  outcome.Increment();
}

void PollMetrics::Found(const RefStep& step) {
  commits_.Increment(static_cast<double>(step.create.size()));
  skipped_.Increment(static_cast<double>(step.skipped));
}

void PollMetrics::Created() { created_.Increment(); }

void PollMetrics::Missed() { missed_.Increment(); }

}  // namespace committest::observer
