#include "common/api/reproduce.h"

#include <optional>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/api/quantity.h"
#include "common/base/shell_word.h"
#include "common/base/strings.h"

namespace committest::api {
namespace {

using nlohmann::json;
using Words = std::vector<std::string>;

constexpr const char* kEngine = "\"$(command -v docker || command -v podman)\"";

// Every argument is quoted; the program in front of them is ours.
std::string Line(const std::string& program, const Words& arguments) {
  std::string line = program;
  for (const std::string& argument : arguments) {
    const std::optional<std::string> word = ShellWord(argument);
    if (!word) return {};
    line.append(" ").append(*word);
  }
  return line.size() <= kMaxReproduceBytes ? line : std::string();
}

std::string MemoryBytes(const CommitTestSpec& spec, const ContainerDefaults& defaults) {
  const auto asked = spec.execution.resources.find("memory");
  const auto quantity =
      Quantity::Parse(asked == spec.execution.resources.end() ? defaults.memory : asked->second);
  return quantity ? std::to_string(quantity->Ceiling()) : std::string();
}

void AddVariable(Words& words, const std::string& name, const std::string& value) {
  words.emplace_back("--env");
  words.push_back(name + "=" + value);
}

}  // namespace

std::string RunRequestText(const CommitTestSpec& spec) {
  RunRequest request;
  request.url = Redact(spec.source.url);
  request.commit = spec.source.commit;
  request.ref = spec.source.ref;
  request.tests = spec.tests;
  request.timeout_seconds = spec.execution.timeout_seconds;
  return ToJson(request).dump(-1, ' ', /*ensure_ascii=*/true, json::error_handler_t::replace);
}

std::string ReproduceCommand(const CommitTestSpec& spec, const ContainerDefaults& defaults) {
  const std::string& image = spec.execution.image.empty() ? defaults.image : spec.execution.image;
  if (image.empty() || image.starts_with('-')) return {};
  Words words = {"run",
                 "--rm",
                 "--read-only",
                 "--user=10001:10001",
                 "--cap-drop=ALL",
                 "--security-opt=no-new-privileges",
                 "--volume=/workspace",
                 "--volume=/tmp"};
  if (const std::string memory = MemoryBytes(spec, defaults); !memory.empty()) {
    words.push_back("--memory=" + memory);
  }
  AddVariable(words, kRunRequestVariable, RunRequestText(spec));
  for (const EnvVar& variable : spec.execution.env) {
    AddVariable(words, variable.name, variable.value);
  }
  words.push_back(image);
  return Line(kEngine, words);
}

std::string LocalCommand(const CommitTestSpec& spec) {
  const TestsSpec& tests = spec.tests;
  const TestsSpec defaults;
  Words words = {"local", "--framework=" + std::string(FrameworkName(tests.framework)),
                 "--timeout=" + std::to_string(spec.execution.timeout_seconds)};
  if (!spec.source.ref.empty()) words.push_back("--ref=" + spec.source.ref);
  if (tests.path != defaults.path) words.push_back("--path=" + tests.path);
  if (tests.report_paths != defaults.report_paths) {
    for (const std::string& path : tests.report_paths) words.push_back("--report=" + path);
  }
  if (tests.allow_no_tests) words.emplace_back("--allow-no-tests");
  for (const EnvVar& variable : spec.execution.env) {
    words.push_back("--env=" + variable.name + "=" + variable.value);
  }
  words.push_back(Redact(spec.source.url));
  words.push_back(spec.source.commit);
  if (!tests.command.empty()) words.emplace_back("--");
  words.insert(words.end(), tests.command.begin(), tests.command.end());
  return Line("committest-runner", words);
}

}  // namespace committest::api
