#include "common/api/reproduce.h"

#include <algorithm>
#include <initializer_list>
#include <optional>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/api/quantity.h"
#include "common/base/shell_word.h"
#include "common/base/strings.h"

namespace committest::api {
namespace {

using nlohmann::json;
using Words = std::vector<std::string>;

constexpr const char* kEngine = R"sh("$(command -v docker || command -v podman)")sh";

// nullopt when one of them cannot be said in a shell.
std::optional<std::string> Quoted(const Words& arguments) {
  std::string line;
  for (const std::string& argument : arguments) {
    const std::optional<std::string> word = ShellWord(argument);
    if (!word) return std::nullopt;
    line.append(line.empty() ? "" : " ").append(*word);
  }
  return line;
}

std::string Bounded(const std::string& line) {
  return line.size() <= kMaxReproduceBytes ? line : std::string();
}

std::string MemoryBytes(const CommitTestSpec& spec, const ContainerDefaults& defaults) {
  const auto asked = spec.execution.resources.find("memory");
  const auto quantity =
      Quantity::Parse(asked == spec.execution.resources.end() ? defaults.memory : asked->second);
  return quantity ? std::to_string(quantity->Ceiling()) : std::string();
}

Words Fences() {
  return {"--read-only", "--user=10001:10001", "--cap-drop=ALL",
          "--security-opt=no-new-privileges"};
}

bool NamesASecret(const EnvVar& variable) {
  const std::string name = Lower(variable.name);
  return std::ranges::any_of(
      std::initializer_list<std::string_view>{"password", "token", "secret", "credential", "key"},
      [&name](std::string_view word) { return name.find(word) != std::string::npos; });
}

void AddVariables(const CommitTestSpec& spec, Words& words) {
  for (const EnvVar& variable : spec.execution.env) {
    words.emplace_back("--env");
    // By its name alone docker takes the value from its own environment.
    words.push_back(NamesASecret(variable) ? variable.name : variable.name + "=" + variable.value);
  }
}

void AddMemory(const CommitTestSpec& spec, const ContainerDefaults& defaults, Words& words) {
  const std::string memory = MemoryBytes(spec, defaults);
  if (!memory.empty()) words.push_back("--memory=" + memory);
}

bool IsImage(const std::string& image) { return !image.empty() && !image.starts_with('-'); }

// The runner's own image does all.
std::string InOneContainer(const CommitTestSpec& spec, const ContainerDefaults& defaults) {
  Words words = Fences();
  words.insert(words.end(), {"--volume=/workspace", "--volume=/tmp"});
  AddMemory(spec, defaults, words);
  words.emplace_back("--env");
  words.push_back(std::string(kRunRequestVariable) + "=" + RunRequestText(spec));
  AddVariables(spec, words);
  words.push_back(defaults.image);
  const auto quoted = Quoted(words);
  return quoted ? Bounded(std::string(kEngine) + " run --rm " + *quoted) : std::string();
}

// As the operator's Pods do: a container of the runner's image checks out and hands the runner over to
// the next one, which is of the spec's image.
std::string InTwoContainers(const CommitTestSpec& spec, const ContainerDefaults& defaults) {
  Words tests = Fences();
  tests.insert(tests.end(), {"--tmpfs=/tmp:rw,exec,mode=1777", "--workdir=/workspace",
                             "--entrypoint=/committest/committest-runner"});
  AddMemory(spec, defaults, tests);
  AddVariables(spec, tests);
  tests.insert(tests.end(), {spec.execution.image, "run"});
  const auto request = Quoted({std::string(kRunRequestVariable) + "=" + RunRequestText(spec)});
  const auto fences = Quoted(Fences());
  const auto runner = Quoted({defaults.image, "checkout"});
  const auto run = Quoted(tests);
  if (!request || !fences || !runner || !run) return {};
  return Bounded(
      std::string("(d=") + kEngine + "; q=" + *request + R"sh(; c="$("$d" create )sh" + *fences +
      R"sh( --volume=/workspace --volume=/committest --volume=/tmp --env "$q" )sh" + *runner +
      R"sh()" && "$d" start --attach "$c" && "$d" run --rm --volumes-from "$c" --env "$q" )sh" +
      *run + R"sh(; r=$?; "$d" rm --force --volumes "$c" >/dev/null; exit "$r"))sh");
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
  if (!IsImage(defaults.image)) return {};
  if (spec.execution.image.empty()) return InOneContainer(spec, defaults);
  return IsImage(spec.execution.image) ? InTwoContainers(spec, defaults) : std::string();
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
    if (NamesASecret(variable)) continue;
    words.push_back("--env=" + variable.name + "=" + variable.value);
  }
  words.push_back(Redact(spec.source.url));
  words.push_back(spec.source.commit);
  if (!tests.command.empty()) words.emplace_back("--");
  words.insert(words.end(), tests.command.begin(), tests.command.end());
  const auto quoted = Quoted(words);
  return quoted ? Bounded("committest-runner " + *quoted) : std::string();
}

}  // namespace committest::api
