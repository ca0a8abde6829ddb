#include "tests/support/git_server.h"

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <thread>
#include <utility>

namespace committest::testing {
namespace {

namespace fs = std::filesystem;

constexpr const char* kPath = "/usr/local/bin:/usr/bin:/bin";
constexpr std::chrono::hours kServerLifetime{1};
constexpr std::chrono::seconds kStartLimit{20};

std::map<std::string, std::string> GitEnvironment(const fs::path& home, int commit) {
  const std::string date = std::to_string(1'700'000'000 + commit) + " +0000";
  return {{"PATH", kPath},
          {"HOME", home.string()},
          {"GIT_CONFIG_NOSYSTEM", "1"},
          {"GIT_CONFIG_GLOBAL", "/dev/null"},
          {"GIT_AUTHOR_NAME", "Test"},
          {"GIT_AUTHOR_EMAIL", "test@example.com"},
          {"GIT_AUTHOR_DATE", date},
          {"GIT_COMMITTER_NAME", "Test"},
          {"GIT_COMMITTER_EMAIL", "test@example.com"},
          {"GIT_COMMITTER_DATE", date}};
}

int ReadPort(const fs::path& file) {
  int port = 0;
  std::ifstream(file) >> port;
  return port;
}

}  // namespace

GitRepository::GitRepository(fs::path path, const std::string& object_format)
    : path_(std::move(path)) {
  fs::create_directories(path_);
  Git({"init", "-q", "--initial-branch=main", "--object-format=" + object_format});
  // Lets tests push to the branch that is checked out.
  Git({"config", "receive.denyCurrentBranch", "updateInstead"});
}

std::string GitRepository::Commit(const std::map<std::string, std::string>& files,
                                  const std::string& message) {
  for (const auto& [name, content] : files) WriteTestFile(path_ / name, content);
  ++commits_;
  Git({"add", "--all", "--force"});
  Git({"commit", "-q", "--allow-empty", "-m", message});
  return Git({"rev-parse", "HEAD"});
}

std::string GitRepository::Git(const std::vector<std::string>& arguments) const {
  std::vector<std::string> argv = {"git"};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  CommandEnd end = RunCommand(argv, {.environment = GitEnvironment(path_, commits_),
                                     .directory = path_,
                                     .timeout = std::chrono::seconds(60)});
  if (end.exit_code != 0) throw std::runtime_error("git " + arguments.at(0) + ": " + end.output);
  while (!end.output.empty() && end.output.back() == '\n') end.output.pop_back();
  return end.output;
}

GitServer::GitServer(std::vector<std::string> options) { Start(std::move(options)); }

void GitServer::Start(std::vector<std::string> options) {
  const fs::path port_file = folder_.path() / ".port";
  fs::remove(port_file);
  std::vector<std::string> argv = {
      "python3",       COMMITTEST_SOURCE_DIR "/tests/support/git_server.py",
      "--root",        folder_.path().string(),
      "--port-file",   port_file.string(),
      "--port",        std::to_string(port_),
      "--request-log", (folder_.path() / ".requests").string()};
  argv.insert(argv.end(), options.begin(), options.end());
  process_ = std::make_unique<Command>(
      argv, Command::Options{
                .environment = {{"PATH", kPath}}, .directory = {}, .timeout = kServerLifetime});
  const auto deadline = std::chrono::steady_clock::now() + kStartLimit;
  while (!fs::exists(port_file)) {
    if (std::chrono::steady_clock::now() > deadline) throw std::runtime_error("no Git server");
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  port_ = ReadPort(port_file);
}

void GitServer::Stop() {
  if (process_) process_->Wait();
  process_.reset();
}

GitRepository GitServer::CreateRepository(const std::string& name,
                                          const std::string& object_format) const {
  return GitRepository(folder_.path() / name, object_format);
}

std::string GitServer::Url(const std::string& name) const {
  return "http://127.0.0.1:" + std::to_string(port_) + "/" + name + "/.git";
}

std::vector<std::string> GitServer::Requests() const {
  std::ifstream in(folder_.path() / ".requests");
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

}  // namespace committest::testing
