#include <exception>
#include <fstream>
#include <iterator>
#include <utility>

#include <CLI/CLI.hpp>

#include "operator/config.h"
#include "operator/settings.h"

namespace committest::op {
namespace {

constexpr std::size_t kMaxFileBytes = std::size_t{64} * 1024;

/// Where CLI11 puts what it reads.
struct Given {
  std::map<std::string, std::vector<std::string>> texts;
  std::map<std::string, bool> flags;
  std::string file;
};

void Declare(CLI::App& app, Given& given) {
  app.set_version_flag("--version", COMMITTEST_VERSION);
  app.add_option("--config", given.file, "A YAML file whose members are called like these flags");
  for (const Setting& setting : kSettings) {
    const std::string flag = std::string("--") + setting.name;
    if (setting.type == SettingType::kFlag) {
      app.add_flag(flag, given.flags[setting.name], setting.help);
    } else {
      CLI::Option* option =
          app.add_option(flag, given.texts[setting.name], setting.help)->allow_extra_args(false);
      if (setting.type == SettingType::kText) {
        option->expected(1)->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
      }
    }
  }
}

Settings FromFlags(const CLI::App& app, const Given& given) {
  Settings settings;
  for (const Setting& setting : kSettings) {
    if (app.count(std::string("--") + setting.name) == 0) continue;
    if (setting.type == SettingType::kFlag) {
      settings[setting.name] = {given.flags.at(setting.name) ? "true" : "false"};
    } else {
      settings[setting.name] = given.texts.at(setting.name);
    }
  }
  return settings;
}

Result<Settings> FromFile(const std::string& file) {
  if (file.empty()) return Settings();
  std::ifstream stream(file, std::ios::binary);
  if (!stream) {
    return Fail(ErrorCode::kInvalidArgument, "config is '" + file + "', which cannot be read");
  }
  std::string text(kMaxFileBytes + 1, '\0');
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(stream.gcount()));
  if (text.size() > kMaxFileBytes) {
    return Fail(ErrorCode::kInvalidArgument, "config is '" + file + "', expected at most 64 KiB");
  }
  return ParseSettingsFile(text, file);
}

Result<CommandLine> Understand(const CLI::App& app, const Given& given) {
  Result<Settings> settings = FromFile(given.file);
  if (!settings) return Fail(std::move(settings.error()));
  for (auto& [name, values] : FromFlags(app, given)) (*settings)[name] = values;
  Result<Config> config = MakeConfig(*settings);
  if (!config) return Fail(std::move(config.error()));
  return CommandLine{std::move(*config), {}};
}

}  // namespace

Result<CommandLine> ParseCommandLine(const std::vector<std::string>& arguments) {
  CLI::App app("Runs the tests of CommitTests and writes their verdicts", "committest-operator");
  Given given;
  try {
    Declare(app, given);
    // CLI11 takes its arguments from the end.
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
    return Understand(app, given);
  } catch (const CLI::CallForHelp&) {
    return CommandLine{std::nullopt, app.help()};
  } catch (const CLI::CallForVersion&) {
    return CommandLine{std::nullopt,
                       std::string("committest-operator ") + COMMITTEST_VERSION + "\n"};
  } catch (const CLI::ParseError& error) {
    return Fail(ErrorCode::kInvalidArgument, error.what());
  }
}

}  // namespace committest::op
