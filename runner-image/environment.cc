#include "runner-image/environment.h"

#include <array>

namespace committest::runner {
namespace {

constexpr const char* kDefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

constexpr std::array kPassedToGit = {
    "PATH",     "http_proxy", "https_proxy",   "HTTP_PROXY",   "HTTPS_PROXY",
    "no_proxy", "NO_PROXY",   "SSL_CERT_FILE", "SSL_CERT_DIR", "GIT_SSL_CAINFO"};

// A variable that names a folder of a tool, and where that folder is by default below HOME.
struct ToolFolder {
  api::Framework framework;
  const char* variable;
  const char* below_home;
};

constexpr std::array kToolFolders = {
    ToolFolder{api::Framework::kGoTest, "GOCACHE", "/.cache/go-build"},
    ToolFolder{api::Framework::kGoTest, "GOMODCACHE", "/go/pkg/mod"},
    ToolFolder{api::Framework::kGoTest, "GOPATH", "/go"},
    ToolFolder{api::Framework::kCargo, "CARGO_HOME", "/.cargo"},
    ToolFolder{api::Framework::kNpm, "npm_config_cache", "/.npm"}};

bool IsOfKubernetes(std::string_view name) {
  return name.starts_with("KUBERNETES_SERVICE_") || name == "KUBERNETES_PORT" ||
         name.starts_with("KUBERNETES_PORT_");
}

}  // namespace

Environment ParseEnvironment(const char* const* entries) {
  Environment environment;
  for (; *entries != nullptr; ++entries) {
    const std::string_view entry = *entries;
    const auto equals = entry.find('=');
    if (equals == std::string_view::npos) continue;
    environment.emplace(entry.substr(0, equals), entry.substr(equals + 1));
  }
  return environment;
}

std::vector<std::string> FormatEnvironment(const Environment& environment) {
  std::vector<std::string> entries;
  entries.reserve(environment.size());
  for (const auto& [name, value] : environment) {
    entries.emplace_back(name).append("=").append(value);
  }
  return entries;
}

Environment GitEnvironment(const Environment& own, const std::string& home) {
  Environment git = {{"HOME", home},
                     {"LC_ALL", "C"},  // The meaning of an error is read off git's words.
                     {"GIT_TERMINAL_PROMPT", "0"},
                     {"GIT_CONFIG_NOSYSTEM", "1"},
                     {"GIT_CONFIG_GLOBAL", "/dev/null"},
                     {"GIT_ATTR_NOSYSTEM", "1"},
                     {"GIT_LFS_SKIP_SMUDGE", "1"},
                     {"GIT_OPTIONAL_LOCKS", "0"}};
  for (const char* name : kPassedToGit) {
    if (const auto it = own.find(name); it != own.end()) git.insert(*it);
  }
  git.emplace("PATH", kDefaultPath);
  return git;
}

Environment TestEnvironment(const Environment& own, const std::string& home,
                            std::string_view commit) {
  // What is put in first stays: `insert` and `emplace` never overwrite.
  Environment tests = {{"HOME", home}, {"COMMITTEST", "true"}, {"COMMIT_SHA", std::string(commit)}};
  for (const auto& entry : own) {
    if (!entry.first.starts_with("COMMITTEST_") && !IsOfKubernetes(entry.first)) {
      tests.insert(entry);
    }
  }
  tests.emplace("PATH", kDefaultPath);
  tests.emplace("LANG", "C.UTF-8");
  tests.emplace("CI", "true");
  tests.emplace("PYTHONUNBUFFERED", "1");
  return tests;
}

Environment ToolEnvironment(Environment tests, api::Framework framework, const std::string& home,
                            const std::function<bool(const std::string&)>& is_writable) {
  for (const ToolFolder& folder : kToolFolders) {
    const auto set = tests.find(folder.variable);
    if (folder.framework != framework || set == tests.end() || is_writable(set->second)) continue;
    // The modules that the image brings are still found, before those of the network.
    if (set->first == "GOPATH") {
      tests.emplace("GOPROXY", "file://" + set->second + "/pkg/mod/cache/download,direct");
    }
    set->second = home + folder.below_home;
  }
  // Java takes the home of the user's entry in passwd, which user 10001 seldom has.
  if (framework == api::Framework::kMaven) tests.emplace("MAVEN_OPTS", "-Duser.home=" + home);
  return tests;
}

}  // namespace committest::runner
