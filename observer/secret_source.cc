#include "observer/secret_source.h"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/kube/base64.h"
#include "common/kube/json_reader.h"

namespace committest::observer {
namespace {

const kube::ResourceType& SecretType() {
  static const kube::ResourceType kType{"", "v1", "secrets", "Secret"};
  return kType;
}

std::string Named(const kube::ObjectKey& key) { return "Secret " + key.ToString(); }

Error ReadError(const kube::ObjectKey& key, const Error& error) {
  if (error.code == ErrorCode::kNotFound) {
    return {ErrorCode::kNotFound, Named(key) + " does not exist", {}, std::nullopt};
  }
  if (error.code == ErrorCode::kPermissionDenied) {
    return {ErrorCode::kPermissionDenied,
            Named(key) + " may not be read by the observer; add " + key.name +
                " to the chart's value observer.secretNames",
            {},
            std::nullopt};
  }
  return {error.code, Named(key) + " cannot be read: " + error.message, {}, error.retry_after};
}

Result<git::SecretData> Decode(const kube::ObjectKey& key, const nlohmann::json& object) {
  git::SecretData secret;
  secret.type = kube::StringAt(object, "type");
  secret.resource_version = kube::StringAt(kube::ObjectAt(object, "metadata"), "resourceVersion");
  for (const auto& [name, value] : kube::ObjectAt(object, "data").items()) {
    auto text =
        value.is_string() ? kube::DecodeBase64(value.get_ref<const std::string&>()) : std::nullopt;
    if (!text) return Fail(ErrorCode::kDataLoss, Named(key) + ": " + name + " is not base64");
    secret.values[name] = std::move(*text);
  }
  return secret;
}

}  // namespace

Result<git::SecretData> KubeSecretSource::Get(const kube::ObjectKey& key) {
  return Answered(key, ages_.value);
}

Result<git::SecretData> KubeSecretSource::GetFresh(const kube::ObjectKey& key) {
  return Answered(key, ages_.error);
}

Result<git::SecretData> KubeSecretSource::Answered(const kube::ObjectKey& key,
                                                   std::chrono::milliseconds max_age) {
  const MonotonicTime now = clock_.Monotonic();
  {
    MutexLock lock(mutex_);
    const auto known = answers_.find(key);
    if (known != answers_.end()) {
      const auto limit = known->second.secret ? max_age : std::min(max_age, ages_.error);
      if (now - known->second.time < limit) return known->second.secret;
    }
  }
  auto object = reader_.Get(SecretType(), key);
  auto secret =
      object ? Decode(key, *object) : Result<git::SecretData>(Fail(ReadError(key, object.error())));
  // The process ends; that says nothing of the Secret.
  if (!secret && secret.error().code == ErrorCode::kCancelled) return secret;
  MutexLock lock(mutex_);
  if (answers_.size() >= kMaxRemembered && !answers_.contains(key)) {
    answers_.erase(std::ranges::min_element(answers_, {},
                                            [](const auto& entry) { return entry.second.time; }));
  }
  answers_.insert_or_assign(key, Answer{secret, now});
  return secret;
}

}  // namespace committest::observer
