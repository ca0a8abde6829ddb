#pragma once

#include <chrono>
#include <cstddef>
#include <map>

#include "common/base/clock.h"
#include "common/base/mutex.h"
#include "common/base/result.h"
#include "common/git/secret_data.h"
#include "common/kube/client.h"
#include "common/kube/object.h"

namespace committest::observer {

/// Gives the Secrets that ObservedRepositories name.
class SecretSource {
 public:
  virtual ~SecretSource() = default;

  /// The Secret as it was at most some seconds ago.
  /// Errors: kNotFound, kPermissionDenied (the installation does not let the observer read a Secret
  /// of this name), kDataLoss (a value is not base64), those of a failed read. The messages name
  /// the Secret and what to do, never a value, and do not vary from call to call.
  virtual Result<git::SecretData> Get(const kube::ObjectKey& key) = 0;

  /// The Secret as it is now: for when what it held was refused. Answers as `Get` does when it was
  /// read a moment ago, so that a server that refuses everything cannot make it ask each time.
  virtual Result<git::SecretData> GetFresh(const kube::ObjectKey& key) = 0;
};

/// How old an answer of `KubeSecretSource` may be.
struct SecretAges {
  std::chrono::milliseconds value{30'000};  ///< Of a Secret that was read.
  std::chrono::milliseconds error{5'000};   ///< Of an error, and of what `GetFresh` answers.
};

/// Reads Secrets one by one from the Kubernetes API: the role of the observer names the few that it
/// may `get`, and it may neither list nor watch any. Thread-safe; a read blocks its caller alone.
class KubeSecretSource final : public SecretSource {
 public:
  /// Both must outlive this.
  KubeSecretSource(kube::Reader& reader, const Clock& clock, SecretAges ages = {})
      : reader_(reader), clock_(clock), ages_(ages) {}

  Result<git::SecretData> Get(const kube::ObjectKey& key) override EXCLUDES(mutex_);
  Result<git::SecretData> GetFresh(const kube::ObjectKey& key) override EXCLUDES(mutex_);

  /// Far above the Secrets that an installation names; beyond it the oldest answers are dropped.
  static constexpr std::size_t kMaxRemembered = 10'000;

 private:
  struct Answer {
    Result<git::SecretData> secret;
    MonotonicTime time;
  };

  Result<git::SecretData> Answered(const kube::ObjectKey& key, std::chrono::milliseconds max_age)
      EXCLUDES(mutex_);

  kube::Reader& reader_;
  const Clock& clock_;
  const SecretAges ages_;
  Mutex mutex_;
  std::map<kube::ObjectKey, Answer> answers_ GUARDED_BY(mutex_);
};

}  // namespace committest::observer
