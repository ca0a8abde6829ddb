#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>

#include "common/base/clock.h"
#include "common/base/mutex.h"
#include "common/base/result.h"
#include "common/kube/config.h"

namespace committest::kube {

/// The content of a file of at most `max_bytes`. Errors name the file: kNotFound, kPermissionDenied
/// or kInvalidArgument when it cannot be opened, is no regular file or is too large.
Result<std::string> ReadSmallFile(const std::string& file, std::size_t max_bytes);

/// The text of `material` as it is now, files read and sources asked anew.
Result<std::string> ReadMaterial(const Material& material);

/// A bearer token that may be rotated. Its file is read, or its source asked, again when the last
/// reading is older than `max_age` or after `Invalidate`; while that fails, or the file is empty
/// because it is just being written, the last token goes on being used. Thread-safe.
class TokenSource {
 public:
  /// `clock` must outlive the source. Kubernetes asks clients to re-read at least every minute.
  TokenSource(Material material, const Clock& clock,
              std::chrono::seconds max_age = std::chrono::seconds(60));

  /// The token without white space at its ends; empty when the material is. An error only when
  /// there has never been a token.
  Result<std::string> Get() EXCLUDES(mutex_);

  /// The server refused `token`: the next `Get` reads it anew. False when it is given in place, so
  /// that trying again is of no use.
  bool Invalidate() EXCLUDES(mutex_);

 private:
  const Material material_;
  const Clock& clock_;
  const std::chrono::seconds max_age_;
  Mutex mutex_;
  std::string token_ GUARDED_BY(mutex_);
  std::optional<MonotonicTime> read_at_ GUARDED_BY(mutex_);
};

}  // namespace committest::kube
