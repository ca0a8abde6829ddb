#include "runner-image/npm_script.h"

#include <algorithm>

#include <nlohmann/json.hpp>

namespace committest::runner {
namespace {

using nlohmann::json;

const json& Member(const json& value, const char* name) {
  static const json kNone = json::object();
  if (!value.is_object()) return kNone;
  const auto found = value.find(name);
  return found == value.end() ? kNone : *found;
}

bool DependsOn(const json& package, const char* name) {
  return Member(package, "devDependencies").contains(name) ||
         Member(package, "dependencies").contains(name);
}

bool IsOfWord(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_';
}

// Whether `script` has `word` as a whole word: "jest" is none of "jest-junit" and of "nojest".
bool HasWord(std::string_view script, std::string_view word) {
  for (auto at = script.find(word); at != std::string_view::npos; at = script.find(word, at + 1)) {
    const bool begins = at == 0 || !IsOfWord(script[at - 1]);
    const auto after = at + word.size();
    if (begins && (after == script.size() || !IsOfWord(script[after]))) return true;
  }
  return false;
}

NpmTest Vitest(const PlanFiles& files) {
  return {{"--reporter=default", "--reporter=junit", "--outputFile.junit=" + files.report},
          {},
          "vitest"};
}

NpmTest Jest(const PlanFiles& files) {
  return {{"--reporters=default", "--reporters=jest-junit"},
          {{"JEST_JUNIT_OUTPUT_FILE", files.report}},
          "jest with jest-junit"};
}

NpmTest Mocha(const PlanFiles& files) {
  return {{"--reporter", "mocha-junit-reporter"},
          {{"MOCHA_FILE", files.report}},
          "mocha with mocha-junit-reporter"};
}

// Arguments behind the names of test files would be the tests' own, so they go by the environment.
NpmTest NodeTest(const PlanFiles& files) {
  return {
      {},
      {{"NODE_OPTIONS", "--test-reporter=spec --test-reporter-destination=stdout --test-reporter=" +
                            files.node_reporter + " --test-reporter-destination=" + files.report}},
      "node --test"};
}

}  // namespace

Result<NpmTest> ReadNpmTest(std::string_view package_json, const PlanFiles& files) {
  const json package = json::parse(package_json, nullptr, /*allow_exceptions=*/false);
  const json& script = Member(Member(package, "scripts"), "test");
  if (!script.is_string()) return Fail(ErrorCode::kNotFound, "it has no script \"test\"");
  const std::string text = script.get<std::string>();
  NpmTest test;
  if (HasWord(text, "vitest")) {
    test = Vitest(files);
  } else if (HasWord(text, "jest") && DependsOn(package, "jest-junit")) {
    test = Jest(files);
  } else if (HasWord(text, "mocha") && DependsOn(package, "mocha-junit-reporter")) {
    test = Mocha(files);
  } else if (HasWord(text, "node") && HasWord(text, "--test")) {
    test = NodeTest(files);
  } else {
    return Fail(ErrorCode::kNotFound,
                "its script \"test\" runs nothing that is known to write a JUnit report (vitest, "
                "jest with jest-junit, mocha with mocha-junit-reporter, node --test)");
  }
  test.has_dependencies = !Member(package, "dependencies").empty() ||
                          !Member(package, "devDependencies").empty() ||
                          !Member(package, "workspaces").empty();
  return test;
}

}  // namespace committest::runner
