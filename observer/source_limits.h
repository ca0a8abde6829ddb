#pragma once

#include <cstddef>
#include <map>
#include <string>

#include "common/base/clock.h"
#include "common/base/mutex.h"

namespace committest::observer {

/// A token bucket for each address that requests come from, so that who is refused all the time does
/// not take the time of others. Only what is worth nothing is charged; who sends what is right is
/// never limited. Thread-safe.
class SourceLimits {
 public:
  struct Options {
    double per_second = 20;
    double burst = 100;
    std::size_t max_sources = 4096;  ///< Beyond it, all are forgotten.
  };

  SourceLimits() : SourceLimits(Options()) {}
  explicit SourceLimits(Options options) : options_(options) {}

  /// Whether there is a token left.
  bool Allows(const std::string& source, MonotonicTime now) const EXCLUDES(mutex_);
  /// Takes a token; below zero the bucket does not go.
  void Charge(const std::string& source, MonotonicTime now) EXCLUDES(mutex_);

 private:
  struct Bucket {
    double tokens = 0;
    MonotonicTime at;
  };

  double Tokens(const Bucket& bucket, MonotonicTime now) const;

  const Options options_;
  mutable Mutex mutex_;
  std::map<std::string, Bucket> buckets_ GUARDED_BY(mutex_);
};

}  // namespace committest::observer
