#include "tests/support/crds.h"

#include <filesystem>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>
#include <yaml-cpp/yaml.h>

#include "common/api/commit_test.h"
#include "common/api/observed_repository.h"
#include "tests/support/eventually.h"

namespace committest::testing {
namespace {

using nlohmann::json;

const kube::ResourceType kCrds{"apiextensions.k8s.io", "v1", "customresourcedefinitions",
                               "CustomResourceDefinition", false};

// A quoted scalar is a string; a plain one is what JSON would make of it, else a string.
json ToJson(const YAML::Node& node) {
  if (node.IsMap()) {
    json object = json::object();
    for (const auto& member : node) object[member.first.as<std::string>()] = ToJson(member.second);
    return object;
  }
  if (node.IsSequence()) {
    json array = json::array();
    for (const auto& element : node) array.push_back(ToJson(element));
    return array;
  }
  if (!node.IsScalar()) return nullptr;
  const std::string text = node.Scalar();
  if (node.Tag() == "!") return text;
  json value = json::parse(text, nullptr, false);
  return value.is_discarded() ? json(text) : value;
}

bool IsServed(kube::Lister& lister, const kube::ResourceType& type) {
  return lister.List(type, {}, 1, {}, {}, [](json&&) {}).has_value();
}

}  // namespace

Status InstallCrds(kube::Writer& writer, kube::Lister& lister) {
  for (const auto& file :
       std::filesystem::directory_iterator(COMMITTEST_SOURCE_DIR "/manifests/crds")) {
    if (file.path().extension() != ".yaml") continue;
    const auto created = writer.Create(kCrds, ToJson(YAML::LoadFile(file.path().string())));
    if (!created && created.error().code != ErrorCode::kAlreadyExists) {
      return Fail(Context(file.path().filename().string(), created.error()));
    }
  }
  const bool served = Eventually([&lister] {
    return IsServed(lister, api::CommitTestType()) &&
           IsServed(lister, api::ObservedRepositoryType());
  });
  if (!served) return Fail(ErrorCode::kDeadlineExceeded, "the CRDs are not served");
  return {};
}

}  // namespace committest::testing
