#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/api/observed_repository.h"
#include "common/base/backoff.h"
#include "common/base/clock.h"
#include "common/base/metrics.h"
#include "common/base/mutex.h"
#include "common/base/random.h"
#include "common/base/result.h"
#include "common/git/url_policy.h"
#include "common/kube/client.h"
#include "common/kube/controller.h"
#include "common/kube/observed_writes.h"
#include "observer/deliveries.h"
#include "observer/git_remote.h"
#include "observer/host_gate.h"
#include "observer/plan.h"
#include "observer/poll_metrics.h"
#include "observer/repository_status.h"
#include "observer/webhook_health.h"
#include "observer/webhook_secrets.h"

namespace committest::observer {

struct ReconcilerOptions {
  git::UrlPolicy url_policy;
  /// After looks that failed. The first retry is no sooner than the poll period.
  BackoffPolicy backoff{std::chrono::seconds(5), std::chrono::minutes(5), 0.2};
  /// So that servers that are silent until the deadline do not take all workers.
  HostLimits hosts;
};

/// What looks know of webhooks; both null when this observer takes none.
struct WebhookParts {
  Deliveries* deliveries = nullptr;
  WebhookSecrets* secrets = nullptr;
};

/// Looks at one ObservedRepository and does what follows: lists the remote's refs, fetches and reads
/// the history of those that changed, creates the CommitTests, and then, only then, moves the
/// cursors in the status, by compare-and-swap.
///
/// Killed anywhere, the next look starts from the same cursors and arrives at the same names:
/// CommitTests that exist already are done. A CommitTest that someone deleted is not made again,
/// because the cursor decides, not what exists. A ref moves on when all its CommitTests exist,
/// whatever becomes of the other refs.
///
/// A look at a repository that has not changed writes nothing: `lastPollTime` is written only
/// together with another change. How often a look has failed is in memory alone: a restart costs
/// one look too many, not a write per failure.
///
/// A failed look is no error of the reconcile but an outcome with a condition and a back-off. Only
/// failures of the API are errors.
///
/// Thread-safe for different keys; all references must outlive it.
class RepositoryReconciler {
 public:
  using RepositoryPtr = std::shared_ptr<const api::ObservedRepository>;

  struct Api {
    /// From the cache; null when the object does not exist.
    std::function<RepositoryPtr(const kube::ObjectKey&)> cached;
    kube::Reader& reader;
    kube::Writer& writer;
    kube::StatusWriter& status_writer;
  };

  RepositoryReconciler(ReconcilerOptions options, Api api, GitRemote& remote, const Clock& clock,
                       Random& random, Metrics& metrics, WebhookParts webhooks = {});

  Result<kube::Outcome> Reconcile(const kube::ObjectKey& key);

  /// Whether a change calls for a look at once: the spec changed, the object is new, gone or
  /// another one, or the annotation `committest.dev/poll-now` has a new value. Our own status
  /// writes do not. Either may be null.
  static bool CallsForLook(const api::ObservedRepository* before,
                           const api::ObservedRepository* after);

 private:
  struct Begin;
  struct Look;

  Result<kube::Outcome> ReconcilePresent(const api::ObservedRepository& repository);
  Begin BeginLook(const api::ObservedRepository& repository);
  Result<Look> LookAt(const api::ObservedRepository& repository,
                      const std::vector<RefPattern>& patterns, const Begin& begin);
  Result<Look> GuardedLookAt(const api::ObservedRepository& repository,
                             const std::vector<RefPattern>& patterns, const Begin& begin);
  Result<kube::Outcome> Apply(const api::ObservedRepository& repository, const Begin& begin,
                              const Look& look);
  Result<kube::Outcome> Finish(const api::ObservedRepository& repository, const Begin& begin,
                               const Look& look, api::ObservedRepositoryStatus status,
                               const std::optional<Error>& failure);
  Status Create(const api::CommitTest& test);
  Status CreateAll(const api::ObservedRepository& repository, const RefStep& step);
  Result<kube::Outcome> HandleFailedLook(const api::ObservedRepository& repository,
                                         const Error& error);
  Status WriteStatus(const api::ObservedRepository& repository,
                     api::ObservedRepositoryStatus status);

  Result<RepositoryPtr> ReadLive(const kube::ObjectKey& key);
  void ForgetRepository(const kube::ObjectKey& key);
  std::chrono::milliseconds GateWait();
  std::chrono::milliseconds Jittered(std::chrono::seconds period);
  kube::Outcome BackOff(const api::ObservedRepository& repository, const Error& error)
      EXCLUDES(mutex_);
  void ClearFailures(const kube::ObjectKey& key) EXCLUDES(mutex_);
  RepositoryState StateOf(const kube::ObjectKey& key) const EXCLUDES(mutex_);

  const ReconcilerOptions options_;
  const Api api_;
  GitRemote& remote_;
  const Clock& clock_;
  Random& random_;
  const WebhookParts webhooks_;
  PollMetrics metrics_;
  kube::ObservedWrites writes_;
  HostGate gate_;
  mutable Mutex mutex_;
  std::map<kube::ObjectKey, int> failures_ GUARDED_BY(mutex_);
};

}  // namespace committest::observer
