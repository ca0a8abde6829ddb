#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <string>
#include <thread>

#include "common/api/observed_repository.h"
#include "common/base/clock.h"
#include "common/base/mutex.h"
#include "common/base/result.h"
#include "observer/secret_source.h"

namespace committest::observer {

/// The webhooks' secrets at hand, so that no delivery waits for the API server.
///
/// Each look at a repository reads its secret anew (`Refresh`). A delivery that is refused may be the
/// first after the secret was changed: `Doubt` has it read again on a thread of this class, at most
/// once in `kDoubtPause` for one repository and `kReadPause` for all, because strangers can cause
/// it.
///
/// Thread-safe.
class WebhookSecrets {
 public:
  using RepositoryPtr = std::shared_ptr<const api::ObservedRepository>;
  using SecretPtr = std::shared_ptr<const std::string>;

  static constexpr std::chrono::seconds kDoubtPause{5};
  static constexpr std::chrono::milliseconds kReadPause{200};

  /// Both must outlive this.
  WebhookSecrets(SecretSource& source, const Clock& clock);
  /// Stops and joins.
  ~WebhookSecrets();
  WebhookSecrets(const WebhookSecrets&) = delete;
  WebhookSecrets& operator=(const WebhookSecrets&) = delete;

  /// Reads the secret that the repository names. An error says what is wrong with it, in words that
  /// do not vary and hold nothing of it. While the API server cannot be asked, the secret that is
  /// known stays. REQUIRES: the repository has `spec.webhook`.
  Status Refresh(const api::ObservedRepository& repository) EXCLUDES(mutex_);
  /// Null when none is known that can be used. Never waits.
  SecretPtr Find(const api::ObservedRepository& repository) const EXCLUDES(mutex_);
  /// Has the secret read again soon. Never waits. REQUIRES: as `Refresh`.
  void Doubt(const RepositoryPtr& repository) EXCLUDES(mutex_);
  void Forget(const kube::ObjectKey& repository) EXCLUDES(mutex_);

  /// Ends a read that is waiting for its turn, joins the thread. May be repeated.
  void Stop();

 private:
  struct Known {
    api::WebhookSpec of;
    SecretPtr secret;
  };

  Status Keep(const api::ObservedRepository& repository, const Result<git::SecretData>& secret)
      EXCLUDES(mutex_);
  void ReadDoubted(const std::stop_token& stop) EXCLUDES(mutex_);
  RepositoryPtr NextDoubted(const std::stop_token& stop) EXCLUDES(mutex_);

  SecretSource& source_;
  const Clock& clock_;
  mutable Mutex mutex_;
  std::condition_variable_any wake_;
  std::map<kube::ObjectKey, Known> known_ GUARDED_BY(mutex_);
  std::map<kube::ObjectKey, RepositoryPtr> doubted_ GUARDED_BY(mutex_);
  std::map<kube::ObjectKey, MonotonicTime> last_doubt_ GUARDED_BY(mutex_);
  std::jthread reader_;  // Last: it uses what is above.
};

}  // namespace committest::observer
