#include "plugin/requests.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "common/base/strings.h"
#include "common/kube/json_reader.h"

namespace committest::plugin {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxName = 253;
constexpr std::size_t kMaxRepositoryWord = 40;
constexpr const char* kOurPrefix = "committest.dev/";

// "app" of "https://git.example/team/App.git", as a name may begin.
std::string RepositoryWord(std::string_view url) {
  while (url.ends_with('/')) url.remove_suffix(1);
  if (url.ends_with(".git")) url.remove_suffix(4);
  const std::string last = Lower(url.substr(url.find_last_of("/:") + 1));
  std::string word;
  for (const char c : last) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (plain || (!word.empty() && word.back() != '-')) word += plain ? c : '-';
  }
  word.resize(std::min(word.size(), kMaxRepositoryWord));
  while (word.ends_with('-')) word.pop_back();
  return word.empty() ? "commit" : word;
}

json Ours(const json& map) {
  json ours = json::object();
  for (const auto& [key, value] : map.items()) {
    if (key.starts_with(kOurPrefix)) ours[key] = value;
  }
  return ours;
}

std::string_view WithoutNumber(std::string_view name) {
  const auto digits = name.find_last_not_of("0123456789");
  if (digits == std::string_view::npos || digits + 1 == name.size()) return name;
  const std::string_view base = name.substr(0, digits + 1);
  return base.ends_with("-r") ? base.substr(0, base.size() - 2) : name;
}

}  // namespace

json NewCommitTest(const api::CommitTestSpec& spec, const std::string& namespace_,
                   const std::string& name) {
  json metadata = {{"namespace", namespace_}};
  if (name.empty()) {
    metadata["generateName"] =
        RepositoryWord(spec.source.url) + "-" + spec.source.commit.substr(0, 12) + "-";
  } else {
    metadata["name"] = name;
  }
  return {{"apiVersion", api::CommitTestType().ApiVersion()},
          {"kind", api::CommitTestType().kind},
          {"metadata", std::move(metadata)},
          {"spec", api::ToJson(spec)}};
}

std::string RerunName(std::string_view old_name, bool is_rerun, int number) {
  const std::string suffix = "-r" + std::to_string(number);
  std::string_view base = is_rerun ? WithoutNumber(old_name) : old_name;
  base = base.substr(0, kMaxName - suffix.size());
  return std::string(base) + suffix;
}

json RerunOf(const json& old, const std::string& name) {
  const json& old_metadata = kube::ObjectAt(old, "metadata");
  json metadata = {{"namespace", kube::StringAt(old_metadata, "namespace")}, {"name", name}};
  for (const char* member : {"labels", "annotations"}) {
    json ours = Ours(kube::ObjectAt(old_metadata, member));
    if (!ours.empty()) metadata[member] = std::move(ours);
  }
  json spec = kube::ObjectAt(old, "spec");
  for (const char* member : {"notRun", "suspend", "cancelRequested"}) spec.erase(member);
  spec["rerunOf"] = kube::StringAt(old_metadata, "name");
  spec["trigger"] = {{"type", api::TriggerTypeName(api::TriggerType::kRerun)}};
  return {{"apiVersion", api::CommitTestType().ApiVersion()},
          {"kind", api::CommitTestType().kind},
          {"metadata", std::move(metadata)},
          {"spec", std::move(spec)}};
}

}  // namespace committest::plugin
