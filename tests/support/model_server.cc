#include "tests/support/model_server.h"

#include <array>
#include <ostream>
#include <utility>

#include "common/base/time_format.h"
#include "common/kube/json_reader.h"

namespace committest::sim {
namespace {

using kube::ObjectKey;
using kube::ResourceType;
using nlohmann::json;

ObjectKey KeyOf(const json& object) {
  const json& metadata = kube::ObjectAt(object, "metadata");
  return {kube::StringAt(metadata, "namespace"), kube::StringAt(metadata, "name")};
}

std::string UidOf(const json& object) {
  return kube::StringAt(kube::ObjectAt(object, "metadata"), "uid");
}

std::string VersionOf(const json& object) {
  return kube::StringAt(kube::ObjectAt(object, "metadata"), "resourceVersion");
}

std::string ControllerUidOf(const json& object) {
  const auto meta = kube::ParseObjectMeta(object);
  const kube::OwnerReference* owner = meta ? meta->Controller() : nullptr;
  return owner == nullptr ? std::string() : owner->uid;
}

tl::unexpected<Error> NotFound(const ResourceType& type, const ObjectKey& key) {
  return Fail(ErrorCode::kNotFound, type.plural + " " + key.ToString() + " not found", "NotFound");
}

}  // namespace

void PrintTo(Fault fault, std::ostream* out) {
  constexpr std::array kNames{"None",         "CrashBefore", "CrashAfter",    "RequestLost",
                              "ResponseLost", "Unavailable", "ConflictOnPost"};
  *out << kNames.at(static_cast<std::size_t>(fault));
}

const json* ModelServer::Find(const std::string& plural, const ObjectKey& key) const {
  const auto kind = kinds_.find(plural);
  if (kind == kinds_.end()) return nullptr;
  const auto object = kind->second.find(key);
  return object == kind->second.end() ? nullptr : &object->second;
}

Result<json> ModelServer::Get(const ResourceType& type, const ObjectKey& key) const {
  const json* object = Find(type.plural, key);
  if (object == nullptr) return NotFound(type, key);
  return *object;
}

Result<json> ModelServer::Create(const ResourceType& type, json object) {
  if (type.plural == "jobs" && refuse_jobs) return Fail(*refuse_jobs);
  const ObjectKey key = KeyOf(object);
  if (Find(type.plural, key) != nullptr) {
    return Fail(ErrorCode::kAlreadyExists, type.plural + " " + key.ToString() + " already exists",
                "AlreadyExists");
  }
  json& metadata = object["metadata"];
  metadata["uid"] = type.plural + "-uid-" + std::to_string(++uids_);
  metadata["resourceVersion"] = NextVersion();
  metadata["creationTimestamp"] = FormatTime(clock_.Wall());
  metadata["generation"] = 1;
  kinds_[type.plural][key] = object;
  log_.push_back({false, type.plural, object});
  return object;
}

Status ModelServer::Delete(const ResourceType& type, const ObjectKey& key, std::string_view uid) {
  const json* object = Find(type.plural, key);
  if (object != nullptr && UidOf(*object) == uid) Remove(type.plural, key);
  return {};
}

Result<json> ModelServer::PatchStatus(const ResourceType& type, const kube::ObjectMeta& target,
                                      const json& status_patch) {
  const json* object = Find(type.plural, target.Key());
  if (object == nullptr) return NotFound(type, target.Key());
  if (UidOf(*object) != target.uid || VersionOf(*object) != target.resource_version) {
    return Fail(ErrorCode::kConflict, "the object has been modified", "Conflict");
  }
  json next = *object;
  if (!next.contains("status")) next["status"] = json::object();
  next["status"].merge_patch(status_patch);
  if (next == *object) return next;
  const json& old_status = kube::ObjectAt(*object, "status");
  const std::string old_result = kube::StringAt(old_status, "result");
  if (!old_result.empty() && old_result != kube::StringAt(next["status"], "result")) {
    return Fail(ErrorCode::kInvalidArgument, "a result is set once and never changed", "Invalid");
  }
  if (on_status_change) on_status_change(*object, next);
  const json status = next["status"];
  Update(type.plural, target.Key(), [&status](json& changed) { changed["status"] = status; });
  return *Find(type.plural, target.Key());
}

std::vector<json> ModelServer::List(const std::string& plural) const {
  std::vector<json> objects;
  const auto kind = kinds_.find(plural);
  if (kind == kinds_.end()) return objects;
  for (const auto& [key, object] : kind->second) objects.push_back(object);
  return objects;
}

std::vector<ObjectKey> ModelServer::Keys(const std::string& plural) const {
  std::vector<ObjectKey> keys;
  const auto kind = kinds_.find(plural);
  if (kind == kinds_.end()) return keys;
  for (const auto& [key, object] : kind->second) keys.push_back(key);
  return keys;
}

void ModelServer::Update(const std::string& plural, const ObjectKey& key,
                         const std::function<void(json&)>& change) {
  json& object = kinds_.at(plural).at(key);
  change(object);
  object["metadata"]["resourceVersion"] = NextVersion();
  log_.push_back({false, plural, object});
}

void ModelServer::Remove(const std::string& plural, const ObjectKey& key) {
  const auto node = kinds_.at(plural).extract(key);
  if (node.empty()) return;
  json last = node.mapped();
  last["metadata"]["resourceVersion"] = NextVersion();
  log_.push_back({true, plural, std::move(last)});
}

void ModelServer::DeletePod(const ObjectKey& key, std::int64_t grace_seconds) {
  const json* pod = Find("pods", key);
  if (pod == nullptr || (*pod)["metadata"].contains("deletionTimestamp")) return;
  Update("pods", key, [this, grace_seconds](json& object) {
    object["metadata"]["deletionTimestamp"] =
        FormatTime(clock_.Wall() + std::chrono::seconds(grace_seconds));
    object["metadata"]["deletionGracePeriodSeconds"] = grace_seconds;
  });
}

bool ModelServer::UidExists(const std::string& uid) const {
  for (const auto& [plural, objects] : kinds_) {
    for (const auto& [key, object] : objects) {
      if (UidOf(object) == uid) return true;
    }
  }
  return false;
}

bool ModelServer::CollectGarbage() {
  for (const std::string plural : {"jobs", "pods"}) {
    for (const ObjectKey& key : Keys(plural)) {
      const json& object = *Find(plural, key);
      const std::string owner = ControllerUidOf(object);
      if (owner.empty() || UidExists(owner)) continue;
      if (object["metadata"].contains("deletionTimestamp")) continue;
      if (plural == "pods") {
        DeletePod(key, 10);
      } else {
        Remove(plural, key);
      }
      return true;
    }
  }
  return false;
}

template <typename T>
T ModelClient::Guarded(bool is_post, const std::function<T()>& call) {
  const auto gone = [] { return Fail(ErrorCode::kCancelled, "the process has ended"); };
  if (dead_) return gone();
  const Fault fault = plan_ ? plan_(++calls_) : (++calls_, Fault::kNone);
  switch (fault) {
    case Fault::kCrashBefore:
      dead_ = true;
      return gone();
    case Fault::kCrashAfter: {
      const T ignored = call();
      dead_ = true;
      return gone();
    }
    case Fault::kRequestLost:
      return Fail(ErrorCode::kUnknownOutcome, "the connection was cut");
    case Fault::kResponseLost: {
      const T ignored = call();
      return Fail(ErrorCode::kUnknownOutcome, "the connection was cut");
    }
    case Fault::kUnavailable:
      return Fail(ErrorCode::kUnavailable, "the server cannot answer now");
    case Fault::kConflictOnPost:
      if (is_post) return Fail(ErrorCode::kConflict, "resourcequotas \"q\" was modified");
      break;
    case Fault::kNone:
      break;
  }
  return call();
}

Result<json> ModelClient::Get(const ResourceType& type, const ObjectKey& key) {
  ++reads_;
  return Guarded<Result<json>>(false, [&] { return server_.Get(type, key); });
}

Result<json> ModelClient::Create(const ResourceType& type, const json& object) {
  return Guarded<Result<json>>(true, [&] { return server_.Create(type, object); });
}

Status ModelClient::Delete(const ResourceType& type, const ObjectKey& key, std::string_view uid) {
  return Guarded<Status>(false, [&] { return server_.Delete(type, key, uid); });
}

Result<json> ModelClient::PatchStatus(const ResourceType& type, const kube::ObjectMeta& target,
                                      const json& status_patch) {
  return Guarded<Result<json>>(false,
                               [&] { return server_.PatchStatus(type, target, status_patch); });
}

Result<kube::ListPage> ModelClient::List(const ResourceType& type, const kube::Selection&, int,
                                         const std::string&, const std::vector<std::string>&,
                                         const kube::ObjectSink& sink) {
  ++reads_;
  return Guarded<Result<kube::ListPage>>(false, [&] {
    for (json& object : server_.List(type.plural)) sink(std::move(object));
    return kube::ListPage{};
  });
}

}  // namespace committest::sim
