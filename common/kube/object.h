#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "common/base/clock.h"
#include "common/base/result.h"

namespace committest::kube {

/// Names an object of one kind. The namespace is empty for cluster-scoped kinds.
struct ObjectKey {
  std::string namespace_;
  std::string name;

  auto operator<=>(const ObjectKey&) const = default;
  /// "namespace/name", for logs.
  std::string ToString() const;
};

/// `metav1.OwnerReference`, the fields that identity needs.
struct OwnerReference {
  std::string api_version;
  std::string kind;
  std::string name;
  std::string uid;
  bool controller = false;

  bool operator==(const OwnerReference&) const = default;
};

/// `metav1.ObjectMeta`, the fields that the product reads.
struct ObjectMeta {
  std::string namespace_;
  std::string name;
  std::string uid;
  /// Opaque; compare with `IsNewer` only.
  std::string resource_version;
  std::int64_t generation = 0;
  std::map<std::string, std::string> labels;
  std::map<std::string, std::string> annotations;
  std::vector<OwnerReference> owners;
  std::optional<WallTime> creation_time;
  std::optional<WallTime> deletion_time;

  ObjectKey Key() const { return {namespace_, name}; }
  /// The owner with `controller: true`, or nullptr.
  const OwnerReference* Controller() const;

  bool operator==(const ObjectMeta&) const = default;
};

/// Reads `object.metadata`. Only name and uid are demanded; anything else that is absent or of a
/// wrong type is left at its default, because a foreign object must not stop ours.
/// kDataLoss if `object` has no usable metadata.
Result<ObjectMeta> ParseObjectMeta(const nlohmann::json& object);

/// Whether resource version `a` is newer than `b`, as KEP-5504 defines the order for decimal
/// strings (no leading zero: longer is larger, else lexical). nullopt when either is not decimal.
std::optional<bool> IsNewer(std::string_view a, std::string_view b);

/// A kind's place in the API: "/apis/batch/v1/namespaces/x/jobs" and the words for messages.
struct ResourceType {
  std::string group;  ///< Empty for the core group.
  std::string version;
  std::string plural;
  std::string kind;
  bool namespaced = true;

  /// "batch/v1", "v1".
  std::string ApiVersion() const;
};

}  // namespace committest::kube
