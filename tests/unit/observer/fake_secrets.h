#pragma once

#include <map>
#include <string>

#include "common/base/mutex.h"
#include "observer/secret_source.h"

namespace committest::observer {

/// Secrets in memory, and an error on demand. Thread-safe.
class FakeSecrets final : public SecretSource {
 public:
  void Set(const kube::ObjectKey& key, const std::string& name, const std::string& value)
      EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    secrets_[key].values = {{name, value}};
  }
  void Remove(const kube::ObjectKey& key) EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    secrets_.erase(key);
  }
  void SetError(const std::optional<ErrorCode>& error) EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    error_ = error;
  }
  int Reads() const EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    return reads_;
  }

  Result<git::SecretData> Get(const kube::ObjectKey& key) override EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    ++reads_;
    if (error_) return Fail(*error_, "Secret " + key.ToString() + " cannot be read");
    const auto it = secrets_.find(key);
    if (it == secrets_.end()) {
      return Fail(ErrorCode::kNotFound, "Secret " + key.ToString() + " does not exist");
    }
    return it->second;
  }
  Result<git::SecretData> GetFresh(const kube::ObjectKey& key) override { return Get(key); }

 private:
  mutable Mutex mutex_;
  std::map<kube::ObjectKey, git::SecretData> secrets_ GUARDED_BY(mutex_);
  std::optional<ErrorCode> error_ GUARDED_BY(mutex_);
  int reads_ GUARDED_BY(mutex_) = 0;
};

}  // namespace committest::observer
