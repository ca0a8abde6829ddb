#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/base/mutex.h"
#include "common/kube/client.h"

namespace committest {

/// A few objects in memory with resource versions and compare-and-swap, and faults on demand.
/// Enough for what reads and writes single objects; no LIST, no WATCH. Thread-safe.
class MemoryApi final : public kube::Reader, public kube::Writer, public kube::Updater {
 public:
  /// Asked before ("GET", "POST", "PUT", "DELETE") a request takes effect; an error is its answer.
  using Fault = std::function<std::optional<Error>(const std::string& verb)>;

  /// Refuses requests from now on; null ends that.
  void SetFault(Fault fault) EXCLUDES(mutex_);
  /// The next write is applied and its answer lost: kUnknownOutcome.
  void LoseNextAnswer() EXCLUDES(mutex_);

  Result<nlohmann::json> Get(const kube::ResourceType& type, const kube::ObjectKey& key) override;
  Result<nlohmann::json> Create(const kube::ResourceType& type,
                                const nlohmann::json& object) override;
  Status Delete(const kube::ResourceType& type, const kube::ObjectKey& key,
                std::string_view uid) override;
  Result<nlohmann::json> Replace(const kube::ResourceType& type,
                                 const nlohmann::json& object) override;

  /// What is stored, in the order of names; requests so far, as verbs in order.
  std::vector<nlohmann::json> Objects(const std::string& kind) const EXCLUDES(mutex_);
  std::vector<std::string> Verbs() const EXCLUDES(mutex_);
  int Count(const std::string& verb) const EXCLUDES(mutex_);
  /// Removes an object behind everyone's back.
  void Erase(const std::string& kind, const kube::ObjectKey& key) EXCLUDES(mutex_);

 private:
  using Place = std::pair<std::string, kube::ObjectKey>;

  std::optional<Error> Begin(const std::string& verb) EXCLUDES(mutex_);
  Result<nlohmann::json> StoreLocked(const Place& place, nlohmann::json object) REQUIRES(mutex_);

  mutable Mutex mutex_;
  Fault fault_ GUARDED_BY(mutex_);
  bool lose_answer_ GUARDED_BY(mutex_) = false;
  std::int64_t version_ GUARDED_BY(mutex_) = 100;
  std::map<Place, nlohmann::json> objects_ GUARDED_BY(mutex_);
  std::vector<std::string> verbs_ GUARDED_BY(mutex_);
};

}  // namespace committest
