#include "observer/webhook_receiver.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "common/base/log.h"
#include "common/base/strings.h"
#include "observer/webhook_judge.h"

namespace committest::observer {
namespace {

constexpr std::string_view kRoot = "/webhooks/";
// Some 1 MB at the most; a busy host sends far fewer in the window of its signed times.
constexpr std::size_t kRemembered = 8192;
constexpr std::chrono::seconds kTellPause{10};
constexpr std::size_t kMaxNamespaceBytes = 63;
constexpr std::size_t kMaxNameBytes = 253;

http::Response Answer(int status, std::string text) {
  return {status, {{"content-type", "text/plain; charset=utf-8"}}, std::move(text) + "\n"};
}

bool IsName(std::string_view text, std::size_t most) {
  const auto is_allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
  };
  return !text.empty() && text.size() <= most && std::ranges::all_of(text, is_allowed);
}

std::string_view ResultName(DeliveryResult result) {
  return result == DeliveryResult::kStale ? "the signed time is not near ours"
                                          : "the signature is absent or wrong";
}

}  // namespace

// What there is to judge a delivery by. Without a secret it is judged all the same.
struct WebhookReceiver::Known {
  RepositoryPtr repository;  // Null unless it exists and has a webhook.
  WebhookSecrets::SecretPtr secret;
};

bool RecentTexts::Add(const std::string& text) {
  const MutexLock lock(mutex_);
  if (const auto known = places_.find(text); known != places_.end()) {
    texts_.splice(texts_.begin(), texts_, known->second);
    return false;
  }
  texts_.push_front(text);
  places_[texts_.front()] = texts_.begin();
  if (texts_.size() > limit_) {
    places_.erase(texts_.back());
    texts_.pop_back();
  }
  return true;
}

std::optional<kube::ObjectKey> WebhookTarget(std::string_view path) {
  if (!path.starts_with(kRoot)) return std::nullopt;
  const std::string_view rest = path.substr(kRoot.size());
  const std::size_t slash = rest.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const std::string_view space = rest.substr(0, slash);
  const std::string_view name = rest.substr(slash + 1);
  if (!IsName(space, kMaxNamespaceBytes) || !IsName(name, kMaxNameBytes)) return std::nullopt;
  return kube::ObjectKey{std::string(space), std::string(name)};
}

WebhookReceiver::WebhookReceiver(Hooks hooks, WebhookSecrets& secrets, Deliveries& deliveries,
                                 const Clock& clock, Metrics& metrics)
    : hooks_(std::move(hooks)),
      secrets_(secrets),
      deliveries_(deliveries),
      clock_(clock),
      metrics_(metrics),
      seen_(kRemembered) {}

std::optional<http::Response> WebhookReceiver::Refuse(const http::Request& head) {
  const MonotonicTime now = clock_.Monotonic();
  if (!limits_.Allows(head.peer, now)) {
    metrics_.Delivered(std::nullopt, DeliveryResult::kThrottled);
    http::Response response = Answer(429, "too many requests that were refused");
    response.headers["retry-after"] = "1";
    return response;
  }
  std::optional<http::Response> refusal;
  if (!WebhookTarget(http::PathOf(head.target))) {
    refusal = Answer(404, "not found");
  } else if (head.method != "POST") {
    refusal = Answer(405, "method not allowed");
    refusal->headers["allow"] = "POST";
  }
  if (refusal) limits_.Charge(head.peer, now);
  return refusal;
}

http::Response WebhookReceiver::Take(const http::Request& request) {
  const MonotonicTime start = clock_.Monotonic();
  const auto key = WebhookTarget(http::PathOf(request.target));
  if (!key) return Answer(404, "not found");
  const Known known = Look(*key);
  const DeliveryResult result = Decide(request, *key, known);
  if (result != DeliveryResult::kAccepted) limits_.Charge(request.peer, start);
  metrics_.Delivered(
      known.repository ? std::optional(known.repository->spec.webhook->provider) : std::nullopt,
      result);
  const bool is_taken = result == DeliveryResult::kAccepted || result == DeliveryResult::kRepeated;
  if (!is_taken) TellRefused(request, known, result);
  metrics_.Took(clock_.Monotonic() - start);
  return is_taken ? Answer(202, "accepted") : Answer(401, "unauthorized");
}

WebhookReceiver::Known WebhookReceiver::Look(const kube::ObjectKey& key) const {
  Known known;
  known.repository = hooks_.cached(key);
  if (known.repository && !known.repository->spec.webhook) known.repository = nullptr;
  if (known.repository) known.secret = secrets_.Find(*known.repository);
  return known;
}

DeliveryResult WebhookReceiver::Decide(const http::Request& request, const kube::ObjectKey& key,
                                       const Known& known) {
  const auto provider =
      known.repository ? known.repository->spec.webhook->provider : api::WebhookProvider::kGeneric;
  const WallTime now = clock_.Wall();
  const Verdict verdict = Judge(provider, request.headers, request.body,
                                known.secret ? std::string_view(*known.secret) : "", now);
  switch (verdict.judgement) {
    case Judgement::kRefused:
      return DeliveryResult::kRefused;
    case Judgement::kStale:
      return DeliveryResult::kStale;
    case Judgement::kGenuine:
      break;
  }
  if (!verdict.delivery.empty() && !seen_.Add(key.ToString() + '\n' + verdict.delivery)) {
    return DeliveryResult::kRepeated;
  }
  deliveries_.Note(key, now);
  hooks_.look(key);
  log::Info("webhook taken",
            {{"repository", key.ToString()}, {"provider", api::WebhookProviderName(provider)}});
  return DeliveryResult::kAccepted;
}

void WebhookReceiver::TellRefused(const http::Request& request, const Known& known,
                                  DeliveryResult result) {
  if (!known.repository) return;
  if (result == DeliveryResult::kRefused) secrets_.Doubt(known.repository);
  {
    const MonotonicTime now = clock_.Monotonic();
    const MutexLock lock(mutex_);
    // Strangers must not fill the log.
    if (told_ && now - *told_ < kTellPause) return;
    told_ = now;
  }
  log::Warning("webhook refused",
               {{"repository", known.repository->meta.Key().ToString()},
                {"provider", api::WebhookProviderName(known.repository->spec.webhook->provider)},
                {"reason", known.secret ? ResultName(result) : "no secret that can be used"},
                {"source", request.peer}});
}

}  // namespace committest::observer
