#include "common/api/commit_test.h"

#include <nlohmann/json.hpp>

#include "common/api/commit_test_status.h"
#include "common/kube/json_reader.h"

namespace committest::api {

using nlohmann::json;

const kube::ResourceType& CommitTestType() {
  static const kube::ResourceType kType{"committest.dev", "v1alpha1", "committests", "CommitTest"};
  return kType;
}

CommitTest ParseCommitTest(const json& object) {
  CommitTest commit_test;
  if (auto meta = kube::ParseObjectMeta(object)) {
    commit_test.meta = std::move(*meta);
  } else {
    commit_test.parse_error = meta.error().message;
    return commit_test;
  }
  commit_test.status = ParseCommitTestStatus(kube::ObjectAt(object, "status"));
  if (auto spec = ParseCommitTestSpec(kube::ObjectAt(object, "spec"))) {
    commit_test.spec = std::move(*spec);
  } else {
    commit_test.parse_error = spec.error().message;
  }
  return commit_test;
}

json MakeCommitTest(const kube::ObjectMeta& meta, const CommitTestSpec& spec) {
  json metadata = {{"name", meta.name}, {"namespace", meta.namespace_}};
  if (!meta.labels.empty()) metadata["labels"] = meta.labels;
  if (!meta.annotations.empty()) metadata["annotations"] = meta.annotations;
  return {{"apiVersion", CommitTestType().ApiVersion()},
          {"kind", CommitTestType().kind},
          {"metadata", std::move(metadata)},
          {"spec", ToJson(spec)}};
}

}  // namespace committest::api
