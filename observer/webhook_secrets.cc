#include "observer/webhook_secrets.h"

#include <utility>

#include "common/base/strings.h"
#include "observer/webhook_judge.h"

namespace committest::observer {
namespace {

// An error that says nothing of the Secret itself.
bool IsPassing(const Error& error) {
  return error.code != ErrorCode::kNotFound && error.code != ErrorCode::kPermissionDenied &&
         error.code != ErrorCode::kDataLoss && error.code != ErrorCode::kInvalidArgument;
}

kube::ObjectKey SecretKey(const api::ObservedRepository& repository) {
  return {repository.meta.namespace_, repository.spec.webhook->secret_name};
}

// Files and shells put an end of line behind what a Secret is made of.
std::string WithoutLineEnd(std::string text) {
  while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
  return text;
}

Result<std::string> Usable(const api::ObservedRepository& repository,
                           const Result<git::SecretData>& secret) {
  if (!secret) return Fail(secret.error());
  const std::string where = "Secret " + SecretKey(repository).ToString();
  const auto it = secret->values.find(api::kWebhookSecretKey);
  if (it == secret->values.end()) {
    return Fail(ErrorCode::kInvalidArgument, where + " has no key " + api::kWebhookSecretKey +
                                                 ", expected the webhook's secret");
  }
  std::string value = WithoutLineEnd(it->second);
  if (auto fit = CheckWebhookSecret(repository.spec.webhook->provider, value); !fit) {
    return Fail(fit.error().code,
                where + ": " + api::kWebhookSecretKey + " " + fit.error().message);
  }
  return value;
}

}  // namespace

WebhookSecrets::WebhookSecrets(SecretSource& source, const Clock& clock)
    : source_(source),
      clock_(clock),
      reader_([this](const std::stop_token& stop) { ReadDoubted(stop); }) {}

WebhookSecrets::~WebhookSecrets() { Stop(); }

void WebhookSecrets::Stop() {
  reader_.request_stop();
  if (reader_.joinable()) reader_.join();
}

Status WebhookSecrets::Refresh(const api::ObservedRepository& repository) {
  return Keep(repository, source_.Get(SecretKey(repository)));
}

Status WebhookSecrets::Keep(const api::ObservedRepository& repository,
                            const Result<git::SecretData>& secret) {
  auto value = Usable(repository, secret);
  const MutexLock lock(mutex_);
  if (value) {
    known_[repository.meta.Key()] = {*repository.spec.webhook,
                                     std::make_shared<const std::string>(std::move(*value))};
    return {};
  }
  const auto it = known_.find(repository.meta.Key());
  const bool is_known = it != known_.end() && it->second.of == *repository.spec.webhook;
  if (is_known && IsPassing(value.error())) return {};
  if (it != known_.end()) known_.erase(it);
  return Fail(std::move(value.error()));
}

WebhookSecrets::SecretPtr WebhookSecrets::Find(const api::ObservedRepository& repository) const {
  const MutexLock lock(mutex_);
  const auto it = known_.find(repository.meta.Key());
  if (it == known_.end() || !repository.spec.webhook ||
      !(it->second.of == *repository.spec.webhook)) {
    return nullptr;
  }
  return it->second.secret;
}

void WebhookSecrets::Doubt(const RepositoryPtr& repository) {
  const kube::ObjectKey key = repository->meta.Key();
  const MonotonicTime now = clock_.Monotonic();
  const MutexLock lock(mutex_);
  const auto last = last_doubt_.find(key);
  if (last != last_doubt_.end() && now - last->second < kDoubtPause) return;
  last_doubt_[key] = now;
  doubted_[key] = repository;
  wake_.notify_one();
}

void WebhookSecrets::Forget(const kube::ObjectKey& repository) {
  const MutexLock lock(mutex_);
  known_.erase(repository);
  doubted_.erase(repository);
  last_doubt_.erase(repository);
}

WebhookSecrets::RepositoryPtr WebhookSecrets::NextDoubted(const std::stop_token& stop) {
  const std::stop_callback on_stop(stop, [this] {
    // The lock orders this wake-up after the waiter's look at the token.
    const MutexLock lock(mutex_);
    wake_.notify_all();
  });
  MutexLock lock(mutex_);
  while (doubted_.empty()) {
    if (stop.stop_requested()) return nullptr;
    wake_.wait(lock);
  }
  RepositoryPtr next = std::move(doubted_.begin()->second);
  doubted_.erase(doubted_.begin());
  return next;
}

void WebhookSecrets::ReadDoubted(const std::stop_token& stop) {
  while (const RepositoryPtr repository = NextDoubted(stop)) {
    // What is wrong with it, the next look says.
    static_cast<void>(Keep(*repository, source_.GetFresh(SecretKey(*repository))));
    if (!clock_.SleepFor(kReadPause, stop)) return;
  }
}

}  // namespace committest::observer
