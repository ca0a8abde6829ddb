#include "common/kube/store_sink.h"

#include "common/base/log.h"

namespace committest::kube::internal {

std::optional<ObjectMeta> UsableMeta(std::string_view watcher, const nlohmann::json& object) {
  auto meta = ParseObjectMeta(object);
  if (meta) return *std::move(meta);
  log::Failure("Skipped an object without usable metadata", meta.error(), {{"watcher", watcher}});
  return std::nullopt;
}

void LogParseFailure(std::string_view watcher, const ObjectKey& key, std::string_view what) {
  log::Error("Skipped an object that could not be parsed",
             {{"watcher", watcher}, {"object", key.ToString()}, {"error", what}});
}

}  // namespace committest::kube::internal
