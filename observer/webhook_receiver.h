#pragma once

#include <cstddef>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/api/observed_repository.h"
#include "common/base/clock.h"
#include "common/base/metrics.h"
#include "common/base/mutex.h"
#include "common/http/message.h"
#include "observer/deliveries.h"
#include "observer/source_limits.h"
#include "observer/webhook_metrics.h"
#include "observer/webhook_secrets.h"

namespace committest::observer {

/// Remembers the newest of a bounded number of texts. Thread-safe.
class RecentTexts {
 public:
  explicit RecentTexts(std::size_t limit) : limit_(limit) {}

  /// Whether `text` is new here; it is remembered then, and the one used longest ago may go.
  bool Add(const std::string& text) EXCLUDES(mutex_);

 private:
  const std::size_t limit_;
  Mutex mutex_;
  std::list<std::string> texts_ GUARDED_BY(mutex_);  // The last used first.
  std::map<std::string_view, std::list<std::string>::iterator> places_ GUARDED_BY(mutex_);
};

/// "/webhooks/NAMESPACE/NAME" of an ObservedRepository; nullopt for any other path.
std::optional<kube::ObjectKey> WebhookTarget(std::string_view path);

/// Takes the deliveries of webhooks. A genuine one means "look at this repository now" and nothing
/// else: its body is never parsed, so no URL, ref or commit in it counts, and what is looked at
/// stands in the ObservedRepository.
///
/// Flow: source → path → method (`Refuse`, before the body is read) → repository → secret → HMAC over
/// the raw body → seen before? → noted, queued, 202. Nothing on this way waits for Git or the API
/// server.
///
///   answer | when
///   -------+------------------------------------------------------------------------------------
///   202    | genuine; also when it has been seen, but then it brings no look. A host that missed
///          | our first answer must not take its webhook for broken.
///   401    | the signature is absent, wrong or stale; the repository does not exist, has no
///          | webhook or no secret that can be used. All with the same text and work, so that
///          | strangers cannot tell which repositories there are.
///   404    | another path
///   405    | another method
///   429    | this source was refused too often lately (`SourceLimits`)
///
/// 400, 408, 413, 431 and 503 are the server's (common/http/server.h).
///
/// A delivery that was captured can be sent again with another id where hosts do not sign it (all but
/// GitLab's signing tokens): it then costs one more look, and many at once no more than one after the
/// other.
///
/// Thread-safe.
class WebhookReceiver {
 public:
  using RepositoryPtr = std::shared_ptr<const api::ObservedRepository>;

  struct Hooks {
    /// From the cache; null when there is none.
    std::function<RepositoryPtr(const kube::ObjectKey&)> cached;
    /// Queues the repository for a look; must not wait.
    std::function<void(const kube::ObjectKey&)> look;
  };

  /// All references must outlive this.
  WebhookReceiver(Hooks hooks, WebhookSecrets& secrets, Deliveries& deliveries, const Clock& clock,
                  Metrics& metrics);

  /// For the server's gate.
  std::optional<http::Response> Refuse(const http::Request& head);
  /// For the server's handler. REQUIRES: `Refuse` has let the request pass.
  http::Response Take(const http::Request& request);

 private:
  struct Known;

  Known Look(const kube::ObjectKey& key) const;
  DeliveryResult Decide(const http::Request& request, const kube::ObjectKey& key,
                        const Known& known);
  void TellRefused(const http::Request& request, const Known& known, DeliveryResult result)
      EXCLUDES(mutex_);

  const Hooks hooks_;
  WebhookSecrets& secrets_;
  Deliveries& deliveries_;
  const Clock& clock_;
  WebhookMetrics metrics_;
  SourceLimits limits_;
  RecentTexts seen_;
  Mutex mutex_;
  std::optional<MonotonicTime> told_ GUARDED_BY(mutex_);
};

}  // namespace committest::observer
