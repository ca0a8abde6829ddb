#include "common/kube/object.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "common/base/time_format.h"
#include "common/kube/json_reader.h"

namespace committest::kube {
namespace {

std::map<std::string, std::string> StringMap(const nlohmann::json& object, std::string_view key) {
  std::map<std::string, std::string> map;
  for (const auto& [name, value] : ObjectAt(object, key).items()) {
    if (value.is_string()) map.emplace(name, value.get<std::string>());
  }
  return map;
}

std::vector<OwnerReference> Owners(const nlohmann::json& metadata) {
  std::vector<OwnerReference> owners;
  for (const auto& owner : ArrayAt(metadata, "ownerReferences")) {
    owners.push_back({StringAt(owner, "apiVersion"), StringAt(owner, "kind"),
                      StringAt(owner, "name"), StringAt(owner, "uid"),
                      BoolAt(owner, "controller")});
  }
  return owners;
}

bool IsDecimal(std::string_view text) {
  return !text.empty() && text.front() != '0' &&
         std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

std::string ObjectKey::ToString() const {
  return namespace_.empty() ? name : namespace_ + "/" + name;
}

const OwnerReference* ObjectMeta::Controller() const {
  const auto it = std::ranges::find_if(owners, &OwnerReference::controller);
  return it == owners.end() ? nullptr : &*it;
}

Result<ObjectMeta> ParseObjectMeta(const nlohmann::json& object) {
  const nlohmann::json& metadata = ObjectAt(object, "metadata");
  ObjectMeta meta;
  meta.name = StringAt(metadata, "name");
  meta.uid = StringAt(metadata, "uid");
  if (meta.name.empty() || meta.uid.empty()) {
    return Fail(ErrorCode::kDataLoss, "metadata.name or metadata.uid is missing");
  }
  meta.namespace_ = StringAt(metadata, "namespace");
  meta.resource_version = StringAt(metadata, "resourceVersion");
  meta.generation = IntAt(metadata, "generation");
  meta.labels = StringMap(metadata, "labels");
  meta.annotations = StringMap(metadata, "annotations");
  meta.owners = Owners(metadata);
  meta.creation_time = ParseTime(StringAt(metadata, "creationTimestamp"));
  meta.deletion_time = ParseTime(StringAt(metadata, "deletionTimestamp"));
  return meta;
}

std::optional<bool> IsNewer(std::string_view a, std::string_view b) {
  if (!IsDecimal(a) || !IsDecimal(b)) return std::nullopt;
  if (a.size() != b.size()) return a.size() > b.size();
  return a > b;
}

std::string ResourceType::ApiVersion() const {
  return group.empty() ? version : group + "/" + version;
}

}  // namespace committest::kube
