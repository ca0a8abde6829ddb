#include <algorithm>
#include <utility>

#include <yaml-cpp/yaml.h>

#include "common/base/strings.h"
#include "operator/config.h"
#include "operator/settings.h"

namespace committest::op {
namespace {

/// "file:line", for messages.
std::string At(std::string_view file, const YAML::Mark& mark) {
  return std::string(file) + ":" + std::to_string(mark.line + 1);
}

tl::unexpected<Error> Refused(std::string_view file, const YAML::Node& node,
                              const std::string& problem) {
  return Fail(ErrorCode::kInvalidArgument, At(file, node.Mark()) + ": " + problem);
}

const Setting* FindSetting(std::string_view name) {
  const auto it = std::ranges::find_if(
      kSettings, [name](const Setting& setting) { return setting.name == name; });
  return it == kSettings.end() ? nullptr : &*it;
}

Result<std::vector<std::string>> ReadValue(const Setting& setting, const YAML::Node& value,
                                           std::string_view file) {
  const std::string name = setting.name;
  if (value.IsScalar()) return std::vector<std::string>{value.Scalar()};
  if (setting.type != SettingType::kTexts || !value.IsSequence()) {
    return Refused(file, value, name + " is no single value");
  }
  std::vector<std::string> texts;
  for (const YAML::Node& item : value) {
    if (!item.IsScalar()) return Refused(file, item, name + " has an item that is no text");
    texts.push_back(item.Scalar());
  }
  return texts;
}

Result<Settings> ReadSettings(const YAML::Node& root, std::string_view file) {
  Settings settings;
  if (root.IsNull()) return settings;
  if (!root.IsMap()) return Refused(file, root, "the file is no map of settings");
  for (const auto& member : root) {
    const std::string name = member.first.IsScalar() ? member.first.Scalar() : std::string();
    const Setting* setting = FindSetting(name);
    if (setting == nullptr) {
      return Refused(file, member.first,
                     "'" + OneLine(Truncate(name, 100)) + "' is no setting; see --help");
    }
    if (settings.contains(name)) return Refused(file, member.first, name + " is there twice");
    auto value = ReadValue(*setting, member.second, file);
    if (!value) return Fail(std::move(value.error()));
    settings[name] = std::move(*value);
  }
  return settings;
}

}  // namespace

Result<Settings> ParseSettingsFile(std::string_view text, std::string_view file) {
  try {
    return ReadSettings(YAML::Load(std::string(text)), file);
  } catch (const YAML::Exception& error) {
    return Fail(ErrorCode::kInvalidArgument, At(file, error.mark) + ": " + error.msg);
  }
}

}  // namespace committest::op
