#include "tests/support/memory_api.h"

#include <algorithm>

#include "common/kube/json_reader.h"

namespace committest {
namespace {

kube::ObjectKey KeyOf(const nlohmann::json& object) {
  const auto& metadata = kube::ObjectAt(object, "metadata");
  return {kube::StringAt(metadata, "namespace"), kube::StringAt(metadata, "name")};
}

std::string VersionOf(const nlohmann::json& object) {
  return kube::StringAt(kube::ObjectAt(object, "metadata"), "resourceVersion");
}

}  // namespace

void MemoryApi::SetFault(Fault fault) {
  MutexLock lock(mutex_);
  fault_ = std::move(fault);
}

void MemoryApi::LoseNextAnswer() {
  MutexLock lock(mutex_);
  lose_answer_ = true;
}

std::optional<Error> MemoryApi::Begin(const std::string& verb) {
  Fault fault;
  {
    MutexLock lock(mutex_);
    verbs_.push_back(verb);
    fault = fault_;
  }
  return fault ? fault(verb) : std::nullopt;
}

Result<nlohmann::json> MemoryApi::Get(const kube::ResourceType& type, const kube::ObjectKey& key) {
  if (auto error = Begin("GET")) return Fail(*error);
  MutexLock lock(mutex_);
  const auto it = objects_.find({type.kind, key});
  if (it == objects_.end()) return Fail(ErrorCode::kNotFound, "no such object", "NotFound");
  return it->second;
}

Result<nlohmann::json> MemoryApi::Create(const kube::ResourceType& type,
                                         const nlohmann::json& object) {
  if (auto error = Begin("POST")) return Fail(*error);
  const Place place{type.kind, KeyOf(object)};
  MutexLock lock(mutex_);
  if (objects_.contains(place)) {
    return Fail(ErrorCode::kAlreadyExists, "the name is taken", "AlreadyExists");
  }
  return StoreLocked(place, object);
}

Result<nlohmann::json> MemoryApi::Replace(const kube::ResourceType& type,
                                          const nlohmann::json& object) {
  if (auto error = Begin("PUT")) return Fail(*error);
  const Place place{type.kind, KeyOf(object)};
  MutexLock lock(mutex_);
  const auto it = objects_.find(place);
  if (it == objects_.end()) return Fail(ErrorCode::kNotFound, "no such object", "NotFound");
  if (VersionOf(it->second) != VersionOf(object)) {
    return Fail(ErrorCode::kConflict, "the object has been modified", "Conflict");
  }
  return StoreLocked(place, object);
}

Status MemoryApi::Delete(const kube::ResourceType& type, const kube::ObjectKey& key,
                         std::string_view uid) {
  if (auto error = Begin("DELETE")) return Fail(*error);
  MutexLock lock(mutex_);
  const auto it = objects_.find({type.kind, key});
  if (it == objects_.end()) return {};
  if (kube::StringAt(kube::ObjectAt(it->second, "metadata"), "uid") == uid) objects_.erase(it);
  return {};
}

Result<nlohmann::json> MemoryApi::StoreLocked(const Place& place, nlohmann::json object) {
  const std::string version = std::to_string(++version_);
  object["metadata"]["resourceVersion"] = version;
  if (!object["metadata"].contains("uid")) object["metadata"]["uid"] = "uid-" + version;
  objects_[place] = object;
  if (std::exchange(lose_answer_, false)) {
    return Fail(ErrorCode::kUnknownOutcome, "the answer was lost");
  }
  return object;
}

std::vector<nlohmann::json> MemoryApi::Objects(const std::string& kind) const {
  MutexLock lock(mutex_);
  std::vector<nlohmann::json> found;
  for (const auto& [place, object] : objects_) {
    if (place.first == kind) found.push_back(object);
  }
  return found;
}

std::vector<std::string> MemoryApi::Verbs() const {
  MutexLock lock(mutex_);
  return verbs_;
}

int MemoryApi::Count(const std::string& verb) const {
  MutexLock lock(mutex_);
  return static_cast<int>(std::ranges::count(verbs_, verb));
}

void MemoryApi::Erase(const std::string& kind, const kube::ObjectKey& key) {
  MutexLock lock(mutex_);
  objects_.erase({kind, key});
}

}  // namespace committest
