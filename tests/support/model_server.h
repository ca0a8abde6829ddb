#pragma once

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/kube/client.h"
#include "common/kube/object.h"

namespace committest::sim {

/// One change, as a watch would deliver it.
struct ModelEvent {
  bool deleted = false;
  std::string plural;  ///< "jobs"
  nlohmann::json object;
};

/// A model of the API server: objects with UIDs and resource versions, the status subresource,
/// preconditions, and a log of all changes. It is as strict as the real one where the operator
/// relies on it: 404, 409 AlreadyExists, 409 Conflict, 422, and a patch without effect is no change.
/// Single-threaded.
class ModelServer {
 public:
  explicit ModelServer(const Clock& clock) : clock_(clock) {}

  // What a client may do.
  Result<nlohmann::json> Get(const kube::ResourceType& type, const kube::ObjectKey& key) const;
  Result<nlohmann::json> Create(const kube::ResourceType& type, nlohmann::json object);
  Status Delete(const kube::ResourceType& type, const kube::ObjectKey& key, std::string_view uid);
  Result<nlohmann::json> PatchStatus(const kube::ResourceType& type, const kube::ObjectMeta& target,
                                     const nlohmann::json& status_patch);

  // What the cluster's own controllers, and people, do.
  /// The objects of a kind, in the order of their keys.
  std::vector<nlohmann::json> List(const std::string& plural) const;
  std::vector<kube::ObjectKey> Keys(const std::string& plural) const;
  const nlohmann::json* Find(const std::string& plural, const kube::ObjectKey& key) const;
  /// Applies `change` to an object and logs it. REQUIRES: it exists.
  void Update(const std::string& plural, const kube::ObjectKey& key,
              const std::function<void(nlohmann::json&)>& change);
  /// Takes an object away at once.
  void Remove(const std::string& plural, const kube::ObjectKey& key);
  /// Asks for a Pod's deletion: it stays until the kubelet lets it go.
  void DeletePod(const kube::ObjectKey& key, std::int64_t grace_seconds);
  /// Removes one object whose controller no longer exists; Pods get their grace. False: none.
  bool CollectGarbage();

  const std::vector<ModelEvent>& Log() const { return log_; }
  /// Is asked about each CommitTest whose status changes; may record a violated invariant.
  std::function<void(const nlohmann::json& before, const nlohmann::json& after)> on_status_change;
  /// Makes creations of Jobs fail; nullopt: they succeed.
  std::optional<Error> refuse_jobs;

 private:
  using Objects = std::map<kube::ObjectKey, nlohmann::json>;

  std::string NextVersion() { return std::to_string(++version_); }
  bool UidExists(const std::string& uid) const;

  const Clock& clock_;
  std::map<std::string, Objects> kinds_;
  std::vector<ModelEvent> log_;
  std::uint64_t version_ = 1'000;
  std::uint64_t uids_ = 0;
};

/// How a call to the model goes wrong.
enum class Fault {
  kNone,
  kCrashBefore,     ///< The process dies before the call is sent.
  kCrashAfter,      ///< The process dies before it gets the answer.
  kRequestLost,     ///< Not applied; the caller cannot know.
  kResponseLost,    ///< Applied; the caller cannot know.
  kUnavailable,     ///< 503, not applied.
  kConflictOnPost,  ///< 409 Conflict by a quota race, on POST; else none.
};

/// For the names of tests: "CrashBefore".
void PrintTo(Fault fault, std::ostream* out);

/// One process's connection to the model. When the process has died, nothing it does has an effect.
class ModelClient final : public kube::Reader,
                          public kube::Writer,
                          public kube::StatusWriter,
                          public kube::Lister {
 public:
  /// Asked before each call with its number, from 1.
  using FaultPlan = std::function<Fault(int call)>;

  ModelClient(ModelServer& server, FaultPlan plan) : server_(server), plan_(std::move(plan)) {}

  Result<nlohmann::json> Get(const kube::ResourceType& type, const kube::ObjectKey& key) override;
  Result<nlohmann::json> Create(const kube::ResourceType& type,
                                const nlohmann::json& object) override;
  Status Delete(const kube::ResourceType& type, const kube::ObjectKey& key,
                std::string_view uid) override;
  Result<nlohmann::json> PatchStatus(const kube::ResourceType& type, const kube::ObjectMeta& target,
                                     const nlohmann::json& status_patch) override;

  /// All objects of the kind, in one page: selections are left to the caller.
  Result<kube::ListPage> List(const kube::ResourceType& type, const kube::Selection& selection,
                              int limit, const std::string& continue_token,
                              const std::vector<std::string>& drop,
                              const kube::ObjectSink& sink) override;

  bool Dead() const { return dead_; }
  int Calls() const { return calls_; }
  int Reads() const { return reads_; }
  int Writes() const { return calls_ - reads_; }

 private:
  /// Runs `call` as the plan says; `T` is the call's Result.
  template <typename T>
  T Guarded(bool is_post, const std::function<T()>& call);

  ModelServer& server_;
  const FaultPlan plan_;
  bool dead_ = false;
  int calls_ = 0;
  int reads_ = 0;
};

}  // namespace committest::sim
